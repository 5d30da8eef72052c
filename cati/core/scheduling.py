"""Decides whether the wave may dial at an hour, and until when.

Never reads a clock or a row. The legal frame: calling hours of the wave, in local time.
Theory: hours as half-open intervals [start, end) of the local day, ISO weekdays 1 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
Hours = Mapping[str, Sequence[str]]


def _bounds(hours: Hours, local: datetime) -> tuple[datetime, datetime] | None:
    """The opening and closing instants of the local day of `local`; None on a closed day."""
    day = hours.get(str(local.isoweekday()))
    if not day:
        return None
    return _at(local, day[0]), _at(local, day[1])


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


def closes_at(hours: Hours, now: datetime) -> datetime | None:
    """When dialling stops today, as an aware local time; None on a closed day."""
    bounds = _bounds(hours, now.astimezone(PARIS))
    return bounds[1] if bounds else None


def hours_text(hours: Hours, now: datetime) -> str:
    """« de 10 h à 20 h 30 » for the local day of `now`; '' on a closed day."""
    day = hours.get(str(now.astimezone(PARIS).isoweekday()))
    return f"de {spoken(day[0])} à {spoken(day[1])}" if day else ""


def spoken(clock: str) -> str:
    """« 20 h 30 » for "20:30"."""
    hour, minute = clock.split(":")
    return f"{int(hour)} h" if minute == "00" else f"{int(hour)} h {minute}"
