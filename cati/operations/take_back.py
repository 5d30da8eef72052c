"""An outcome typed by mistake: whoever typed it takes it back, and gives another.

The call is open again as it was before its outcome; that there was one, and which, stays as an act
on the case. An opposition is never taken back: it bound the number at once, wherever it stands.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from cati.core.dispositions import BY_CODE, OPPOSED
from cati.models import Appointment, Attempt, Case, CaseAct, Phone, User, Wave
from cati.operations import places
from cati.operations.calls import hand_back_other, last_call
from cati.operations.claim import lease_this
from cati.operations.errors import Refused
from cati.operations.leases import lock_case
from cati.queries.presence import TAKEN_BACK_WITHIN
from questionnaire import operations as journal


def take_back_outcome(wave: Wave, number: int, user: User, now: datetime) -> Case:
    """Open the last call of the case again, leased to `user`, as it was before its outcome.

    Raises Refused: hers and of the last two minutes only, where nobody has acted on the case since,
    and where she is in no other call.
    """
    with transaction.atomic():
        case = lock_case(wave, number)
        attempt = _call(case, user, now)
        # The act first: without it, the database opens no call that has ended.
        said = f"{attempt.disposition} {BY_CODE[attempt.disposition].label}"
        CaseAct.objects.create(case=case, kind=CaseAct.Kind.TAKE_BACK, reason=said, by=user, at=now)
        _undo(case, attempt, now)
        if case.holder_id != user.pk:
            hand_back_other(user, now)
            lease_this(case, user, now)
        attempt.closed_at, attempt.disposition, attempt.aapor = None, "", ""
        attempt.epoch, attempt.before = case.epoch, {}
        attempt.save(update_fields=["closed_at", "disposition", "aapor", "epoch", "before"])
    return case


def _call(case: Case, user: User, now: datetime) -> Attempt:
    """The call whose outcome may be taken back. Raises Refused."""
    attempt = last_call(case)
    ended = attempt.closed_at if attempt else None
    hers = attempt is not None and attempt.interviewer_id == user.pk and not attempt.abandoned
    if attempt is None or ended is None or not hers:
        raise Refused({"": _("Cette fiche n’a pas d’issue à reprendre.")})
    # An outcome that a clock set back has left in the future stands: the act would be the earlier.
    if not ended < now <= ended + TAKEN_BACK_WITHIN:
        late = _("Deux minutes ont passé : l’issue ne se reprend plus. Dites-le à la supervision.")
        raise Refused({"": late})
    if attempt.disposition == OPPOSED:
        raise Refused({"": _("Une opposition vaut aussitôt et ne se reprend pas.")})
    if case.holder and case.holder_id != user.pk:
        busy = _("%(name)s est déjà sur cette fiche. Dites-lui ce qu’il en est.")
        raise Refused({"": busy % {"name": case.holder.short_name}})
    if case.acts.filter(at__gt=ended).exists():
        raise Refused({"": _("La supervision est intervenue sur cette fiche depuis votre issue.")})
    return attempt


def _undo(case: Case, attempt: Attempt, now: datetime) -> None:
    """Number, promises, places and case as they were before the outcome."""
    ended, before = attempt.closed_at, attempt.before
    assert ended is not None
    if attempt.phone_id:
        Phone.objects.filter(
            pk=attempt.phone_id, state=Phone.State.CLOSED, disposition=attempt.disposition
        ).update(state=Phone.State.VALID, disposition="")
    pending = Appointment.State.PENDING
    attempt.appointments.filter(state=pending).update(state=Appointment.State.CANCELLED)
    case.appointments.filter(pk=before["promise"]).update(state=pending)
    if attempt.interview_id:
        places.restore(journal.lock_interview(pk=attempt.interview_id), ended, now)
    Case.objects.filter(pk=case.pk).update(
        state=before["state"],
        disposition=before["disposition"],
        tier=before["tier"],
        due_at=datetime.fromisoformat(before["due_at"]),
        part=before["part"],
        owner=before["owner"],
        attempts=F("attempts") - 1,
    )
