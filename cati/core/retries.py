"""Decides when a case that was rung may be rung again, and in which part of the week.

Never reads a clock or a row: it is given the visits of the case and the rules of the wave.
Theory: docs/scheduling.md. A visit is one or several attempts in a row, and counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cati.core.day_parts import first_in, least_served, part_at
from cati.core.rules import Rules
from cati.core.scheduling import PARIS, Hours

# The part of a case that may be rung in every part of the week.
ANY = 0
# Outcomes in which somebody picked up and spoke: one such contact a day is enough.
ANSWERED = frozenset({"12", "20", "21", "22", "23", "40", "41", "54"})
# A break-off and a hang-up without a word count as a refusal: the person has declined once.
DECLINED = frozenset({"12", "23", "40", "41", "42"})
# Of these, the next call is never in the same part of the week.
ELSEWHERE = frozenset({"12", "23", "40", "41"})


@dataclass(frozen=True)
class Try:
    """A visit: when it ended, and with which outcome."""

    at: datetime
    code: str


@dataclass(frozen=True)
class Next:
    """The next call: not before `due_at`, in `part`; None where no call is left."""

    due_at: datetime
    part: int | None


def next_call(tries: Sequence[Try], rules: Rules, hours: Hours | None = None) -> Next:
    """After the last of `tries`: the delay of its outcome, the maxima, the part that is due.

    Of the parts with the fewest calls relative to their weight, the one that comes first.
    """
    last = tries[-1]
    if exhausted(tries, rules):
        return Next(last.at, None)
    calls = Counter(part_at(rules.parts, one.at) for one in tries)
    barred = part_at(rules.parts, last.at) if last.code in ELSEWHERE else None
    after = _earliest(tries, rules)
    for group in least_served(rules.parts, calls):
        wanted = [part for part in group if part != barred]
        if wanted and (at := first_in(rules.parts, wanted, after, hours)):
            return Next(at, part_at(rules.parts, at))
    return Next(last.at, None)


def next_busy(tries: Sequence[Try], rules: Rules) -> Next | None:
    """A busy number is rung again soon, whatever the part of the week: somebody is at home.

    None where a maximum forbids it, in all or on this day.
    """
    at = tries[-1].at
    busy, all_ = calls_on(tries, at, "31"), calls_on(tries, at)
    if exhausted(tries, rules) or busy >= rules.busy_per_day or all_ >= rules.most_per_day:
        return None
    return Next(at + timedelta(minutes=rules.delay("31")), ANY)


def next_resume(tries: Sequence[Try], rules: Rules, hours: Hours | None = None) -> Next:
    """A break-off goes on in another part of the day, whatever the maxima say."""
    last = tries[-1]
    here = part_at(rules.parts, last.at)
    others = [part for part in range(1, len(rules.parts) + 1) if part != here]
    after = last.at + timedelta(minutes=rules.delay(last.code))
    return Next(first_in(rules.parts, others, after, hours) or after, ANY)


def exhausted(tries: Sequence[Try], rules: Rules) -> bool:
    """Whether a maximum leaves no call: in all, or of calls that ended like the last one."""
    if len(tries) >= rules.most:
        return True
    code = tries[-1].code if tries else ""
    return code in rules.maxima and sum(one.code == code for one in tries) >= rules.maxima[code]


def calls_on(tries: Sequence[Try], day: datetime, code: str = "") -> int:
    """Visits on the local day of `day`, of one outcome where a code is given."""
    wanted = _local_day(day)
    return sum(_local_day(one.at) == wanted and code in ("", one.code) for one in tries)


def _earliest(tries: Sequence[Try], rules: Rules) -> datetime:
    last = tries[-1]
    after = last.at + timedelta(minutes=rules.delay(last.code))
    full = calls_on(tries, last.at) >= rules.most_per_day
    busy = last.code == "31" and calls_on(tries, last.at, "31") >= rules.busy_per_day
    if full or busy or last.code in ANSWERED:
        after = max(after, _tomorrow(last.at, rules))
    return after.astimezone(UTC)


def _tomorrow(at: datetime, rules: Rules) -> datetime:
    """When the first part of the next local day begins; its night still belongs to today."""
    day = _local_day(at) + timedelta(days=1)
    begins = min(part.begins for part in rules.parts if day.isoweekday() in part.days)
    return datetime.combine(day, time.fromisoformat(begins), PARIS)


def _local_day(at: datetime) -> date:
    return at.astimezone(PARIS).date()
