"""Decides at which hours invented calls of the past began: working days, and the hours before now.

Never reads a clock: `now` is an argument. Hours are local, of Europe/Paris.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from cati.core.scheduling import PARIS

Shift = tuple[datetime, datetime]  # calls begin in [first, second)

HOURS = (time(11), time(20))
TODAY = timedelta(hours=3)
# The last interview begins early enough to be over now.
LAST_START = timedelta(minutes=40)
SUNDAY = 7


def shift_of_today(now: datetime) -> Shift | None:
    """The last hours before `now` on its own day; None shortly after midnight."""
    local = now.astimezone(PARIS)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    last = local - LAST_START
    return (max(midnight, last - TODAY), last) if last > midnight else None


def shifts_before(now: datetime, work: timedelta) -> list[Shift]:
    """Whole working days before that of `now`, as many as `work` takes; the earliest first."""
    found: list[Shift] = []
    day, total = now.astimezone(PARIS).date(), timedelta()
    while total < work:
        day -= timedelta(days=1)
        if day.isoweekday() != SUNDAY:
            begins, ends = (datetime.combine(day, hour, PARIS) for hour in HOURS)
            found.append((begins, ends))
            total += ends - begins
    return found[::-1]
