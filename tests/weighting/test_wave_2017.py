"""The wave of 2017, reconstituted, and the Flash that is made of it.

1. Interviews are whole routes that the engine accepted; weights come from calibration.
2. Every published cell comes out as printed, its mark included, row sums of 99 and 101 too.
3. The sentences, cards and filtered figures are the published ones, derived sums both ways.
4. The command writes the page and every cell; nothing of it differs from the committed files.
5. The builder, its files, the Flash pages, the API and the job of all tables show the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from lxml import html
from openpyxl import load_workbook
from pytest_django import DjangoDbBlocker

from cati.models import Contact, Job, Membership, Role, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from questionnaire.core.routing import Walker
from questionnaire.core.state import State
from questionnaire.models import Interview
from questionnaire.queries import program_of
from weighting import queries
from weighting.core.demo import DEMO
from weighting.core.rounding import percent
from weighting.core.wave_2017 import TABLES, dealt, printed
from weighting.flash import words
from weighting.flash.answers import ADULTS, answers_of
from weighting.flash.build import Ask, Made, made
from weighting.flash.page import Page, description, page_of, read
from weighting.flash.published import differences
from weighting.operations.wave_2017 import prepare_wave_2017

NOW = datetime(2026, 3, 17, 14, tzinfo=UTC)
STARS = {("NUM02", "FB", "47%*"), ("NUM02", "CO", "57%*"), ("NUM02", "QVA", "58%*"),
         ("NUM03", "QVA", "46%*")}  # fmt: skip
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(scope="module")
def wave(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Wave]:
    """Made once: every test here only reads it."""
    from django.db import connection, transaction
    from django.test import override_settings

    with django_db_blocker.unblock(), override_settings(DEMO=True):
        outer = transaction.atomic()
        outer.__enter__()
        # The job that weighs runs outside any transaction elsewhere; here all is taken back.
        yield prepare_wave_2017(NOW)
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)
        connection.close()


def tables(wave: Wave, weights: str = "weight_diffusion") -> dict[str, Made]:
    run = queries.official(wave)
    assert run is not None
    answers = answers_of(run, weights)
    return {item: made(answers, Ask(item, preset="flash2017", published=True)) for item in TABLES}


def flash(wave: Wave) -> Page:
    run = queries.official(wave)
    assert run is not None
    return page_of(answers_of(run), description("numerique"), "numerique")


def test_interviews_are_whole_routes_of_the_engine(wave: Wave) -> None:
    interviews = list(queries.counted(wave))
    assert len(interviews) == 1500
    assert wave.is_demo and "synthétique" in wave.name
    assert not Contact.objects.filter(case__wave=wave).exists()
    assert wave.version is not None
    program = program_of(wave.version)
    for interview in interviews[::125]:
        walker = Walker(program, State.from_json(interview.answers))
        assert walker.outcome() == "complete" and walker.next() is None
        assert not walker.route().hard_failures
        kinds = interview.events.values_list("kind", flat=True)
        assert len(kinds) == interview.seq and "end" in kinds


def test_weights_come_from_calibration(wave: Wave) -> None:
    run = queries.official(wave)
    assert run is not None and run.method == "raking" and run.interviews == 1500
    assert max(sector["worst"] for sector in run.report["sectors"]) < 1e-6
    total = sum(run.weights.values_list("diffusion", flat=True))
    assert total == pytest.approx(210_600)


@pytest.mark.parametrize("weights", ["weight_diffusion", ADULTS])
def test_all_published_cells_come_out_as_printed(wave: Wave, weights: str) -> None:
    found = tables(wave, weights)
    assert sum(len(row) for item in TABLES for row in printed(item).values()) == 99
    assert {item: differences(table) for item, table in found.items()} == {
        "NUM02": [], "NUM03": []
    }  # fmt: skip


def test_the_mark_stands_on_the_four_published_cells_alone(wave: Wave) -> None:
    starred = {
        (item, table.rows[r].code, f"{table.rounded[r, c]:.0f}%*")
        for item, table in tables(wave).items()
        for r, c in np.argwhere(table.table.stars)
    }
    assert starred == STARS


def test_rows_add_up_to_99_and_101_as_published(wave: Wave) -> None:
    with (DEMO / TABLES["NUM03"]).open(encoding="utf-8-sig") as lines:
        sums = {row["sector"]: int(row["row_sum"]) for row in csv.DictReader(lines)}
    assert {99, 101} <= set(sums.values())
    table = tables(wave)["NUM03"]
    found = {row.code: table.rounded[r].sum() for r, row in enumerate(table.rows)}
    assert found == sums


def test_rows_stand_in_their_published_order_with_the_second_control_as_a_title(
    wave: Wave,
) -> None:
    rows = tables(wave)["NUM02"].rows
    assert [row.code for row in rows] == list(printed("NUM02"))
    assert [row.label for row in rows][2:5] == [
        "Quartiers Nord (QN)", "Croix-Neyrat(QN)", "Champratel (QN)"
    ]  # fmt: skip
    assert [row.block for row in rows if row.block] == ["Secteur témoin 2 (valeurs non publiées)"]
    assert [row.code for row in rows if row.strong] == ["T1", "QPV", "QN"]
    heads = [head.label for head in tables(wave)["NUM03"].table.heads]
    assert heads.index("Ne se prononce pas") == 2


PUBLISHED = {
    "equipes": {"QPV": 79, "T1": 90},
    "sans_internet": {"QPV": 18, "T1": 7},
    "mal_a_laise": {"QPV": 28, "T1": 18, "FB": 39},
    "mal_a_laise_exact": {"QPV": 27, "T1": 19},
    "accompagnes": {"QPV": 48, "T1": 58, "FB": 32, "CO": 69},
    "sans_accompagnement": {"QPV": 35, "T1": 20, "FB": 50},
    "sans_insertion": {"QPV": 31, "T1": 45},
}


def test_the_figures_of_the_sentences_are_the_published_ones(wave: Wave) -> None:
    page = flash(wave)
    found = {
        name: {territory: page.figures[name].printed[territory] for territory in its}
        for name, its in PUBLISHED.items()
    }
    assert found == PUBLISHED


def test_the_page_says_what_the_agency_wrote(wave: Wave) -> None:
    page = flash(wave)
    text = page.text.replace("\u00a0", " ")
    assert "18 % des habitants n’ont pas internet à domicile, plus de deux fois plus" in text
    assert "28 % se disent peu ou pas à l’aise" in text and text.endswith("contre 18 %.")
    assert [card.large.replace("\u00a0", " ") for card in page.cards] == [
        "79 %", "18 %", "48 %", "35 %"
    ]  # fmt: skip
    assert page.cards[0].small.replace("\u00a0", " ") == "témoin 1 : 90 %"
    # Its margins of error are those of 2017, which ask for a warning.
    assert any("jusqu’à 13 fois sur 100" in note for note in page.notes[0])


def test_the_filtered_base_is_its_own(wave: Wave) -> None:
    whole, among = (block.made for block in list(flash(wave).tables)[1:3])
    assert among.ask.among == "MAL_A_LAISE"
    ill = whole.table.people[:, 3] + whole.table.people[:, 4]
    np.testing.assert_array_equal(among.table.n, ill)
    assert (among.table.weighted < whole.table.weighted).all()


def test_gaps_to_the_reference_are_those_of_the_text(wave: Wave) -> None:
    run = queries.official(wave)
    assert run is not None
    ask = Ask("NUM02", preset="flash2017", published=True, gaps=True)
    found = made(answers_of(run), ask)
    gaps = found.table.gaps
    assert gaps is not None
    online = {row.code: percent(-gaps.values[r, 0]) for r, row in enumerate(found.rows)}
    # « 11 points » in the priority neighbourhoods, « 15 points » in Saint-Jacques.
    assert (online["QPV"], online["SJ"]) == (-11, -15)
    qpv = next(r for r, row in enumerate(found.rows) if row.code == "QPV")
    assert gaps.ratios[qpv, 0] > 2 and gaps.holm[qpv, 0] < 0.05


def test_the_command_writes_the_page_and_every_cell(wave: Wave, tmp_path: Path) -> None:
    out = StringIO()
    call_command("flash", "numerique", wave="2017", out=tmp_path, stdout=out)
    assert "NUM02 : 44 cases publiées, aucune différence" in out.getvalue()
    assert "NUM03 : 55 cases publiées, aucune différence" in out.getvalue()
    stem = tmp_path / "flash-numerique-2017"
    with stem.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for item in TABLES:
        cells: dict[str, list[str]] = {}
        for row in rows:
            if row["question"] == item and not row["parmi"] and not row["somme_des_arrondis"]:
                cells.setdefault(row["ligne"], []).append(row["imprime"])
        assert {key: cells[key] for key in printed(item)} == printed(item)
    page: Any = html.parse(str(stem.with_suffix(".html"))).getroot()
    shown = [td.text_content().strip() for td in page.xpath("(//table)[1]//td")]
    assert shown == [cell for row in printed("NUM02").values() for cell in row]
    assert not page.xpath("//script | //link[@rel='stylesheet'] | //img")
    assert page.xpath("//svg[@role='img'][@aria-label]/following-sibling::details//table")
    assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF-1")


def test_it_is_made_once_and_only_for_a_demonstration(wave: Wave, settings: Any) -> None:
    settings.DEMO = True
    before = Interview.objects.count()
    assert prepare_wave_2017(NOW) == wave and Interview.objects.count() == before
    settings.DEMO = False
    with pytest.raises(Refused):
        prepare_wave_2017(NOW)
    with pytest.raises(CommandError, match="no wave"):
        call_command("flash", "numerique", wave="1999", out="nowhere")


def test_shares_that_whole_people_cannot_reach_are_refused() -> None:
    with pytest.raises(ValueError, match="missed by"):
        dealt(np.ones(3), np.array([0.5, 0.5]), np.zeros(3, int))


# ------------------------------------------------------------------------------- screens and API


@pytest.fixture
def admin(wave: Wave) -> Client:
    user = User.objects.create(username="analyste", is_demo=True)
    Membership.objects.create(user=user, wave=wave, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    return client


def test_the_builder_crosses_filters_adds_up_and_says_so(wave: Wave, admin: Client) -> None:
    first = html.fromstring(admin.get("/v/2017/tableaux/").content)
    assert first.xpath("//select[@name='question']") and not first.xpath("//main//table")
    chosen = {
        "question": "NUM03", "presentation": "flash2017", "poids": "weight_diffusion",
        "somme": ["3", "4"], "ecarts": "on", "effectifs": "on", "intervalles": "on",
    }  # fmt: skip
    shown = html.fromstring(admin.get("/v/2017/tableaux/", chosen).content)
    rows = {row[0].text_content(): row for row in shown.xpath("//main//tbody/tr")}
    assert "46%*" in rows["QVA Patural, Les Pègues"].text_content()
    # Of exact figures: 18.6 less 11.3 is 7, as 19 less 11 is not.
    assert "+7 pts" in rows["Ensemble QPV"].text_content()
    told = " ".join(shown.xpath("string(//p[@class='sum'])").split())
    assert "somme des arrondis : Ensemble QPV 28 %, Secteur témoin 1 18 %" in told
    assert "somme exacte : Ensemble QPV 27 %, Secteur témoin 1 19 %" in told
    among = chosen | {"question": "NUM04", "parmi": "NUM03", "reponses": ["3", "4"]}
    page = admin.get("/v/2017/tableaux/", among)
    text = html.fromstring(page.content).xpath("string(//main)")
    who = "Parmi : À l’aise : « Plutôt non » ou « Non pas du tout »"
    assert page.status_code == 200 and who in text
    nobody = admin.get("/v/2017/tableaux/", among | {"reponses": []})
    assert nobody.status_code == 422 and "cochez une réponse ou plus" in nobody.content.decode()
    crossed = admin.get("/v/2017/tableaux/", chosen | {"par": "NUM02"}).content.decode()
    assert "Selon : " in crossed


def test_a_chosen_question_brings_its_answers_to_tick(wave: Wave, admin: Client) -> None:
    sent = {"HX-Request": "true"}
    reply = admin.get("/v/2017/tableaux/", {"parmi": "NUM03"}, headers=sent)
    boxes = html.fromstring(reply.content).xpath("//*[@id='reponses']//input/@value")
    assert boxes == ["1", "2", "3", "4", "dk"]
    assert not html.fromstring(reply.content).xpath("//table")


def test_the_standard_presentation_keeps_small_bases_back(wave: Wave) -> None:
    run = queries.official(wave)
    assert run is not None
    answers = answers_of(run)
    few = made(answers, Ask("NUM04", among="MAL_A_LAISE and AGE5 == 5"))
    states = {row.code: few.table.states[r] for r, row in enumerate(few.rows)}
    assert "hidden" in states.values()
    for r, state in enumerate(few.table.states):
        cells = [words.cell(few, r, c) for c in range(len(few.table.heads))]
        kept_back = state in ("hidden", "secondary")
        assert np.isnan(few.table.values[r]).all() == (kept_back or state == "empty")
        assert (set(cells) == {"s"}) == kept_back
        assert state != "frail" or all(cell.strip("°").startswith("(") for cell in cells)


def test_the_files_have_the_figures_of_the_screen(wave: Wave, admin: Client) -> None:
    address = "/v/2017/tableaux/fichier.{}?question=NUM02&presentation=flash2017&poids=weight"
    lines = admin.get(address.format("csv")).content.decode("utf-8-sig").splitlines()
    rows = list(csv.DictReader(lines))
    assert [row["imprime"] for row in rows if row["ligne"] == "FB"] == printed("NUM02")["FB"]
    book = load_workbook(BytesIO(admin.get(address.format("xlsx")).content))
    [sheet, _every] = book.worksheets
    cells = {row[0].value: [cell.value for cell in row[1:5]] for row in sheet.iter_rows()}
    assert cells["Fontaine du Bac"] == printed("NUM02")["FB"]
    assert admin.get("/v/2017/tableaux/fichier.sav").status_code == 404


@pytest.mark.parametrize("form", ["pdf", "html", "csv"])
@pytest.mark.parametrize("theme", ["numerique", "sante"])
def test_a_flash_is_shown_and_given_as_a_file(
    wave: Wave, admin: Client, theme: str, form: str
) -> None:
    shown = admin.get(f"/v/2017/tableaux/flash/{theme}/")
    assert shown.status_code == 200
    given = admin.get(f"/v/2017/tableaux/flash/{theme}/fichier.{form}")
    assert given.status_code == 200 and f"flash-{theme}-2017.{form}" in str(given.headers)
    assert len(given.content) > 5_000


def test_the_api_gives_the_table_and_refuses_by_field(wave: Wave, admin: Client) -> None:
    run = queries.official(wave)
    assert run is not None
    address = f"/api/v1/waves/2017/runs/{run.number}/"
    codes = [one["code"] for one in admin.get(address + "questions/").json()]
    assert {"NUM02", "NUM03", "MAL_A_LAISE", "AGE5"} <= set(codes)
    asked = {"item": "NUM03", "preset": "flash2017", "sum": "3,4", "gaps": "true"}
    table = admin.get(address + "tables/", asked).json()
    qpv = next(row for row in table["rows"] if row["code"] == "QPV")
    last = qpv["cells"][-1]
    assert (last["sum_of_rounded"], last["rounded"]) == (28.0, 27.0)
    assert last["gap"] == pytest.approx(
        last["estimate"] - table["rows"][0]["cells"][-1]["estimate"]
    )
    wrong = admin.get(address + "tables/", {"item": "NUM03", "among": "NUM99 == 1"})
    assert wrong.status_code == 422 and "among" in wrong.json()["errors"]
    assert admin.get(address + "tables/", {"item": "RIEN"}).status_code == 422


def test_all_tables_are_made_by_a_job_that_says_how_far_it_is(
    wave: Wave, admin: Client, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    sent = {"uuid": str(uuid4()), "calage": "", "poids": "weight_diffusion"}
    assert admin.post("/v/2017/tableaux/tous/", sent)["Location"] == "/v/2017/travaux/"
    job = Job.objects.get(kind="tables")
    assert jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    book = load_workbook(jobs.folder() / job.file, read_only=True)
    assert "Numérique" in book.sheetnames and job.result["tables"] > 60
    assert "Tous les tableaux, calage n°" in admin.get("/v/2017/travaux/").content.decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", "pas du YAML"),
        ("text: sans titre", "Il manque le titre"),
        ("title: T\nsheet: []", "« sheet » n’est pas connu"),
        ("title: T\nsheets: [[{table: {item: NUM02, par: AGE5}}]]", "« par » n’est pas connu"),
        ("title: T\nsheets: [[{image: x}]]", "un bloc est"),
        ("title: T\nsheets: [[{table: {item: NUM99}}]]", "n’est pas une question"),
        ("title: T\nsheets: [[{table: {item: NUM02, among: NUM99 == 1}}]]", "NUM99"),
        ("title: T\ntext: '{rien:QPV}'", "« rien » n’est pas sous"),
        ("title: T\nfigures: {f: {item: NUM02, answers: [9]}}", "« 9 » n’est pas une réponse"),
    ],
)
def test_a_page_that_cannot_be_made_says_what_is_wrong(wave: Wave, text: str, said: str) -> None:
    run = queries.official(wave)
    assert run is not None
    with pytest.raises(Refused) as refused:
        page_of(answers_of(run), read(text), "essai")
    assert said in refused.value.messages["page"]
