"""A respondent calls back: the interviewer who picks up takes that very case, if it is free.

The call is an attempt like another, already open: nobody dials, so calling hours do not matter.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cati.core.dispositions import OPPOSED
from cati.models import Attempt, Case, CaseAct, Opposition, Phone, User, Wave
from cati.operations import leases
from cati.operations.calls import hand_back_other, open_attempt, visit_of
from cati.operations.claim import lease_this
from cati.operations.errors import Refused
from cati.operations.replicates import is_held_back

COMPLETE = "10"


def take_call(wave: Wave, number: int, user: User, now: datetime) -> Case:
    """Lease the case to `user` with its call open; the one that she was about to dial goes back.

    Refused where somebody else is on it or rings its numbers, where she is in another call, and
    where there is nobody left to talk to: interview complete, person opposed, part not released.
    """
    leases.expire_leases(now)
    with transaction.atomic():
        case = leases.lock_case(wave, number)
        _check(case, user)
        if case.holder_id != user.pk:
            hand_back_other(user, now)
            _take(case, user, now)
        _open_call(case, user, now)
    return case


def _check(case: Case, user: User) -> None:
    if case.wave.state != Wave.State.OPEN:
        raise Refused({"": _("La vague n’est pas ouverte aux appels.")})
    if case.holder and case.holder_id != user.pk:
        busy = _("%(name)s est sur cette fiche. Passez-lui l’appel, ou proposez un rendez-vous.")
        raise Refused({"": busy % {"name": case.holder.short_name}})
    if case.disposition == COMPLETE:
        raise Refused({"": _("L’entretien de cette fiche est complet. Remerciez la personne.")})
    keys = case.phones.values("phone_key")
    if case.disposition == OPPOSED or Opposition.objects.filter(phone_key__in=keys).exists():
        raise Refused({"": _("La personne a demandé à ne plus être appelée. Remerciez-la.")})
    if is_held_back(case):
        raise Refused({"": _("Cette fiche n’est pas encore à appeler : réplicat non libéré.")})


def _take(case: Case, user: User, now: datetime) -> None:
    """Lease and numbers, as the claim takes them; one that was closed after vain tries or a refusal
    is open again, since the person wants to talk."""
    case.state = Case.State.OPEN
    case.save(update_fields=["state"])
    lease_this(case, user, now)
    CaseAct.objects.create(case=case, kind=CaseAct.Kind.INBOUND, by=user, at=now)


def _open_call(case: Case, user: User, now: datetime) -> None:
    if open_attempt(case):
        return
    phones = case.phones.order_by("rank")
    Attempt.objects.create(
        case=case,
        phone=phones.filter(state=Phone.State.VALID).first() or phones.first(),
        interviewer=user,
        epoch=case.epoch,
        visit=visit_of(case, now),
        opened_at=now,
    )
