"""A day and an hour as interviewers type them, while somebody on the line waits."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cati.core.scheduling import PARIS
from cati.web.forms import read_day, read_hour, read_moment

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


NOON = datetime(2026, 11, 18, 12, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demain 18h", datetime(2026, 11, 19, 18)),
        ("lun 10h30", datetime(2026, 11, 23, 10, 30)),
        ("+1 18", datetime(2026, 11, 19, 18)),
        ("19/11 à 9h", datetime(2026, 11, 19, 9)),
        ("jeudi 19 novembre 18 h 10", datetime(2026, 11, 19, 18, 10)),
        ("dans 2h", datetime(2026, 11, 18, 14)),
        ("dans 1h30", datetime(2026, 11, 18, 13, 30)),
        ("dans 45 min", datetime(2026, 11, 18, 12, 45)),
    ],
)
def test_a_day_and_an_hour_are_read_from_one_line(text: str, expected: datetime) -> None:
    assert read_moment(text, NOON) == expected.replace(tzinfo=PARIS)


@pytest.mark.parametrize("text", ["demain", "+1", "18h", "lun 25h", "dans longtemps", ""])
def test_half_a_moment_is_none(text: str) -> None:
    assert read_moment(text, NOON) is None


def test_two_hours_from_now_are_two_hours_in_the_night_of_the_change() -> None:
    before = datetime(2026, 3, 29, 1, 30, tzinfo=PARIS)
    after = read_moment("dans 2h", before.astimezone(UTC))
    assert after is not None
    assert after.astimezone(PARIS).hour == 4


def test_an_hour_that_march_skips_becomes_one_that_exists() -> None:
    found = read_moment("+1 2h30", datetime(2026, 3, 28, 12, tzinfo=PARIS))
    assert found is not None
    assert (found.hour, found.minute) == (3, 30)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_moment_or_none(text: str) -> None:
    assert read_moment(text, NOON) is None or isinstance(read_moment(text, NOON), datetime)
