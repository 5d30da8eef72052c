"""What becomes of an answer or a note whose writer has lost the case: it is kept, and she is told.

It is not recorded, since the one who has the case now may have gone another way; the supervisor
decides, item by item (`cati.operations.quarantine`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from cati.models import Attempt, Erasure, LateAnswer, User
from cati.operations.errors import StaleLease
from cati.operations.idempotency import Reply

if TYPE_CHECKING:
    from cati.operations.record import AnswerInput


def keep_late(
    case_id: int, user: User, epoch: int, answer: AnswerInput, lost: StaleLease, now: datetime
) -> Reply:
    """Put the answer into quarantine; 409 {"stale", "holder", "kept"}.

    Only for the interview that she conducted under that epoch: raises `lost` for anybody who never
    held the case, so that nobody can write into the quarantine of cases that were not hers; and
    for what somebody said who has been erased since.
    """
    interview = _call(case_id, user, epoch, lost).interview_id
    if interview is None:
        raise lost
    LateAnswer.objects.create(
        uuid=answer.uuid,
        case_id=case_id,
        interview_id=interview,
        kind=answer.kind,
        item=answer.item,
        instance=answer.instance,
        value=answer.value,
        actor=user,
        epoch=epoch,
        at=now,
        client_at=answer.client_at,
        ms_on_screen=answer.ms_on_screen,
    )
    return _told(lost)


def keep_late_note(
    case_id: int,
    user: User,
    *,
    epoch: int,
    uuid: UUID,
    text: str,
    item: str,
    lost: StaleLease,
    now: datetime,
) -> Reply:
    """The same for a note, which needs a call of hers and no interview."""
    call = _call(case_id, user, epoch, lost)
    LateAnswer.objects.create(
        uuid=uuid,
        case_id=case_id,
        interview_id=call.interview_id,
        kind=LateAnswer.NOTE,
        item=item,
        value={"text": text},
        actor=user,
        epoch=epoch,
        at=now,
    )
    return _told(lost)


def _call(case_id: int, user: User, epoch: int, lost: StaleLease) -> Attempt:
    """Her call under that epoch, the one with an interview first. Raises `lost`."""
    hers = Attempt.objects.filter(case=case_id, interviewer=user, epoch=epoch)
    call = hers.order_by("interview_id").first()  # without an interview comes last
    erased = Erasure.objects.filter(case=case_id, kind=Erasure.Kind.PERSON)
    if call is None or erased.exists():
        raise lost
    return call


def _told(lost: StaleLease) -> Reply:
    return Reply(409, {"stale": True, "holder": lost.holder, "kept": True})
