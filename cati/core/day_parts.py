"""Decides in which part of the week an instant lies, and in which one a case should be rung.

Never reads a clock or a row. Local time of Europe/Paris; the hours before the first part of a day
belong to the last part of the day before.
Theory: docs/scheduling.md; the part with the fewest calls relative to its weight comes next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate

from cati.core.rules import DayPart, Rules
from cati.core.scheduling import PARIS, Hours, next_open

# Longer than any week with holidays: a part without a legal instant in it is never open.
HORIZON = 28
Window = tuple[datetime, datetime, int]


def part_at(parts: Sequence[DayPart], at: datetime) -> int:
    """The number, from 1, of the part in which `at` lies."""
    day = at.astimezone(PARIS).date()
    starts = [
        (start, number)
        for back in range(7, -1, -1)
        for start, number in _starts(tuple(parts), day - timedelta(days=back))
    ]
    return next(number for start, number in reversed(starts) if start <= at)


def least_served(parts: Sequence[DayPart], calls: Mapping[int, int]) -> list[list[int]]:
    """The parts that may still be called, in groups: fewest calls relative to weight first.

    calls: {part: calls of the case in it}. A part at its maximum, or without weight, is in none.
    """
    loads: dict[float, list[int]] = {}
    for number, part in enumerate(parts, start=1):
        made = calls.get(number, 0)
        if part.weight > 0 and made < part.most:
            loads.setdefault(made / part.weight, []).append(number)
    return [loads[load] for load in sorted(loads)]


def first_in(
    parts: Sequence[DayPart], wanted: Sequence[int], after: datetime, hours: Hours | None = None
) -> datetime | None:
    """The first instant from `after` on that lies in a wanted part, within the calling hours (UTC).

    None where there is none within HORIZON days.
    """
    for start, end, number in _windows(parts, after):
        if number in wanted:
            at = max(start, after)
            opens = next_open(hours, at) if hours is not None else at
            if opens is not None and opens < end:
                return opens.astimezone(UTC)
    return None


def fresh_range(rules: Rules, part: int) -> tuple[float, float]:
    """[low, high) of the seeded draw in [0, 1) of the numbers that are first rung in `part`.

    Shares are by weight; everything where fresh numbers are not spread.
    """
    if not rules.spread_fresh:
        return 0.0, float("inf")
    marks = [0.0, *accumulate(one.weight for one in rules.parts)]
    low, high = marks[part - 1] / marks[-1], marks[part] / marks[-1]
    # A draw of 1 or more, as tests and imports of other systems have them, counts with the last.
    return (low if part > 1 else float("-inf")), (high if high < 1 else float("inf"))


def fresh_part(rules: Rules, draw: float) -> int:
    """The part in which a number with this draw is first rung; 0 for any."""
    if not rules.spread_fresh:
        return 0
    numbers = range(1, len(rules.parts) + 1)
    ranges = {number: fresh_range(rules, number) for number in numbers}
    return next(number for number, (low, high) in ranges.items() if low <= draw < high)


def _windows(parts: Sequence[DayPart], after: datetime) -> Iterator[Window]:
    """The windows that end after `after`, in their order."""
    day = after.astimezone(PARIS).date()
    starts = (
        start
        for ahead in range(-7, HORIZON)
        for start in _starts(tuple(parts), day + timedelta(days=ahead))
    )
    begins, number = next(starts)
    for start, following in starts:
        if start > after:
            yield begins, start, number
        begins, number = start, following


@lru_cache(maxsize=512)
def _starts(parts: tuple[DayPart, ...], day: date) -> tuple[tuple[datetime, int], ...]:
    """When the parts of a local day begin, as instants (UTC: wall times repeat in October)."""
    found = [
        (datetime.combine(day, time.fromisoformat(part.begins), PARIS).astimezone(UTC), number)
        for number, part in enumerate(parts, start=1)
        if day.isoweekday() in part.days
    ]
    return tuple(sorted(found))
