"""Decides whether the wave may dial at an hour, until when, and when it may again.

Never reads a clock or a row. The legal frame: calling hours and closed days, in local time.
Theory: hours as half-open intervals [start, end) of the local day, ISO weekdays 1 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

PARIS = ZoneInfo("Europe/Paris")
# {"1": ["10:00", "20:30"], …} by ISO weekday, an absent day is closed; "closed" lists days on
# which nobody calls: dates "2026-12-24", and "holidays" for the public holidays of France.
Hours = Mapping[str, Sequence[str]]
CLOSED, HOLIDAYS = "closed", "holidays"
# Opening hours are looked for as far ahead; whoever closes for longer has stopped calling.
AHEAD = 60


def _bounds(hours: Hours, local: datetime) -> tuple[datetime, datetime] | None:
    """The opening and closing instants of the local day of `local`; None on a closed day."""
    day = day_hours(hours, local.date())
    if not day:
        return None
    return _at(local, day[0]), _at(local, day[1])


def day_hours(hours: Hours, day: date) -> Sequence[str]:
    """("10:00", "20:30"), when the local day opens and closes; () on a closed one."""
    closed = hours.get(CLOSED, ())
    if day.isoformat() in closed or (HOLIDAYS in closed and holiday(day)):
        return ()
    return hours.get(str(day.isoweekday())) or ()


def holiday(day: date) -> str:
    """The name of the public holiday that the day is in metropolitan France; '' for none."""
    return _holidays(day.year).get(day, "")


@lru_cache(maxsize=16)
def _holidays(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("FR", years=year, language="fr"))


def _at(local: datetime, clock: str) -> datetime:
    if clock == "24:00":
        return datetime.combine(local.date() + timedelta(days=1), time(0), PARIS)
    return datetime.combine(local.date(), time.fromisoformat(clock), PARIS)


def may_call(hours: Hours, now: datetime) -> bool:
    """Whether dialling is allowed at the aware instant `now`.

    hours: {"1": ["10:00", "20:30"], …} by ISO weekday, local time of Europe/Paris; an absent day
    is closed.
    """
    local = now.astimezone(PARIS)
    bounds = _bounds(hours, local)
    # Compared as instants: local wall times are ambiguous in the night of a change of hour.
    return bounds is not None and bounds[0].timestamp() <= now.timestamp() < bounds[1].timestamp()


def next_open(hours: Hours, at: datetime) -> datetime | None:
    """The first instant from `at` on at which dialling is allowed; None where there is none."""
    for ahead in range(AHEAD + 1):
        bounds = _bounds(hours, at.astimezone(PARIS) + timedelta(days=ahead))
        if bounds is not None and at.timestamp() < bounds[1].timestamp():
            return at if bounds[0].timestamp() <= at.timestamp() else bounds[0]
    return None


def last_open(hours: Hours, at: datetime) -> datetime | None:
    """The last quarter of an hour before `at` in which a call may begin; None where there is none.

    A quarter before the doors close, so that the call that was promised is not cut short.
    """
    for back in range(AHEAD + 1):
        bounds = _bounds(hours, at.astimezone(PARIS) - timedelta(days=back))
        if bounds is not None and bounds[0].timestamp() < at.timestamp():
            last = bounds[1].timestamp() - 900
            if last >= bounds[0].timestamp():
                return datetime.fromtimestamp(min(last, at.timestamp()), PARIS)
    return None


def nearest_open(hours: Hours, at: datetime, now: datetime) -> datetime | None:
    """The allowed instant nearest to `at`, and after `now`: what is offered instead of `at`."""
    found = [next_open(hours, max(at, now)), last_open(hours, at)]
    possible = [one for one in found if one is not None and one > now]
    return min(possible, key=lambda one: abs(one - at), default=None)


def closes_at(hours: Hours, now: datetime) -> datetime | None:
    """When dialling stops today, as an aware local time; None on a closed day."""
    bounds = _bounds(hours, now.astimezone(PARIS))
    return bounds[1] if bounds else None
