"""Never ring somebody again: her number and her other numbers, in every wave, from this moment on.

The list holds keys, not numbers, so that it outlives the purge and refuses a later import.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cati.core.dispositions import OPPOSED
from cati.core.phones import BadPhone, normalise, phone_key
from cati.core.sample_faults import Fault
from cati.models import Appointment, Case, CaseAct, Opposition, Phone, User
from cati.operations import leases
from cati.operations.errors import Refused
from cati.operations.sample_faults import in_words

MOST_REASON = 200


@dataclass(frozen=True)
class Bound:
    """What an opposition bound: numbers on the list now, and cases that it closed."""

    numbers: int
    cases: int


def oppose_number(written: str, *, reason: str, by: User, now: datetime) -> Bound:
    """Put a number on the list, with every other number of the cases that have it.

    Refused for what is no number, and without a reason. A number of no case is listed as well: a
    later import will meet it.
    """
    reason = checked_reason(reason)
    try:
        number = normalise(written)
    except BadPhone as bad:
        told = in_words(Fault(bad.reason))
        raise Refused({"number": f"{told.reason} {told.mend}"}) from bad
    key = phone_key(number, settings.PHONE_KEY_SECRET)
    with transaction.atomic():
        return _bind([key], None, reason, by, now)


def oppose_case(case: Case, *, reason: str, by: User, now: datetime) -> Bound:
    """Put every number of a case on the list, and close it wherever these numbers stand."""
    reason = checked_reason(reason)
    with transaction.atomic():
        return _bind(case.phones.values_list("phone_key", flat=True), case, reason, by, now)


def checked_reason(reason: str) -> str:
    """The reason as it is kept. Raises Refused without one."""
    reason = " ".join(reason.split())
    if not reason:
        raise Refused({"reason": _("Dites pourquoi : le motif est gardé avec l’acte.")})
    if len(reason) > MOST_REASON:
        raise Refused({"reason": _("Le motif dépasse 200 caractères. Raccourcissez-le.")})
    return reason


def _bind(named: Iterable[str], case: Case | None, reason: str, by: User, now: datetime) -> Bound:
    named = set(named)
    having = set(Phone.objects.filter(phone_key__in=named).values_list("case_id", flat=True))
    others = Phone.objects.filter(case__in=having).values_list("phone_key", flat=True)
    keys = named | set(others)
    homes = dict(
        Phone.objects.filter(phone_key__in=keys).order_by("-pk").values_list("phone_key", "case_id")
    )
    Opposition.objects.bulk_create(
        (
            Opposition(
                phone_key=key,
                case_id=case.pk if case else homes.get(key),
                reason=reason,
                at=now,
                by=by,
            )
            for key in sorted(keys)
        ),
        ignore_conflicts=True,
    )
    Phone.objects.filter(phone_key__in=keys).update(state=Phone.State.CLOSED, disposition=OPPOSED)
    return Bound(len(keys), _close_cases(keys, having, reason, by, now))


def _close_cases(keys: set[str], named: set[int], reason: str, by: User, now: datetime) -> int:
    """Close the open cases of the person, and those that have no number left; end their leases."""
    # All in one order, so that two oppositions at once wait for each other and never both ways.
    cases = (
        Case.objects.select_for_update(of=("self",))
        .filter(state=Case.State.OPEN, phones__phone_key__in=keys)
        .select_related("holder")
        .order_by("pk")
    )
    closed = 0
    for case in dict.fromkeys(cases):
        left = case.phones.filter(state=Phone.State.VALID).exists()
        if case.pk not in named and left:
            continue
        close_case(case, now, disposition=OPPOSED)
        CaseAct.objects.create(case=case, kind=CaseAct.Kind.OPPOSE, reason=reason, by=by, at=now)
        closed += 1
    return closed


def close_case(case: Case, now: datetime, *, disposition: str = "") -> None:
    """Close a locked case: whoever holds it is told at her next request; promises are cancelled."""
    if case.holder:
        leases.release(case.pk, case.holder, case.epoch, now)
    pending = case.appointments.filter(state=Appointment.State.PENDING)
    pending.update(state=Appointment.State.CANCELLED)
    changes = {"state": Case.State.CLOSED, "due_at": now, "owner": None}
    if disposition:
        changes["disposition"] = disposition
    Case.objects.filter(pk=case.pk).update(**changes)
