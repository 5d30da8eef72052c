"""The promises of the week to come, as the load on those who keep them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil

from cati.core.scheduling import PARIS, day_hours
from cati.models import Appointment, Wave

DAYS = 7
# Lines of the table: the hours are joined into as many bands, so that it stays in view.
BANDS = 6


@dataclass(frozen=True)
class Slot:
    """A band of a day: promises in it, those in its fullest quarter of an hour, languages asked.

    `state` is "", "past" or "closed".
    """

    promised: int
    fullest: int
    languages: str
    state: str


@dataclass(frozen=True)
class Band:
    """Hours [begins, ends) of every day, with a slot for each."""

    begins: int
    ends: int
    slots: Sequence[Slot]


@dataclass(frozen=True)
class WeekLoad:
    """The days from today on, and the bands of the hours in which some day calls."""

    days: Sequence[date]
    bands: Sequence[Band]


def week_load(wave: Wave, now: datetime) -> WeekLoad:
    """Pending promises of the team over the calling hours of seven days. One read."""
    today = now.astimezone(PARIS).date()
    days = [today + timedelta(days=ahead) for ahead in range(DAYS)]
    start = datetime.combine(today, time(0), PARIS)
    pending = Appointment.objects.filter(
        case__wave=wave,
        state=Appointment.State.PENDING,
        at__gte=start,
        at__lt=start + timedelta(days=DAYS + 1),
    )
    promised = _Promised()
    for at, language in pending.values_list("at", "case__language"):
        promised.add(at.astimezone(PARIS), language)
    called = {day: _hours_of(day_hours(wave.calling_hours, day)) for day in days}
    return WeekLoad(
        days,
        [
            Band(
                band.start,
                band.stop,
                [_slot(day, band, not called[day].isdisjoint(band), promised, now) for day in days],
            )
            for band in _bands(set().union(*called.values()))
        ],
    )


class _Promised:
    """Promises by quarter of an hour, and the languages that they ask for, by hour."""

    def __init__(self) -> None:
        self.quarters: Counter[tuple[date, int, int]] = Counter()
        self.languages: defaultdict[tuple[date, int], set[str]] = defaultdict(set)

    def add(self, local: datetime, language: str) -> None:
        self.quarters[local.date(), local.hour, local.minute // 15] += 1
        self.languages[local.date(), local.hour] |= {language} - {""}


def _bands(hours: Set[int]) -> Sequence[range]:
    if not hours:
        return []
    first, last = min(hours), max(hours) + 1
    width = ceil((last - first) / BANDS)
    return [range(begins, min(begins + width, last)) for begins in range(first, last, width)]


def _hours_of(bounds: Sequence[str]) -> set[int]:
    if not bounds:
        return set()
    first, (last, minute) = int(bounds[0][:2]), (int(part) for part in bounds[1].split(":"))
    return set(range(first, last + (minute > 0)))


def _slot(day: date, band: range, called: bool, promised: _Promised, now: datetime) -> Slot:
    each = [promised.quarters[day, hour, quarter] for hour in band for quarter in range(4)]
    spoken = set().union(*(promised.languages[day, hour] for hour in band))
    # An hour after the last one begins: no time has the hour 24.
    ends = datetime.combine(day, time(band.stop - 1), PARIS) + timedelta(hours=1)
    state = "past" if ends <= now else "" if called else "closed"
    return Slot(sum(each), max(each), ", ".join(sorted(spoken)), state)
