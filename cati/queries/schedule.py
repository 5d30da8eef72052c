"""Who would be called next, and why; what keeps the others back, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    CaseInterview,
    Opposition,
    Phone,
    PhoneHold,
    Place,
    User,
    Wave,
)
from cati.queries.callable import FROM, HINDRANCES, Situation, candidates, situation

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


def case_facts(case: Case, now: datetime, found: Situation | None = None) -> CaseFacts:
    """What the filters ask of one case, read from its rows; `found` where the wave's is known."""
    at = (found or situation(case.wave, None, now)).values
    keys = list(case.phones.values_list("phone_key", flat=True))
    refused = Attempt.objects.filter(case=case, disposition__in=at["refused"])
    return CaseFacts(
        open=case.state == Case.State.OPEN,
        tier=case.tier,
        due_at=case.due_at,
        part=case.part,
        draw=case.jitter,
        disposition=case.disposition,
        language=case.language,
        held=case.holder_id is not None,
        waits=case.replicate in at["waiting"],
        valid_number=case.phones.filter(state=Phone.State.VALID).exists(),
        opposed=Opposition.objects.filter(phone_key__in=keys).exists(),
        number_held=PhoneHold.objects.filter(phone_key__in=keys, until__gte=now).exists(),
        quota_open=_quota_open(case, at),
        owner=case.owner_id,
        refused_by=frozenset(refused.values_list("interviewer_id", flat=True)),
    )


def _quota_open(case: Case, at: Mapping[str, list[int]]) -> bool:
    """Known are the cells in which her interview asked for places, and else the sample's sector."""
    current = CaseInterview.objects.filter(case=case, current=True).values("interview")
    places = Place.objects.filter(interview__in=current)
    if places.exists():
        return not places.filter(cell__in=at["full"]).exists()
    return case.frame_sector_id in at["sectors"]
