"""Call outcomes.

1. Every outcome has its AAPOR code and class, with and without established eligibility.
2. A number's outcome closes that number, and the case only when no number is left.
3. What ends the case closes it; a second refusal does; what may still succeed leaves it open.
4. Delays: busy 20 minutes, three times a day; unanswered at least 4 hours and another part of the
   day; refusal at least 7 days; line cut now; an appointment at its hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cati.core import dispositions as d
from cati.core.day_parts import part_at
from cati.core.retries import Try
from cati.core.rules import USUAL
from cati.core.scheduling import PARIS

# code: (AAPOR, class) when eligible, (AAPOR, class) when not known to be; copied by hand from the
# survey's own list, so that a slip in the table shows.
AAPOR = {
    "COMPLET": ("1.1 I", "1.1 I"),
    "PARTIEL": ("1.2 P", "1.2 P"),
    "ABANDON": ("2.12 R", "2.12 R"),
    "LIGNE_COUPEE": ("2.12 R", "3.16 UH"),
    "RACCROCHE": ("2.11 R", "3.20 UR"),
    "REFUS_FOYER": ("2.111 R", "3.20 UR"),
    "REFUS_PERS": ("2.112 R", "2.112 R"),
    "OPPOSITION": ("2.112 R", "3.20 UR"),
    "BARRAGE": ("2.21 NC", "3.20 UR"),
    "RDV": ("2.21 NC", "3.20 UR"),
    "ABSENT": ("2.21 NC", "2.21 NC"),
    "REPONDEUR_OK": ("2.22 NC", "3.14 UH"),
    "DECES": ("2.31 O", "2.31 O"),
    "INCAPACITE": ("2.32 O", "3.20 UR"),
    "LANGUE": ("2.33 O", "3.20 UR"),
    "NON_TRAITE": ("3.11 UH", "3.11 UH"),
    "OCCUPE": ("3.12 UH", "3.12 UH"),
    "SANS_REPONSE": ("3.13 UH", "3.13 UH"),
    "REPONDEUR": ("3.14 UH", "3.14 UH"),
    "BLOCAGE": ("3.15 UH", "3.15 UH"),
    "TECHNIQUE": ("3.16 UH", "3.16 UH"),
    "ELIG_INC": ("3.21 UR", "3.21 UR"),
    "HORS_SECTEUR": ("4.10 NE", "4.10 NE"),
    "FAX": ("4.20 NE", "4.20 NE"),
    "FAUX_NUMERO": ("4.31 NE", "4.31 NE"),
    "CHANGE": ("4.41 NE", "4.41 NE"),
    "ENTREPRISE": ("4.51 NE", "4.51 NE"),
    "RES_SECOND": ("4.50 NE", "4.50 NE"),
    "MINEUR": ("4.70 NE", "4.70 NE"),
    "QUOTA": ("4.80 NE", "4.80 NE"),
}
CLOSES = {
    "COMPLET", "PARTIEL", "OPPOSITION", "HORS_SECTEUR", "RES_SECOND", "MINEUR", "QUOTA",
    "LANGUE", "INCAPACITE", "DECES",
}  # fmt: skip
CLOSES_NUMBER = {"FAUX_NUMERO", "FAX", "CHANGE", "ENTREPRISE"}
REFUSALS = {"RACCROCHE", "REFUS_FOYER", "REFUS_PERS"}
# Tier and delay in hours of the first attempt's outcome at 10:00, where the case stays open.
OPEN_TIER = {
    "ABANDON": d.SOFT,
    "LIGNE_COUPEE": d.LINE_CUT,
    "RDV": d.APPOINTMENT,
    "OCCUPE": d.BUSY,
}
DELAY_HOURS = {
    "LIGNE_COUPEE": 0.0,
    "OCCUPE": 1 / 3,
    "RDV": 30.0,
    "ABSENT": 170.0,
    # a week later and not in the morning again
    "RACCROCHE": 170.0,
    "REFUS_FOYER": 170.0,
    "REFUS_PERS": 170.0,
    # somebody answered: not before another day, and not in the morning again
    "BARRAGE": 26.0,
    "ELIG_INC": 26.0,
}

MORNING = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Clermont-Ferrand
PROMISE = MORNING + timedelta(hours=30)
CASES = [
    (row, screened, left) for row in d.DISPOSITIONS for screened in (False, True) for left in (0, 1)
]


def after(name: str, **given: Any) -> d.CaseChange:
    row = d.named(name)
    situation: dict[str, Any] = {
        "phones_left": 0,
        "screened": False,
        "now": MORNING,
        "appointment_at": PROMISE if row.needs is d.Needs.APPOINTMENT else None,
        "firm": True,
    }
    return d.after_outcome(row.code, **situation | given)


def earlier(*codes: str, hours: float = 1) -> list[Try]:
    """Visits before this morning's, the last one `hours` ago."""
    return [Try(MORNING - timedelta(hours=hours * n), code) for n, code in enumerate(codes, 1)][
        ::-1
    ]


def local_hour(at: datetime) -> tuple[int, int]:
    here = at.astimezone(PARIS)
    return here.day, here.hour


@pytest.mark.parametrize(
    ("row", "screened", "left"), CASES, ids=[f"{r.name}-{s:d}-{n}" for r, s, n in CASES]
)
def test_every_outcome_does_what_the_table_says(
    row: d.Disposition, screened: bool, left: int
) -> None:
    change = after(row.name, screened=screened, phones_left=left)
    closes = row.name in CLOSES or (row.name in CLOSES_NUMBER and not left)
    expected = AAPOR[row.name][0 if screened else 1]
    assert " ".join(d.aapor(row.code, screened)) == expected
    assert change.aapor == expected.split()[0]
    assert change.disposition == row.code
    assert change.state == (d.CLOSED if closes else d.OPEN)
    assert change.close_phone == (row.name in CLOSES_NUMBER | {"OPPOSITION"})
    assert change.oppose == (row.name == "OPPOSITION")
    assert change.redial == (
        row.name == "LIGNE_COUPEE" or (row.name in CLOSES_NUMBER and left == 1)
    )
    if closes or row.name in CLOSES_NUMBER:
        assert change.due_at == MORNING
    else:
        assert change.tier == OPEN_TIER.get(row.name, d.RETRY)
        hours = (change.due_at - MORNING).total_seconds() / 3600
        assert hours == pytest.approx(DELAY_HOURS.get(row.name, 4.0))


def test_the_table_is_whole_and_each_code_is_its_own() -> None:
    assert {row.name for row in d.DISPOSITIONS} == set(AAPOR)
    assert len({row.code for row in d.DISPOSITIONS}) == len(d.DISPOSITIONS)
    assert all(len(row.code) == 2 and row.code.isdigit() for row in d.DISPOSITIONS)


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(d.UnknownDisposition):
        d.disposition("99")
    with pytest.raises(d.UnknownDisposition):
        d.named("PARTI")


def test_the_screen_offers_every_outcome_but_the_untouched_case() -> None:
    screen = d.on_screen()
    assert list(screen) == list(d.Group)
    offered = [row.name for rows in screen.values() for row in rows]
    assert set(AAPOR) - set(offered) == {"NON_TRAITE"}


def test_the_third_busy_of_a_day_waits_for_another_day() -> None:
    assert after("OCCUPE", tries=earlier("31")).tier == d.BUSY
    third = after("OCCUPE", tries=earlier("31", "31", hours=0.4))
    assert third.tier == d.RETRY
    assert local_hour(third.due_at) == (18, 12)


@pytest.mark.parametrize(
    ("hour", "due"),
    [(9, (17, 13)), (11, (17, 15)), (12, (17, 17)), (16, (17, 20)), (18, (18, 9)), (22, (18, 9)),
     (2, (17, 9))],
)  # fmt: skip
def test_unanswered_waits_four_hours_and_another_part_of_the_day(
    hour: int, due: tuple[int, int]
) -> None:
    now = datetime(2026, 11, 17, hour, 0, tzinfo=PARIS)
    assert local_hour(after("SANS_REPONSE", now=now).due_at) == due


def test_a_third_unanswered_ring_in_a_day_waits_for_another_day() -> None:
    assert local_hour(after("REPONDEUR", tries=earlier("33", hours=0.4)).due_at) == (17, 14)
    assert local_hour(after("REPONDEUR", tries=earlier("33", "33", hours=0.4)).due_at) == (18, 12)


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_soft_refusal_is_converted_once_and_a_firm_one_never(name: str) -> None:
    first = after(name)
    assert first.state == d.OPEN
    assert first.due_at >= MORNING + timedelta(days=7)
    assert part_at(USUAL.parts, first.due_at) != part_at(USUAL.parts, MORNING)
    assert after(name, tries=earlier("40")).state == d.CLOSED
    assert after(name, firm_refusal=True).state == d.CLOSED


def test_a_second_break_off_closes_the_case() -> None:
    assert after("ABANDON").tier == d.SOFT
    assert after("ABANDON", tries=earlier("40")).state == d.CLOSED


def test_a_firm_promise_goes_before_an_indicative_one() -> None:
    assert after("RDV", firm=True).tier == d.APPOINTMENT
    assert after("RDV", firm=False).tier == d.SOFT
    assert after("RDV").due_at == PROMISE


def test_an_abandoned_interview_may_be_resumed_at_a_promised_hour() -> None:
    change = after("ABANDON", appointment_at=PROMISE, tries=earlier("40"))
    assert (change.state, change.tier, change.due_at) == (d.OPEN, d.APPOINTMENT, PROMISE)
    assert change.disposition == d.named("ABANDON").code


def test_an_appointment_is_asked_where_needed_and_not_read_elsewhere() -> None:
    with pytest.raises(ValueError, match="needs the time"):
        after("RDV", appointment_at=None)
    assert after("COMPLET", appointment_at=PROMISE) == after("COMPLET")


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(
        lambda at: at.replace(tzinfo=UTC)
    )
)
def test_whatever_the_hour_an_unanswered_call_comes_back_in_due_time(now: datetime) -> None:
    due = after("SANS_REPONSE", now=now).due_at
    assert timedelta(hours=4) <= due - now <= timedelta(days=2, hours=1)
    assert part_at(USUAL.parts, due) != part_at(USUAL.parts, now)
