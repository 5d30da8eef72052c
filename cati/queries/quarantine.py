"""Reads of the quarantine: what came late and waits, with what the interview says today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cati.models import Case, LateAnswer, User, Wave
from questionnaire.core.instrument import Item
from questionnaire.models import Interview
from questionnaire.queries import program_by_id


@dataclass(frozen=True)
class Late:
    """One late answer, its item (None where the questionnaire has none), and the present one.

    A note has nothing beside it.
    """

    row: LateAnswer
    item: Item | None
    present: Mapping[str, Any] | None


@dataclass(frozen=True)
class LateCase:
    """A case with its late answers in the order in which they came."""

    case: Case
    answers: list[Late]


def quarantine_of(wave: Wave) -> list[LateCase]:
    """The wave's late answers that nobody has decided, by case. Two reads."""
    waiting = (
        LateAnswer.objects.filter(case__wave=wave, state=LateAnswer.State.WAITING)
        .select_related("actor", "case__holder", "case__frame_sector")
        .order_by("case__number", "at", "uuid")
    )
    rows = list(waiting)
    interviews = Interview.objects.in_bulk({row.interview_id for row in rows})
    return [
        LateCase(case, [_late(row, interviews.get(row.interview_id)) for row in group])
        for case, group in groupby(rows, key=lambda row: row.case)
    ]


def late_answer(wave: Wave, uuid: Any) -> Late | None:
    """One late answer of the wave, decided or not; None where there is none."""
    row = (
        LateAnswer.objects.filter(case__wave=wave, pk=uuid)
        .select_related("actor", "case", "interview")
        .first()
    )
    return _late(row, row.interview) if row else None


def waiting_in(wave: Wave) -> int:
    """How many late answers of the wave wait for a decision."""
    return LateAnswer.objects.filter(case__wave=wave, state=LateAnswer.State.WAITING).count()


def kept_late(case: Case, user: User) -> int:
    """How many answers of this person wait in the quarantine of this case."""
    waiting = LateAnswer.objects.filter(case=case, actor=user, state=LateAnswer.State.WAITING)
    return waiting.count()


def _late(row: LateAnswer, interview: Interview | None) -> Late:
    if interview is None or row.kind == LateAnswer.NOTE:
        return Late(row, None, None)
    try:
        item = program_by_id(interview.version_id).instrument.item(row.item)
    except KeyError:
        item = None
    return Late(row, item, interview.answers.get("answers", {}).get(row.key))
