"""Decides where the fieldwork of a sector will land: completes to come, when, and if sample lasts.

Never reads a row or a clock. A forecast of what goes on as it went so far, not a promise.
Theory: docs/scheduling.md; each visit completes or closes a case with a fixed chance (geometric).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, inf

from cati.core.scheduling import Hours, day_hours

# Visits of the whole wave that stand beside a sector's own, until it has enough of them.
PRIOR = 50.0
LONGEST = 365
# A sector whose sample lands this close above its target is about to run dry.
NARROW = 1.1


@dataclass(frozen=True)
class Chances:
    """Per visit: that it completes an interview, and that it closes the case, however it does."""

    completes: float
    closes: float

    def of_case(self, left: int) -> float:
        """Completes expected of one open case that may be visited `left` times more."""
        if left <= 0 or self.completes <= 0:
            return 0.0
        if self.closes <= 0:
            return min(self.completes * left, 1.0)
        return self.completes / self.closes * (1 - (1 - self.closes) ** left)


def chances(visits: int, completes: int, closings: int, whole: Chances) -> Chances:
    """Those of a sector, leaning on the whole wave's while it has few visits."""
    seen = visits + PRIOR
    return Chances(
        (completes + PRIOR * whole.completes) / seen, (closings + PRIOR * whole.closes) / seen
    )


@dataclass(frozen=True)
class Landing:
    """A sector's landing. `at_exhaustion` and `with_next` are counted interviews in the end, with
    the sample released so far and with the next replicate; `days` until the target, in days on
    which the wave calls; inf where it is never reached.
    """

    at_exhaustion: float
    with_next: float
    days: float
    dry: bool
    narrow: bool


def landing(
    *,
    target: int,
    counted: int,
    left: Mapping[int, int],
    next_fresh: int,
    most: int,
    chance: Chances,
    per_day: float,
) -> Landing:
    """left: {visits that a case may still have: open cases}. next_fresh: cases of the replicate."""
    to_come = sum(cases * chance.of_case(visits) for visits, cases in left.items())
    end = counted + to_come
    missing = max(target - counted, 0)
    reaches = end >= target
    days = 0.0 if not missing else missing / per_day if per_day > 0 and reaches else inf
    return Landing(
        at_exhaustion=end,
        with_next=end + next_fresh * chance.of_case(most),
        days=days,
        dry=missing > 0 and not reaches,
        narrow=missing > 0 and reaches and to_come < NARROW * missing,
    )


def cell_end(counted: int, target: int, sector_counted: int, sector_target: int,
             sector_end: float) -> float:  # fmt: skip
    """Interviews of a cell in the end: as many of those to come as it has had of those so far.

    While the sector has few, its share leans on the share that it should have.
    """
    if not sector_target:
        return float(counted)
    share = (counted + PRIOR * target / sector_target) / (sector_counted + PRIOR)
    return counted + share * max(min(sector_end, sector_target) - sector_counted, 0.0)


def day_after(hours: Hours, today: date, days: float) -> date | None:
    """The local day on which the `days`-th calling day from today on ends; None if never."""
    if days == inf:
        return None
    left = ceil(days)
    for ahead in range(LONGEST):
        day = today + timedelta(days=ahead)
        if left <= 0:
            return day
        left -= bool(day_hours(hours, day))
        if left <= 0:
            return day
    return None
