"""A month of invented fieldwork on a virtual clock: the pure rules against "oldest first".

Households are at home by the part of the week, each in its own way; one in four is never reached
easily. The pool is kept in memory in the lanes of `cati.core.lanes`; whoever is free takes the
first case. The log of all attempts is what the tests judge.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from statistics import fmean
from typing import Any

from cati.core.day_parts import fresh_part, part_at
from cati.core.dispositions import APPOINTMENT, FRESH, OPEN, RETRY, SOFT, after_outcome
from cati.core.lanes import MANY, Lane, fresh_lanes, needs, retry_lanes
from cati.core.retries import ANY, Try
from cati.core.rules import USUAL, DayPart, Rules
from cati.core.scheduling import PARIS, closes_at, may_call, next_open

HOURS = {str(day): ["10:00", "20:30"] for day in range(1, 6)} | {
    "6": ["10:00", "17:00"], "closed": ["holidays"]
}  # fmt: skip
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAYS = 30
OURS = replace(USUAL, spread_fresh=True)
WHOLE = (DayPart("T", "tout", (1, 2, 3, 4, 5, 6, 7), "00:00", 1, 99),)
# Chance that somebody picks up: morning, afternoon, evening, weekend; and share of households.
HOMES = (
    (0.45, (0.03, 0.05, 0.28, 0.20)),  # at work
    (0.25, (0.35, 0.30, 0.25, 0.25)),  # retired
    (0.20, (0.10, 0.18, 0.15, 0.22)),  # shifts, parents at home
    (0.10, (0.01, 0.02, 0.04, 0.05)),  # hardly ever
)
SECTORS = 10


@dataclass
class Household:
    """A case: who lives there, and how it stands."""

    number: int
    sector: int
    draw: float
    home: tuple[float, ...]
    tier: int = FRESH
    part: int | None = ANY
    due_at: datetime = START
    owner: int | None = None
    tries: list[Try] = field(default_factory=list)
    open: bool = True


@dataclass(frozen=True)
class Attempt:
    """One call of the log; `promised` is the hour of the firm promise that it was to keep."""

    at: datetime
    case: int
    sector: int
    interviewer: int
    tier: int
    part: int
    code: str
    not_before: datetime
    promised: datetime | None


@dataclass
class Month:
    """The log, and promises that were never kept."""

    log: list[Attempt]
    broken: int

    @property
    def contacts(self) -> float:
        return sum(one.code in ("10", "20", "22", "40") for one in self.log) / len(self.log)

    @property
    def completes(self) -> float:
        return sum(one.code == "10" for one in self.log) / len(self.log)

    @property
    def parts(self) -> Counter[int]:
        return Counter(part_at(USUAL.parts, one.at) for one in self.log)

    @property
    def spread(self) -> float:
        """Parts of the week that the calls of a case have tried, of those that they could have."""
        tried: dict[int, list[int]] = defaultdict(list)
        for one in self.log:
            tried[one.case].append(one.part)
        often = [parts for parts in tried.values() if len(parts) > 2]
        return fmean(len(set(parts)) / min(len(parts), len(USUAL.parts)) for parts in often)

    def kept(self, grace: timedelta) -> float:
        """Share of firm promises rung within the grace."""
        promises = [one for one in self.log if one.promised]
        on_time = sum(one.at - one.promised <= grace for one in promises if one.promised)
        return on_time / max(len(promises) + self.broken, 1)


def people(cases: int, seed: int) -> list[Household]:
    draw = random.Random(seed)
    shares, homes = zip(*HOMES, strict=True)
    return [
        Household(number, number % SECTORS, draw.random(), draw.choices(homes, shares)[0])
        for number in range(cases)
    ]


def play(policy: str, *, cases: int = 5_000, team: int = 20, seed: int = 1) -> Month:
    """`policy`: "ours" or "oldest". Both keep delays, maxima in all and per day, and hours."""
    rules = OURS if policy == "ours" else replace(USUAL, parts=WHOLE)
    pool: Any = Lanes(rules) if policy == "ours" else Oldest()
    homes = people(cases, seed)
    for one in homes:
        pool.add(one)
    log: list[Attempt] = []
    free = [(_shift(START, who), who) for who in range(team)]
    heapify(free)
    while free:
        now, who = heappop(free)
        if now >= START + timedelta(days=DAYS):
            continue
        case = pool.take(now, who)
        ends = now + timedelta(minutes=1)
        if case is not None:
            ends = _ring(case, who, now, rules, log, seed)
            if case.open:
                pool.add(case)
        heard = _shift(ends + timedelta(seconds=30), who)
        heappush(free, (heard, who))
    promised = START + timedelta(days=DAYS, minutes=-30)
    broken = sum(one.open and one.tier == APPOINTMENT and one.due_at < promised for one in homes)
    return Month(log, broken)


def _shift(at: datetime, who: int) -> datetime:
    """The next instant of this interviewer's shifts: half of them until 15:30, half after 13:30."""
    while True:
        opens = next_open(HOURS, at)
        assert opens is not None
        local = opens.astimezone(PARIS)
        early = local.replace(hour=15, minute=30, second=0, microsecond=0)
        late = local.replace(hour=13, minute=30, second=0, microsecond=0)
        if who % 2 == 0 and local < early:
            return opens
        if who % 2 == 1:
            found = max(local, late)
            if may_call(HOURS, found):
                return found.astimezone(UTC)
        closing = closes_at(HOURS, opens)
        assert closing is not None
        at = closing.astimezone(UTC)


def _ring(
    case: Household, who: int, now: datetime, rules: Rules, log: list[Attempt], seed: int
) -> datetime:
    draw = random.Random(f"{seed}:{case.number}:{len(case.tries)}:{now:%d%H}")
    here = part_at(USUAL.parts, now)
    promised = case.due_at if case.tier == APPOINTMENT else None
    chance = 0.75 if promised else case.home[here - 1]
    code, minutes = "32", 1
    if draw.random() < chance:
        shares = (0.62, 0.0, 0.08, 0.30) if promised else (0.22, 0.18, 0.30, 0.30)
        code = draw.choices(("10", "20", "22", "40"), shares)[0]
        minutes = 22 if code == "10" else 2
    elif draw.random() < 0.1:
        code = "31"
    ends = now + timedelta(minutes=minutes)
    at = _promise(ends, draw) if code == "20" else None
    log.append(
        Attempt(now, case.number, case.sector, who, case.tier, here, code, case.due_at, promised)
    )
    change = after_outcome(
        code, phones_left=0, screened=False, now=ends, appointment_at=at, firm=True,
        tries=case.tries, rules=rules, hours=HOURS if rules is OURS else None,
    )  # fmt: skip
    case.tries.append(Try(ends, code))
    case.open = change.state == OPEN
    case.tier, case.due_at, case.part = change.tier, change.due_at, change.part
    case.owner = who if at else None
    return ends


def _promise(now: datetime, draw: random.Random) -> datetime:
    """An hour of the days to come; one at which nobody may call is refused, and another asked."""
    while True:
        day = now.astimezone(PARIS) + timedelta(days=draw.randint(1, 4))
        hour, minute = draw.choice((10, 12, 14, 17, 18, 19)), 15 * draw.randint(0, 3)
        asked = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if may_call(HOURS, asked):
            return asked.astimezone(UTC)


class Lanes:
    """Our order: promises by their hour, then the lanes of tries, then those of fresh numbers."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.waiting: list[tuple[datetime, int, Household]] = []
        self.promised: list[tuple[int, datetime, int, Household]] = []
        self.lanes: dict[tuple[int, ...], list[tuple[float, int, Household]]] = defaultdict(list)
        self.rung: dict[int, Counter[int]] = defaultdict(Counter)

    def add(self, case: Household) -> None:
        if case.tier != RETRY or case.part is not None:
            heappush(self.waiting, (case.due_at, case.number, case))

    def take(self, now: datetime, who: int) -> Household | None:
        part = part_at(self.rules.parts, now)
        while self.waiting and self.waiting[0][0] <= now:
            _due, number, case = heappop(self.waiting)
            if case.tier <= SOFT:
                heappush(self.promised, (case.tier, case.due_at, number, case))
                continue
            fresh = case.tier == FRESH
            due = fresh_part(self.rules, case.draw) if fresh else case.part or ANY
            key = (case.tier, due, case.sector, 0 if fresh else min(len(case.tries), MANY))
            heappush(self.lanes[key], (case.draw, number, case))
        case = self._promise(now, who) or self._try(part, who)
        if case is not None:
            self.rung[who][case.sector] += 1
        return case

    def _promise(self, now: datetime, who: int) -> Household | None:
        kept, found = [], None
        while self.promised and found is None:
            entry = heappop(self.promised)
            hers = entry[3].owner in (None, who)
            if hers or entry[1] <= now - timedelta(minutes=self.rules.owner_first):
                found = entry[3]
            else:
                kept.append(entry)
        for entry in kept:
            heappush(self.promised, entry)
        return found

    def _try(self, part: int, who: int) -> Household | None:
        if not any(entries for key, entries in self.lanes.items() if key[1] in (ANY, part)):
            return None
        need = needs(dict.fromkeys(range(SECTORS), 100.0), self.rung[who], who)
        for lane in (*retry_lanes(self.rules, part, need), *fresh_lanes(self.rules, part, need)):
            if entries := self.lanes.get(self._key(lane, part)):
                return heappop(entries)[2]
        return None

    def _key(self, lane: Lane, part: int) -> tuple[int, ...]:
        due = part if lane.tier == FRESH else lane.part
        return lane.tier, due, lane.sector, 0 if lane.tier == FRESH else lane.low


class Oldest:
    """Whatever has waited longest, as the simplest systems do; promises wait in the same row."""

    def __init__(self) -> None:
        self.waiting: list[tuple[datetime, int, Household]] = []

    def add(self, case: Household) -> None:
        if case.tier != RETRY or case.part is not None:
            heappush(self.waiting, (case.due_at, case.number, case))

    def take(self, now: datetime, who: int) -> Household | None:
        if self.waiting and self.waiting[0][0] <= now:
            return heappop(self.waiting)[2]
        return None


def faults(month: Month, rules: Rules = OURS) -> Sequence[str]:
    """Calls of the log that break a hard filter, told again from the log alone."""
    found, before = [], defaultdict[int, list[Attempt]](list)
    for one in sorted(month.log, key=lambda call: call.at):
        past = before[one.case]
        today = [call for call in past if _day(call.at) == _day(one.at)]
        free = one.tier <= APPOINTMENT
        if not may_call(HOURS, one.at):
            found.append(f"hours {one}")
        if one.at < one.not_before:
            found.append(f"delay {one}")
        if not free and len(past) >= rules.most:
            found.append(f"maximum {one}")
        if not free and len(today) >= rules.most_per_day:
            found.append(f"day {one}")
        if not free and any(call.code in ("20", "22", "40") for call in today):
            found.append(f"contact {one}")
        if sum(call.code == "31" for call in today) >= rules.busy_per_day and not free:
            found.append(f"busy {one}")
        if one.tier == RETRY:
            made = sum(call.part == one.part for call in past)
            if made >= rules.parts[one.part - 1].most:
                found.append(f"part {one}")
        before[one.case].append(one)
    return found


def _day(at: datetime) -> Any:
    return at.astimezone(PARIS).date()
