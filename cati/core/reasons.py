"""Decides whether a case may be handed out now, and if not, what stands in the way.

Never reads a row or a clock. The claim says the same in SQL; a test compares the two.
Theory: docs/scheduling.md, the hard filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cati.core.day_parts import fresh_part, part_at
from cati.core.dispositions import APPOINTMENT, FRESH, RETRY
from cati.core.retries import ANY
from cati.core.rules import Rules

# A break-off and a cut line go on whatever has filled up: half an interview is done.
BROKEN_OFF = ("12", "13")
# Outcomes after which only who has the skill calls back, and never the one who was refused.
REFUSED = ("23", "40", "41")


class Reason(StrEnum):
    """Why a case is not handed out; the first that holds, in this order."""

    CLOSED = "closed"
    REPLICATE = "replicate"
    HELD = "held"
    NO_NUMBER = "no_number"
    OPPOSED = "opposed"
    DELAY = "delay"
    QUOTA = "quota"
    EXHAUSTED = "exhausted"
    DAY_PART = "day_part"
    OWNER = "owner"
    BUSY_NUMBER = "busy_number"
    LANGUAGE = "language"
    CONVERSION = "conversion"


@dataclass(frozen=True)
class CaseFacts:
    """What the filters ask of a case."""

    open: bool
    tier: int
    due_at: datetime
    part: int | None
    draw: float
    disposition: str
    language: str
    held: bool
    waits: bool
    valid_number: bool
    opposed: bool
    number_held: bool
    quota_open: bool
    owner: int | None
    refused_by: frozenset[int]


@dataclass(frozen=True)
class Asker:
    """Who would take the case; None for whoever it suits: its owner, or one with the skill."""

    user: int
    languages: frozenset[str]
    converts: bool


def why_not(case: CaseFacts, rules: Rules, now: datetime, asker: Asker | None) -> Reason | None:
    """The first reason against handing the case out now; None where it may be."""
    return next((one for one, holds in _AGAINST if holds(case, rules, now, asker)), None)


def passes(case: CaseFacts) -> bool:
    """Whether the case passes over quota: pushed, promised firmly, cut off or broken off."""
    return case.tier <= APPOINTMENT or case.disposition in BROKEN_OFF


def possible_part(case: CaseFacts, rules: Rules) -> int | None:
    """The part of the week in which the case is rung; ANY, or None where no call is left."""
    if case.tier < RETRY:
        return ANY
    return fresh_part(rules, case.draw) if case.tier == FRESH else case.part


def _in_another_part(case: CaseFacts, rules: Rules, now: datetime, _asker: Asker | None) -> bool:
    part = possible_part(case, rules)
    return part not in (ANY, part_at(rules.parts, now))


def _waits_for_owner(case: CaseFacts, rules: Rules, now: datetime, asker: Asker | None) -> bool:
    if asker is None or case.owner in (None, asker.user):
        return False
    return case.due_at > now - timedelta(minutes=rules.owner_first)


def _another_language(case: CaseFacts, _r: Rules, _now: datetime, asker: Asker | None) -> bool:
    return asker is not None and case.language != "" and case.language not in asker.languages


def _not_hers_to_convert(case: CaseFacts, _r: Rules, _now: datetime, asker: Asker | None) -> bool:
    if asker is None or case.tier != RETRY or case.disposition not in REFUSED:
        return False
    return not asker.converts or asker.user in case.refused_by


_Test = Callable[[CaseFacts, Rules, datetime, Asker | None], bool]
_AGAINST: tuple[tuple[Reason, _Test], ...] = (
    (Reason.CLOSED, lambda case, _r, _n, _a: not case.open),
    (Reason.REPLICATE, lambda case, _r, _n, _a: case.waits),
    (Reason.HELD, lambda case, _r, _n, _a: case.held),
    (Reason.NO_NUMBER, lambda case, _r, _n, _a: not case.valid_number),
    (Reason.OPPOSED, lambda case, _r, _n, _a: case.opposed),
    (Reason.DELAY, lambda case, _r, now, _a: case.due_at > now),
    (Reason.QUOTA, lambda case, _r, _n, _a: not (case.quota_open or passes(case))),
    (Reason.EXHAUSTED, lambda case, rules, _n, _a: possible_part(case, rules) is None),
    (Reason.DAY_PART, _in_another_part),
    (Reason.OWNER, _waits_for_owner),
    (Reason.BUSY_NUMBER, lambda case, _r, _n, _a: case.number_held),
    (Reason.LANGUAGE, _another_language),
    (Reason.CONVERSION, _not_hers_to_convert),
)
