"""A day and an hour as interviewers type them, while somebody on the line waits."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cati.web.forms import read_day, read_hour

WEDNESDAY = date(2026, 11, 18)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18 h 10", time(18, 10)),
        ("18h10", time(18, 10)),
        ("18:10", time(18, 10)),
        ("18.10", time(18, 10)),
        ("1810", time(18, 10)),
        ("910", time(9, 10)),
        ("9", time(9)),
        ("18 h", time(18)),
        ("18H30", time(18, 30)),
        ("0 h 05", time(0, 5)),
        ("24 h", None),
        ("18 h 60", None),
        ("18 h 1", None),
        ("ce soir", None),
        ("", None),
    ],
)
def test_an_hour_is_read_as_it_is_written_in_french(text: str, expected: time | None) -> None:
    assert read_hour(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1", date(2026, 11, 19)),
        ("+ 7", date(2026, 11, 25)),
        ("demain", date(2026, 11, 19)),
        ("aujourd’hui", WEDNESDAY),
        ("jeu", date(2026, 11, 19)),
        ("Mardi", date(2026, 11, 24)),
        ("19/11", date(2026, 11, 19)),
        ("19/11/2027", date(2027, 11, 19)),
        ("2026-12-01", date(2026, 12, 1)),
        ("1er décembre", date(2026, 12, 1)),
        ("jeudi 19 novembre", date(2026, 11, 19)),
        ("3 fév.", date(2027, 2, 3)),
        ("31/2", None),
        ("19/13", None),
        ("15", None),
        ("bientôt", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_it_is_said(text: str, expected: date | None) -> None:
    assert read_day(text, WEDNESDAY) == expected


def test_the_same_weekday_means_in_a_week() -> None:
    assert read_day("mercredi", WEDNESDAY) == WEDNESDAY + timedelta(days=7)


def test_a_date_that_has_passed_this_year_is_next_year() -> None:
    assert read_day("17/11", WEDNESDAY) == date(2027, 11, 17)


@given(st.text(max_size=40))
def test_whatever_is_typed_reads_as_a_day_and_an_hour_or_not_at_all(text: str) -> None:
    assert read_day(text, WEDNESDAY) is None or isinstance(read_day(text, WEDNESDAY), date)
    assert read_hour(text) is None or isinstance(read_hour(text), time)


@given(st.dates(min_value=WEDNESDAY, max_value=WEDNESDAY + timedelta(days=364)))
def test_a_coming_day_written_as_day_and_month_is_that_day(day: date) -> None:
    assert read_day(f"{day.day}/{day.month}", WEDNESDAY) == day
