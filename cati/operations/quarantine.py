"""The supervisor's word on what came too late: record it, or set it aside; each once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cati.models import Case, LateAnswer, Note, User
from cati.operations import record
from cati.operations.errors import Refused
from cati.operations.record import AnswerInput
from questionnaire import operations as journal
from questionnaire.core.said import in_words

State = LateAnswer.State


def accept(late_id: UUID, by: User, now: datetime) -> None:
    """Record what came late in the name of who typed it. Raises Refused: why it does not fit."""
    with transaction.atomic():
        late, case = _decided(late_id, State.ACCEPTED, by, now)
        if late.kind == LateAnswer.NOTE:
            Note.objects.create(
                case=case, author=late.actor, item=late.item, text=late.value["text"], at=late.at
            )
        else:
            _record(late, case, now)


def discard(late_id: UUID, by: User, now: datetime) -> None:
    """Set what came late aside: it stays readable, and changes nothing. Raises Refused."""
    with transaction.atomic():
        _decided(late_id, State.DISCARDED, by, now)


def _record(late: LateAnswer, case: Case, now: datetime) -> None:
    assert late.interview_id is not None, "only a note may belong to no interview"
    interview = journal.lock_interview(pk=late.interview_id)
    answer = AnswerInput(
        uuid=late.uuid,
        kind=late.kind,
        item=late.item,
        instance=late.instance,
        value=late.value,
        client_at=late.client_at,
        ms_on_screen=late.ms_on_screen,
    )
    try:
        record.save_late(case, interview, answer, actor=late.actor, epoch=late.epoch, now=now)
    except journal.AnswerRefused as refusal:
        raise Refused({"": " ".join(in_words(refusal.messages, _))}) from refusal


def _decided(late_id: UUID, state: State, by: User, now: datetime) -> tuple[LateAnswer, Case]:
    """The answer as it was, with its case, locked and decided. Raises Refused for a second word."""
    late = LateAnswer.objects.select_related("actor", "interview").get(pk=late_id)
    case = Case.objects.select_for_update(of=("self",)).select_related("wave").get(pk=late.case_id)
    decision = {"state": state, "decided_by": by, "decided_at": now}
    if late.interview and record.stored_with_contact(late.interview, late.kind, late.item):
        # It belongs to the contact: accepted, it is kept there, and discarded, nowhere.
        decision["value"] = {"given": True}
    if not LateAnswer.objects.filter(pk=late_id, state=State.WAITING).update(**decision):
        raise Refused({"": _("Cette réponse est déjà décidée. Rechargez la page.")})
    return late, case
