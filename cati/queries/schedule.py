"""Who would be called next, and why; what keeps the others back, and until when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection

from cati.core.day_parts import first_in, part_at
from cati.core.dispositions import SOFT
from cati.core.lanes import Score, score
from cati.core.reasons import Asker, CaseFacts, Reason, possible_part, why_not
from cati.core.retries import ANY
from cati.core.rules import Rules, read_rules
from cati.core.scheduling import next_open
from cati.models import (
    Attempt,
    Case,
    Opposition,
    Phone,
    PhoneHold,
    Place,
    User,
    Wave,
)
from cati.queries.callable import FROM, HINDRANCES, Situation, candidates, situation

Fact = TypeVar("Fact")

SHOWN = 50
_REASONED = " ".join(f"WHEN ({test}) THEN '{name}'" for name, test in HINDRANCES.items())
# One pass over the open cases; the first hindrance of each, as the core orders them.
COUNTED = f"""SELECT why, count(*), min(due_at) FILTER (WHERE due_at > %(now)s)
FROM (SELECT c.due_at, CASE {_REASONED} ELSE '' END AS why {FROM}) AS pool
GROUP BY why"""  # noqa: S608 (constants of this module)


@dataclass(frozen=True)
class Ranked:
    """One case in the order of service; `score` is None for promises, whose hour decides."""

    rank: int
    case: Case
    score: Score | None


@dataclass(frozen=True)
class Aside:
    """How many open cases a reason keeps back, and when the first of them is due."""

    reason: Reason
    cases: int
    first_due: datetime | None


@dataclass(frozen=True)
class Pool:
    """The whole sample at an hour: who may be called, and why the others may not."""

    callable: int
    open: int
    aside: Sequence[Aside]

    def kept_by(self, reason: Reason) -> Aside | None:
        return next((one for one in self.aside if one.reason is reason), None)


def who_next(wave: Wave, user: User | None, now: datetime, limit: int = SHOWN) -> list[Ranked]:
    """The next cases in the very order of the claim; nothing is reserved. Of nobody: anyone's."""
    at = situation(wave, user, now)
    found = candidates(at, limit=limit)
    cases = Case.objects.select_related("frame_sector", "owner").in_bulk([pk for pk, _ in found])
    return [
        Ranked(rank, cases[pk], _score(at, cases[pk]))
        for rank, (pk, _total) in enumerate(found, start=1)
    ]


def _score(at: Situation, case: Case) -> Score | None:
    if case.tier <= SOFT:
        return None
    part = at.part if case.tier == Case.Tier.FRESH else (case.part or ANY)
    return score(at.rules, at.needs.get(case.frame_sector_id, 0.0), part, case.attempts)


def pool(wave: Wave, user: User | None, now: datetime) -> Pool:
    """Every open case counted once: callable, or under the first reason against it."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, situation(wave, user, now).values)
        rows = {why: (cases, due) for why, cases, due in cursor.fetchall()}
    ready = rows.pop("", (0, None))[0]
    return Pool(
        callable=ready,
        open=ready + sum(cases for cases, _due in rows.values()),
        aside=[Aside(one, *rows[one.value]) for one in Reason if one.value in rows],
    )


@dataclass(frozen=True)
class Standing:
    """Whether a case may be called now; if not, why, and from when the hours and rules allow it.

    `opens_at` is None where no hour will help: something else must happen first.
    """

    reason: Reason | None
    opens_at: datetime | None
    facts: CaseFacts


WAITS_FOR_TIME = {None, Reason.DELAY, Reason.DAY_PART, Reason.OWNER}


def standing(case: Case, user: User | None, now: datetime) -> Standing:
    """Why the case is or is not callable now, and when it will be."""
    rules = read_rules(case.wave.call_rules)
    facts = case_facts(case, now)
    reason = why_not(facts, rules, now, asker(user))
    opens = _opens_at(facts, rules, case.wave, now) if reason in WAITS_FOR_TIME else None
    return Standing(reason, opens, facts)


def _opens_at(facts: CaseFacts, rules: Rules, wave: Wave, now: datetime) -> datetime | None:
    after = max(facts.due_at, now)
    part = possible_part(facts, rules)
    if part is None:
        return None
    if part == ANY or part == part_at(rules.parts, after):
        return next_open(wave.calling_hours, after)
    return first_in(rules.parts, [part], after, wave.calling_hours)


def asker(user: User | None) -> Asker | None:
    return Asker(user.pk, frozenset(user.languages), user.converts_refusals) if user else None


def case_facts(case: Case, now: datetime) -> CaseFacts:
    """What the filters ask of one case, read from its rows."""
    return facts_of([case], situation(case.wave, None, now), now)[case.pk]


def facts_of(cases: Sequence[Case], found: Situation, now: datetime) -> dict[int, CaseFacts]:
    """{case id: its facts}, in six reads however many cases of the wave there are."""
    at = found.values
    phones = Phone.objects.filter(case__in=cases)
    valid = set(phones.filter(state=Phone.State.VALID).values_list("case", flat=True))
    numbers = _by_case(phones.values_list("case", "phone_key"))
    known = set[str]().union(*numbers.values())
    opposed = set(Opposition.objects.filter(pk__in=known).values_list("pk", flat=True))
    rung = PhoneHold.objects.filter(pk__in=known, until__gte=now)
    ringing = set(rung.values_list("pk", flat=True))
    refusals = Attempt.objects.filter(case__in=cases, disposition__in=at["refused"])
    refused_by = _by_case(refusals.values_list("case", "interviewer"))
    links = {"interview__case_link__case__in": cases, "interview__case_link__current": True}
    places = Place.objects.filter(**links).values_list("interview__case_link__case", "cell")
    cells = _by_case(places)
    return {
        case.pk: CaseFacts(
            open=case.state == Case.State.OPEN,
            tier=case.tier,
            due_at=case.due_at,
            part=case.part,
            draw=case.jitter,
            disposition=case.disposition,
            language=case.language,
            held=case.holder_id is not None,
            waits=case.replicate in at["waiting"],
            valid_number=case.pk in valid,
            opposed=not opposed.isdisjoint(numbers[case.pk]),
            number_held=not ringing.isdisjoint(numbers[case.pk]),
            quota_open=_quota_open(case, cells[case.pk], at),
            owner=case.owner_id,
            refused_by=frozenset(refused_by[case.pk]),
        )
        for case in cases
    }


def _by_case(rows: Iterable[tuple[int, Fact]]) -> defaultdict[int, set[Fact]]:
    found = defaultdict[int, set[Fact]](set)
    for case, fact in rows:
        found[case].add(fact)
    return found


def _quota_open(case: Case, cells: set[int], at: Mapping[str, list[int]]) -> bool:
    """Known are the cells in which her interview asked for places, and else the sample's sector."""
    return cells.isdisjoint(at["full"]) if cells else case.frame_sector_id in at["sectors"]
