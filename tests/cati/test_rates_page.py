"""The outcome rates of a wave: on the page, as CSV, by the API and by the command.

1. The figures are those of a plain count over the calls, on a fieldwork that was really played.
2. Which cases count: released, and not taken out by a quota before anybody dialled.
3. The page: groups, e, search, one line's outcomes, an empty wave.
4. The same figures elsewhere: CSV, API, command.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import html
from rest_framework.authtoken.models import Token

from cati.core.rates import CLASSES, NAMES, Counts, rates
from cati.models import Attempt, Case, Phone, QuotaCell, Replicate, User, Wave
from cati.operations.demo_fieldwork import SEED, begin_fieldwork
from cati.queries.rates import NOBODY, indicators
from tests.weighting.short_wave import short_wave
from tests.world import NOW, World
from weighting.core.demo_population import demo_sampling

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/indicateurs/"
TARGET = 90


def call(case: Case, user: User, code: str, aapor: str = "", **fields: Any) -> Attempt:
    """A call of the case that ended with this outcome, after those it had."""
    return Attempt.objects.create(
        case=case, interviewer=user, phone=case.phones.first(), epoch=0, opened_at=NOW,
        closed_at=NOW, disposition=code, aapor=aapor, **fields,
    )  # fmt: skip


@pytest.fixture
def called(world: World) -> World:
    """Six cases: a complete, a refusal that nobody answered after, an absence, a fax, two fresh."""
    complete, refused, silent, fax = world.cases[:4]
    call(complete, world.nadia, "10", "1.1")
    call(refused, world.nadia, "40", "2.111")
    call(refused, world.yann, "32", "3.13")
    call(silent, world.yann, "32", "3.13")
    call(fax, world.yann, "35", "4.20")
    Phone.objects.filter(case=fax).update(state=Phone.State.CLOSED)
    return world


# ------------------------------------------------------------------------------- 1. figures


@pytest.fixture
def played() -> Wave:
    """A sector of 90, two thirds of it played, in two replicates of which one is released.

    Every third case whose number is alive is rung once more, in vain, by somebody else.
    """
    wave = short_wave(NOW, sector="T1", target=TARGET, cases=4 * TARGET)
    begin_fieldwork(wave, demo_sampling({"T1": TARGET}, SEED), NOW)
    yann = User.objects.create(username="yann")
    living = Case.objects.filter(wave=wave, attempts__gt=0, phones__state=Phone.State.VALID)
    for case in living.order_by("number")[::3]:
        call(case, yann, "33", "3.14")
    fresh = Case.objects.filter(wave=wave, attempts=0).order_by("-number")[:50]
    Case.objects.filter(pk__in=[case.pk for case in fresh]).update(replicate=2)
    Replicate.objects.create(wave=wave, number=1, released_at=NOW)
    Replicate.objects.create(wave=wave, number=2)
    return wave


# The strongest first, written down a second time: as words of the method, not as its table.
STRONGEST = (
    {"10"}, {"11"}, {"60", "62", "63", "64"}, {"12", "23", "40", "41", "42", "50", "51", "52"},
    {"13", "20", "21", "22", "54"}, {"24"}, {"31", "32", "33", "37", "53"},
    {"34", "35", "36", "61"},
)  # fmt: skip
CLASS_OF = {
    **dict.fromkeys(["10"], ("I", "I")),
    **dict.fromkeys(["11"], ("P", "P")),
    **dict.fromkeys(["12", "41"], ("R", "R")),
    **dict.fromkeys(["23", "40", "42"], ("UR", "R")),
    **dict.fromkeys(["20", "22"], ("UR", "NC")),
    **dict.fromkeys(["13"], ("UH", "R")),
    **dict.fromkeys(["24", "31", "32", "33", "37", "53", ""], ("UH", "NC")),
    **dict.fromkeys(["50", "51"], ("UR", "O")),
    **dict.fromkeys(["34", "35", "36", "61"], ("NE", "NC")),
    **dict.fromkeys(["60", "62", "63"], ("NE", "NE")),
}


def counted_by_hand(wave: Wave) -> tuple[Counter[str], Counter[str], int]:
    """Cases by class and by deciding interviewer, and those reached, from the calls one by one."""
    classes: Counter[str] = Counter()
    people: Counter[str] = Counter()
    reached = 0
    for case in Case.objects.filter(wave=wave).prefetch_related("calls__interviewer", "phones"):
        calls = sorted(case.calls.all(), key=lambda one: one.opened_at)
        if not calls and case.replicate == 2:
            continue
        codes = [one.disposition for one in calls]
        dead = STRONGEST[-1] & set(codes)
        best = next((rank & set(codes) for rank in STRONGEST if rank & set(codes)), {""})
        if dead and best <= STRONGEST[-2]:
            # Here every case has one number, and none rang after it was dead.
            best = dead
        deciding = next((one for one in reversed(calls) if one.disposition in best), None)
        code = deciding.disposition if deciding else ""
        classes[CLASS_OF[code][case.screened]] += 1
        people[deciding.interviewer.username if deciding else NOBODY] += 1
        spoken = case.screened or set(codes) & set().union(*STRONGEST[:5])
        reached += bool(spoken) and CLASS_OF[code][case.screened] != "NE"
    return classes, people, reached


def test_the_figures_are_those_of_a_count_by_hand(played: Wave) -> None:
    classes, people, reached = counted_by_hand(played)
    found = indicators(played, "interviewer")
    assert found.total.counts == Counts(**classes)
    assert found.total.rates == rates(Counts(**classes))
    assert {line.key: line.cases for line in found.lines} == people
    assert found.total.reached == reached
    assert found.total.transformation == classes["I"] / reached
    assert min(classes[name] for name in ("I", "UH", "UR", "NE")) > 0
    # Had the last call of each case decided, a third of the interviews would be lost.
    last = Case.objects.filter(wave=played, calls__disposition="33", disposition="10").distinct()
    assert last.count() > 10


# ------------------------------------------------------------------------------- 2. who counts


def test_each_case_counts_by_what_became_of_it(called: World) -> None:
    found = indicators(called.wave)
    assert found.total.counts == Counts(I=1, R=1, UH=3, NE=1)
    assert found.total.reached == 2
    codes = [(one.code, one.aapor, one.cases) for one in found.total.outcomes]
    assert codes == [
        ("10", "1.1", 1), ("40", "2.111", 1), ("32", "3.13", 1), ("35", "4.20", 1),
        ("00", "3.11", 2),
    ]  # fmt: skip


def test_a_maximum_of_calls_does_not_hide_the_refusal(called: World) -> None:
    refused = called.cases[1]
    for _ in range(10):
        call(refused, called.yann, "33", "3.14")
    Case.objects.filter(pk=refused.pk).update(disposition="33", state="closed")
    assert indicators(called.wave).total.counts.R == 1


def test_a_replicate_that_is_not_released_is_not_in_the_sample(called: World) -> None:
    Case.objects.filter(pk__in=[case.pk for case in called.cases[3:]]).update(replicate=2)
    held_back = Replicate.objects.create(wave=called.wave, number=2)
    # The fax of replicate 2 was called all the same, and stays.
    assert indicators(called.wave).total.counts == Counts(I=1, R=1, UH=1, NE=1)
    held_back.released_at = NOW
    held_back.save()
    assert indicators(called.wave).total.counts == Counts(I=1, R=1, UH=3, NE=1)


@pytest.mark.parametrize("how", [{"state": "closed"}, {"target": 0}])
def test_a_full_sector_takes_out_what_nobody_dialled_yet(
    called: World, how: dict[str, Any]
) -> None:
    QuotaCell.objects.filter(pk=called.cells["T1"].pk).update(**how)
    assert indicators(called.wave).total.counts == Counts(I=1, R=1, UH=1, NE=1)
    call(called.cases[4], called.nadia, "32", "3.13")
    assert indicators(called.wave).total.counts.UH == 2


def test_who_met_a_full_quota_is_counted_apart(called: World) -> None:
    call(called.cases[4], called.nadia, "64", "4.80")
    total = indicators(called.wave).total
    assert (total.quota, total.counts, total.cases) == (1, Counts(I=1, R=1, UH=2, NE=1), 6)
    assert total.reached == 2
    assert (total.rates.e, indicators(called.wave).e_with_quota) == (2 / 3, 2 / 4)


def test_a_number_left_to_ring_keeps_the_case_unknown(called: World) -> None:
    two_numbers = called.cases[5]
    call(two_numbers, called.nadia, "34", "4.31")
    Phone.objects.filter(case=two_numbers, rank=1).update(state=Phone.State.CLOSED)
    assert indicators(called.wave).total.counts.NE == 1
    Phone.objects.filter(case=two_numbers).update(state=Phone.State.CLOSED)
    assert indicators(called.wave).total.counts.NE == 2


def test_a_call_that_was_left_without_an_outcome_is_not_an_attempt(called: World) -> None:
    Attempt.objects.create(
        case=called.cases[4], interviewer=called.nadia, epoch=0, opened_at=NOW, closed_at=NOW,
        abandoned=True,
    )  # fmt: skip
    found = indicators(called.wave, "interviewer")
    assert found.total.counts == Counts(I=1, R=1, UH=3, NE=1)
    assert [line.cases for line in found.lines if line.key == NOBODY] == [2]


def test_who_opposed_without_a_call_has_declined(called: World) -> None:
    silent, fresh = called.cases[2], called.cases[4]
    Case.objects.filter(pk__in=[silent.pk, fresh.pk]).update(state="closed", disposition="42")
    found = indicators(called.wave, "interviewer")
    assert found.total.counts == Counts(I=1, R=1, UH=1, UR=2, NE=1)
    assert {line.key: line.counts.UR for line in found.lines}[NOBODY] == 2


def test_the_one_whose_call_decided_has_the_case(called: World) -> None:
    lines = {line.key: line.counts for line in indicators(called.wave, "interviewer").lines}
    assert lines["nadia"] == Counts(I=1, R=1)
    assert lines["yann"] == Counts(UH=1, NE=1)
    assert lines[NOBODY] == Counts(UH=2)


@pytest.mark.parametrize("by", ["sector", "replicate", "interviewer"])
def test_groups_sum_to_the_whole_and_share_its_e(called: World, by: str) -> None:
    found = indicators(called.wave, by)
    for name in CLASSES:
        parts = [getattr(line.counts, name) for line in found.lines]
        assert sum(parts) == getattr(found.total.counts, name)
    assert sum(line.reached for line in found.lines) == found.total.reached
    assert {line.rates.e for line in found.lines} == {found.total.rates.e}


def test_reading_them_takes_three_queries_however_many_cases(called: World) -> None:
    with CaptureQueriesContext(connection) as asked:
        indicators(called.wave, "sector")
    assert len(asked) == 3


def test_another_wave_has_its_own(called: World) -> None:
    assert indicators(called.other_wave).total.cases == 0


# ------------------------------------------------------------------------------- 3. the page


@pytest.fixture
def claire(world: World) -> Client:
    return world.client(world.claire)


def shown(client: Client, query: str = "") -> Any:
    return html.fromstring(client.get(PAGE + query).content)


def lines(page: Any, table: int = 1) -> dict[str, list[str]]:
    """The cells of each row by its name, of the table of rates or another."""
    rows = page.xpath(f"(//table)[{table}]//tr[th[@scope='row']]")
    return {
        " ".join(row.xpath("string(th)").split()): [
            " ".join(cell.text_content().split()) for cell in row.xpath("td")
        ]
        for row in rows
    }


def test_each_sector_has_its_rates_in_percent(called: World, claire: Client) -> None:
    shows = lines(shown(claire))
    assert list(shows) == ["Secteur témoin 1", "Croix-de-Neyrat", "Les Vergnes", "Ensemble"]
    whole = dict(zip(("n", *NAMES, "transformation"), shows["Ensemble"], strict=True))
    assert whole["n"] == "6"
    assert (whole["RR1"], whole["RR3"], whole["RR5"]) == ("20,0", "25,0", "50,0")
    assert (whole["COOP1"], whole["transformation"]) == ("50,0", "50,0")
    assert shows["Secteur témoin 1"][1:4] == ["0,0", "0,0", "0,0"]
    assert shows["Secteur témoin 1"][5] == "–"


def test_the_counts_by_class_stand_behind_the_rates(called: World, claire: Client) -> None:
    shows = lines(shown(claire), table=2)
    assert shows["Ensemble"] == ["1", "0", "1", "0", "0", "3", "0", "0", "1", "0", "2"]
    assert shows["Croix-de-Neyrat"] == ["1", "0", "1", "0", "0", "0", "0", "0", "0", "0", "2"]


def test_the_outcomes_are_those_of_all_or_of_the_chosen_line(called: World, claire: Client) -> None:
    assert lines(shown(claire), table=3) == {
        "Entretien complet": ["10", "1.1", "I", "1"],
        "Refus du foyer": ["40", "2.111", "R", "1"],
        "Ne répond pas": ["32", "3.13", "UH", "1"],
        "Fax ou modem": ["35", "4.20", "NE", "1"],
        "Fiche non appelée": ["00", "3.11", "UH", "2"],
    }
    page = shown(claire, "?ligne=VE")
    assert list(lines(page, table=3)) == ["Ne répond pas", "Fax ou modem"]
    assert page.xpath("string(//h2[@id='outcomes'])") == "Issues : Les Vergnes"


def test_it_says_that_under_quotas_they_are_fieldwork_indicators(
    called: World, claire: Client
) -> None:
    page = shown(claire)
    assert page.xpath("string(//h1)") == "Indicateurs de terrain"
    assert "Sous quotas" in page.text_content()


def test_it_breaks_down_by_replicate_and_by_interviewer(called: World, claire: Client) -> None:
    assert list(lines(shown(claire, "?par=replicate"))) == ["Réplique 1", "Ensemble"]
    by_person = list(lines(shown(claire, "?par=interviewer")))
    assert by_person == ["Nadia Benali", "Yann Chabert", "Aucun appel terminé", "Ensemble"]


def test_a_share_is_typed_with_a_comma(called: World, claire: Client) -> None:
    page = shown(claire, "?e=0,5")
    assert lines(page)["Ensemble"][3] == "28,6"
    assert "comptée comme éligible : 0,500" in page.text_content()


def test_a_share_that_is_none_is_told_beside_its_field(called: World, claire: Client) -> None:
    page = shown(claire, "?e=1,4")
    (field,) = page.xpath("//input[@name='e']")
    assert (field.get("value"), field.get("aria-invalid")) == ("1,4", "true")
    (told,) = page.xpath(f"//*[@id='{field.get('aria-describedby')}']")
    assert "« 1,4 » n’est pas une part" in told.text_content()
    assert lines(page)["Ensemble"][3] == "25,0"


def test_the_search_keeps_the_lines_with_its_words(called: World, claire: Client) -> None:
    assert list(lines(shown(claire, "?q=TEMOIN"))) == ["Secteur témoin 1", "Ensemble"]
    nothing = shown(claire, "?q=nulle+part")
    assert list(lines(nothing)) == ["Ensemble"]
    assert "Aucune ligne ne porte ce nom" in nothing.text_content()


def test_a_wave_without_a_sample_says_what_to_do(world: World) -> None:
    oscar = world.client(world.oscar)
    page = oscar.get("/v/2025/indicateurs/").content.decode()
    assert "Importez un échantillon" in page
    assert "<table class" not in page.partition("<main")[2].partition("</main>")[0]


def test_what_is_typed_stays_text(called: World, claire: Client) -> None:
    User.objects.filter(pk=called.yann.pk).update(first_name="<script>x</script>", last_name="=1+1")
    page = claire.get(PAGE + "?par=interviewer&q=%22%3E%3Cscript%3E&e=%3Cb%3E").content.decode()
    assert "<script>x" not in page
    assert "<b>»" not in page
    assert claire.get(PAGE + "?par=x&ligne=%00&q=%00&e=%00").status_code == 200


# ------------------------------------------------------------------------------- 4. elsewhere


def test_the_table_downloads_as_it_is_filtered(called: World, claire: Client) -> None:
    response = claire.get(PAGE + "tableau.csv?par=sector&q=verg&e=0.5")
    assert response["Content-Disposition"].endswith('"allo-quartiers-2026-indicateurs.csv"')
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["label"] for row in rows] == ["Les Vergnes", "Ensemble"]
    assert (rows[1]["RR3"], rows[1]["e"], rows[1]["UH"]) == ("0.285714", "0.500000", "3")


def test_a_name_does_not_become_a_formula_in_the_table(called: World, claire: Client) -> None:
    User.objects.filter(pk=called.nadia.pk).update(first_name="=1+1", last_name="")
    rows = claire.get(PAGE + "tableau.csv?par=interviewer").content.decode()
    assert "\nnadia,'=1+1," in rows


def test_the_api_gives_the_same(called: World) -> None:
    token = Token.objects.create(user=called.claire)
    client = Client(headers={"Authorization": f"Token {token.key}"})
    url = "/api/v1/waves/2026/rates/"
    reply = client.get(url + "?by=sector&e=UH=0.5").json()
    assert reply["total"]["counts"] == asdict(Counts(I=1, R=1, UH=3, NE=1))
    assert reply["total"]["rates"]["RR3"] == 1 / 3.5
    assert reply["total"]["rates"]["e"] == {"UH": 0.5, "UR": 2 / 3, "UO": 2 / 3}
    assert [line["key"] for line in reply["lines"]] == ["T1", "CN", "VE"]
    assert client.get(url + "?e=2").json()["e"] == [
        "2 is not a share; give a number from 0 to 1\n  2\n  ^"
    ]
    assert client.get(url + "?by=colour").status_code == 400


def test_the_command_reads_a_wave(called: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rates", wave="2026", by="interviewer", e="0.5")
    printed = json.loads(capsys.readouterr().out)
    assert printed["total"]["rates"]["RR3"] == 1 / 3.5
    assert [line["key"] for line in printed["lines"]] == ["nadia", "yann", NOBODY]
    with pytest.raises(CommandError, match="no wave is called"):
        call_command("rates", wave="1999")
