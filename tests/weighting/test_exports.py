"""The weighted dataset as files.

1. One row per complete interview, in a stable order, with both sectors and the weights.
2. Codes: 98, 99 and 97 are a don't know, a refusal and a « non concerné »; empty is not asked.
3. No contact data, and nothing that a spreadsheet would run.
4. The same run gives the same bytes (CSV) or the same cells (XLSX); XLSX reads back as the CSV.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from cati.models import Case, Contact, Job, Place
from cati.operations import jobs
from cati.operations.errors import Refused
from questionnaire.core.instrument import Instrument, from_json
from questionnaire.models import Interview
from tests.replay import again
from tests.weighting import respondents
from tests.weighting.respondents import weighted
from tests.world import NOW, World
from weighting.exports.files import harmless
from weighting.exports.job import ask_for_export
from weighting.models import Weight, WeightingRun
from weighting.operations.margins import MarginRow, load_margins

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
POLYGLOT = "=cmd|' /C calc'!A0"
ANSWERS = {
    "NUM03": {"special": "dk"},
    "NUM01": {"v": 1},
    "NUM05": {"v": [1, 4]},
    "TRA01": {"special": "refused"},
    "TRA02": {"v": 7},
    "F05": {"v": POLYGLOT},
    "F02": {"v": 1},
}


@pytest.fixture
def run(world: World) -> WeightingRun:
    """Eight interviews in two sectors, of which one is outside the quota, on two margins of sex."""
    return again("eight interviews", lambda: eight_interviews(world))


def eight_interviews(world: World) -> WeightingRun:
    people = [unit for unit in respondents.units() if unit["secteur"] in ("CN", "VE")]
    chosen = [
        next(u for u in people if (u["secteur"], u["sexe"]) == (s, x))
        for s in ("CN", "VE")
        for x in "12"
    ]
    respondents.interviewed(world.wave, chosen * 2, answers=ANSWERS)
    outside = Interview.objects.filter(sector="VE").last()
    Place.objects.filter(interview=outside).update(state=Place.State.OUTSIDE)
    load_margins(
        world.wave,
        [
            MarginRow(sector, "sexe", code, label, share=Decimal(50))
            for sector in ("CN", "VE")
            for code, label in (("1", "Homme"), ("2", "Femme"))
        ],
    )
    return weighted(world.wave, world.alain)


def built(world: World, form: str, run: WeightingRun | None = None) -> Path:
    job = ask_for_export(world.wave, run and run.number, form, world.alain, NOW)
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return jobs.folder() / job.file


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


@pytest.fixture
def rows(world: World, run: WeightingRun) -> list[dict[str, str]]:
    return read(built(world, "csv-codes", run))


def instrument(world: World) -> Instrument:
    assert world.wave.version is not None
    return from_json(world.wave.version.content)


# ------------------------------------------------------------------------------- 1. rows


def test_one_row_per_complete_interview_in_order(
    rows: list[dict[str, str]], run: WeightingRun
) -> None:
    numbers = [int(row["entretien"]) for row in rows]
    assert len(rows) == 8
    assert numbers == sorted(Interview.objects.values_list("pk", flat=True))
    assert [row["compte"] for row in rows] == ["1"] * 7 + ["0"]
    assert rows[-1]["weight"] == rows[-1]["weight_diffusion"] == ""
    weights = (
        Weight.objects.filter(run=run).order_by("interview").values_list("weight", "diffusion")
    )
    found = [(float(row["weight"]), float(row["weight_diffusion"])) for row in rows[:-1]]
    assert found == [pytest.approx(pair, rel=1e-14) for pair in weights]
    assert sum(float(row["weight"]) for row in rows[:-1]) == pytest.approx(2100 + 1700)


def test_both_sectors_and_the_groups_are_told(world: World, run: WeightingRun) -> None:
    moved = Interview.objects.filter(sector="CN").first()
    Case.objects.filter(interviews__interview=moved).update(frame_sector=world.sectors["CH"])
    row = read(built(world, "csv-codes", run))[0]
    assert (row["secteur_fichier"], row["secteur"], row["secteur_nom"]) == (
        "CH", "CN", "Croix-de-Neyrat",
    )  # fmt: skip
    assert set(row["groupes"].split()) >= {"QPV", "QN"}


def test_an_interview_that_is_not_complete_is_left_out(world: World, run: WeightingRun) -> None:
    Interview.objects.filter(pk=Interview.objects.last().pk).update(outcome="40")  # type: ignore[union-attr]
    assert len(read(built(world, "csv-codes", run))) == 7


# ------------------------------------------------------------------------------- 2. codes


def test_specials_and_not_asked_are_told_apart(rows: list[dict[str, str]]) -> None:
    row = rows[0]
    assert row["NUM03"] == "98"
    assert (row["TRA01"], row["TRA01_special"]) == ("", "99")
    # TRA02 is 7, so TRA03 and TRA04 are not asked.
    assert row["TRA02"] == "7"
    assert row["TRA03"] == row["TRA04"] == row["TRA04_1"] == ""


def test_a_multiple_is_a_list_and_one_column_per_choice(rows: list[dict[str, str]]) -> None:
    row = rows[0]
    assert row["NUM05"] == "1 4"
    assert [row[f"NUM05_{code}"] for code in (1, 2, 3, 4)] == ["1", "0", "0", "1"]


def test_computed_variables_and_draws_are_there(rows: list[dict[str, str]]) -> None:
    row = rows[0]
    assert (row["SECTEUR_2"], row["TYPE_SECTEUR"], row["MODULE"]) == ("CN", "QPV", "A")
    assert row["MAL_A_LAISE"] == "0"
    assert row["AGE5"] in "12345"


def test_every_item_but_those_of_the_contact_has_its_column(
    world: World, rows: list[dict[str, str]]
) -> None:
    for item in instrument(world).items:
        kept = item.type != "info" and item.store != "contact"
        assert (item.code in rows[0]) == kept, item.code


def test_labels_say_the_codes_in_words(world: World, run: WeightingRun) -> None:
    row = read(built(world, "csv-labels", run))[0]
    assert row["NUM03"] == "Ne se prononce pas"
    assert row["TRA01_special"] == "Refuse de répondre"
    assert row["NUM05"] == "Ordinateur | Imprimante ou scanner"
    assert row["NUM05_2"] == "Non"
    assert row["S09"] in ("Un homme", "Une femme")
    assert row["compte"] == "Oui"
    assert row["TRA03"] == ""


def test_the_dictionary_has_every_column_and_code(
    world: World, run: WeightingRun, rows: list[dict[str, str]]
) -> None:
    lines = read(built(world, "csv-dictionary", run))
    assert [line["variable"] for line in lines if line["type"]] == list(rows[0])
    codes = {(line["variable"], line["code"]): line["modalite"] for line in lines if line["code"]}
    assert codes["NUM03", "98"] == "Ne se prononce pas"
    for row in rows:
        for name, cell in row.items():
            known = {code for variable, code in codes if variable == name}
            if known and cell and " " not in cell:
                assert cell in known, (name, cell)


# ------------------------------------------------------------------------------- 3. safety


def test_no_contact_data_leaves(world: World, run: WeightingRun) -> None:
    for number, case in enumerate(Case.objects.filter(interviews__isnull=False)):
        Contact.objects.create(
            case=case,
            name=f"Zébulon {number}",
            address="1 rue Introuvable",
            kept={"S04": "1 rue Introuvable", "F04": "01 99 00 12 34, le soir"},
        )
    for form in ("csv-codes", "csv-labels", "csv-dictionary"):
        text = built(world, form, run).read_text("utf-8-sig")
        assert "Zébulon" not in text
        assert "Introuvable" not in text
        assert "99 00 12" not in text
        assert "ENQUETEUR" not in text


@pytest.mark.parametrize("form", ["csv-codes", "csv-labels"])
def test_a_formula_in_an_answer_is_only_text(world: World, run: WeightingRun, form: str) -> None:
    assert {row["F05"] for row in read(built(world, form, run))} == {"'" + POLYGLOT}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_begins_a_formula_is_put_behind_an_apostrophe(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless("\x00\x08" + start + "1") == f"'{start}1"
    assert harmless(-1.5) == -1.5
    assert harmless("a=1") == "a=1"


# ------------------------------------------------------------------------------- 4. files


def test_the_same_run_gives_the_same_bytes(world: World, run: WeightingRun) -> None:
    for form in ("csv-codes", "csv-labels", "csv-dictionary"):
        first, second = built(world, form, run), built(world, form, run)
        assert first != second
        assert first.read_bytes() == second.read_bytes()
        assert b"\r" not in first.read_bytes()


def test_the_workbook_reads_back_value_by_value(
    world: World, run: WeightingRun, rows: list[dict[str, str]]
) -> None:
    book = load_workbook(built(world, "xlsx", run), read_only=False)
    assert book.sheetnames == ["données", "dictionnaire", "fréquences"]
    sheet = book["données"]
    heading = [cell.value for cell in sheet[1]]
    assert heading == list(rows[0])
    assert sheet.max_row == 1 + len(rows)
    for line, row in zip(sheet.iter_rows(min_row=2), rows, strict=True):
        for cell, name in zip(line, heading, strict=True):
            assert cell.data_type != "f", name
            value = cell.value
            said = row[str(name)]
            if isinstance(value, int | float):
                assert value == float(said), name
            else:
                assert (value or "") == said, name
    written = read(built(world, "csv-dictionary", run))
    lines = [[cell.value for cell in line] for line in book["dictionnaire"].iter_rows(min_row=2)]
    shown = [["" if value is None else str(value) for value in line] for line in lines]
    assert shown == [list(line.values()) for line in written]


def test_a_missing_run_or_format_is_refused_at_once(world: World) -> None:
    for run, form, field in (
        ("1", "csv-codes", "run"),
        ("x", "xlsx", "run"),
        ("1", "pdf", "format"),
    ):
        with pytest.raises(Refused) as refusal:
            ask_for_export(world.wave, run, form, world.alain, NOW)
        assert list(refusal.value.messages) == [field]
    assert not Job.objects.filter(kind="export").exists()


def test_a_full_disk_says_what_to_free(
    world: World, run: WeightingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage: Any = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr("weighting.exports.job.shutil.disk_usage", lambda folder: usage)
    job = ask_for_export(world.wave, run.number, "xlsx", world.alain, NOW)
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.error.startswith("Le disque est plein : 0 Mo libres, il en faut 1.")
    assert list(jobs.folder().iterdir()) == []


def test_the_command_writes_the_data_and_its_dictionary(
    world: World, run: WeightingRun, tmp_path: Path
) -> None:
    out = tmp_path / "sortie"
    call_command("export_wave", wave="2026", run=run.number, format="csv-codes", out=str(out))
    written = {path.name for path in out.iterdir()}
    assert written == {
        "allo-quartiers-2026-calage-1-codes.csv",
        "allo-quartiers-2026-calage-1-dictionnaire.csv",
    }
    through_the_job = built(world, "csv-codes", run)
    assert (
        out / "allo-quartiers-2026-calage-1-codes.csv"
    ).read_bytes() == through_the_job.read_bytes()


def test_the_command_says_what_is_missing(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="2031"):
        call_command("export_wave", wave="2031", format="xlsx", out=str(tmp_path))
    with pytest.raises(CommandError, match="calage"):
        call_command("export_wave", wave="2026", format="xlsx", out=str(tmp_path))
