"""What becomes of an answer whose writer has lost the case: it is kept, and she is told.

It is not recorded, since the one who has the case now may have gone another way; the supervisor
decides, item by item (`cati.operations.quarantine`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

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
    hers = Attempt.objects.filter(
        case=case_id, interviewer=user, epoch=epoch, interview__isnull=False
    )
    interview = hers.values_list("interview", flat=True).first()
    erased = Erasure.objects.filter(case=case_id, kind=Erasure.Kind.PERSON)
    if interview is None or erased.exists():
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
    return Reply(409, {"stale": True, "holder": lost.holder, "kept": True})
