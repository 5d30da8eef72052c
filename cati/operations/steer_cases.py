"""What a supervisor does to a case: give it, push it, close it, reopen it, take it back, oppose it.

Every act locks the case, keeps who did it and why, and leaves the calls and their outcomes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cati.core.retries import ANY
from cati.models import Appointment, Case, CaseAct, Membership, Phone, Role, User
from cati.operations import leases
from cati.operations.errors import Refused
from cati.operations.oppose import checked_reason, close_case, oppose_case
from cati.operations.replicates import is_held_back

Kind = CaseAct.Kind
COMPLETE = "10"


@dataclass(frozen=True)
class Order:
    """What is asked of a case, by whom, and for whom where it is given to somebody."""

    reason: str
    by: User
    now: datetime
    person: User | None = None


def steer(case_id: int, kind: str, order: Order) -> None:
    """Do the act and keep it with its reason. Raises Refused: why not, and what would help."""
    reason = checked_reason(order.reason)
    if kind not in ACTS:
        raise Refused({"": _("Cet acte n’existe pas. Rechargez la page.")})
    with transaction.atomic():
        case = (
            Case.objects.select_for_update(of=("self",))
            .select_related("wave", "holder")
            .get(pk=case_id)
        )
        person = ACTS[kind](case, order)
        if kind != Kind.OPPOSE:
            CaseAct.objects.create(
                case=case, kind=kind, reason=reason, person=person, by=order.by, at=order.now
            )


def _assign(case: Case, order: Order) -> User | None:
    """It is hers first; after the scheduler's grace, anybody's, so that no case is forgotten."""
    person = order.person
    enrolled = Membership.objects.filter(
        wave=case.wave, user=person, active=True, role=Role.INTERVIEWER, user__is_active=True
    )
    if person is None or not enrolled.exists():
        raise Refused({"person": _("Choisissez un enquêteur de la vague.")})
    _check_callable(case)
    promised = case.appointments.filter(state=Appointment.State.PENDING)
    if promised.update(owner=person):
        # The person expects the call at the hour that she was promised, and not before.
        Case.objects.filter(pk=case.pk).update(owner=person)
    else:
        _first_in_line(case, order.now, owner=person)
    return person


def _push(case: Case, order: Order) -> None:
    _check_callable(case)
    _first_in_line(case, order.now, owner=None)


def _close(case: Case, order: Order) -> None:
    if case.state == Case.State.CLOSED:
        raise Refused({"": _("Cette fiche est déjà close.")})
    close_case(case, order.now)


def _reopen(case: Case, order: Order) -> None:
    if case.state == Case.State.OPEN:
        raise Refused({"": _("Cette fiche est déjà ouverte.")})
    if case.disposition == COMPLETE:
        raise Refused({"": _("L’entretien est complet : il n’y a plus personne à appeler.")})
    if not case.phones.filter(state=Phone.State.VALID).exists():
        raise Refused({"": _("Cette fiche n’a plus de numéro à appeler.")})
    Case.objects.filter(pk=case.pk).update(
        state=Case.State.OPEN, tier=Case.Tier.RETRY, due_at=order.now, part=ANY, owner=None
    )


def _take_over(case: Case, order: Order) -> User:
    holder = case.holder
    if holder is None:
        raise Refused({"": _("Personne ne tient cette fiche.")})
    leases.release(case.pk, holder, case.epoch, order.now)
    return holder


def _oppose(case: Case, order: Order) -> None:
    oppose_case(case, reason=order.reason, by=order.by, now=order.now)


def _check_callable(case: Case) -> None:
    if case.state == Case.State.CLOSED:
        raise Refused({"": _("Cette fiche est close. Rouvrez-la d’abord.")})
    if case.holder:
        held = _("%(name)s tient cette fiche. Retirez-la-lui d’abord, ou attendez la fin.")
        raise Refused({"": held % {"name": case.holder.short_name}})
    if not case.phones.filter(state=Phone.State.VALID).exists():
        raise Refused({"": _("Cette fiche n’a plus de numéro à appeler.")})
    if is_held_back(case):
        waits = _("Son réplicat %(number)s est en attente. Libérez-le d’abord.")
        raise Refused({"": waits % {"number": case.replicate}})


def _first_in_line(case: Case, now: datetime, owner: User | None) -> None:
    Case.objects.filter(pk=case.pk).update(tier=Case.Tier.PUSHED, due_at=now, owner=owner)


ACTS: dict[str, Callable[[Case, Order], User | None]] = {
    Kind.ASSIGN: _assign,
    Kind.PUSH: _push,
    Kind.CLOSE: _close,
    Kind.REOPEN: _reopen,
    Kind.TAKE_OVER: _take_over,
    Kind.OPPOSE: _oppose,
}
