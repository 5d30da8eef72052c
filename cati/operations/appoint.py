"""Appointments: the hour that is promised, the nearest one where it cannot be, and missed ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from cati.core.rules import read_rules
from cati.core.scheduling import PARIS, day_hours, holiday, may_call, nearest_open
from cati.models import Appointment, Attempt, Case, User, Wave
from cati.operations.errors import Refused
from cati.operations.hours import hours_told

FARTHEST = timedelta(days=60)


def check_hour(wave: Wave, at: datetime, now: datetime) -> None:
    """Refused where nobody may be called at that hour; the nearest possible one is offered."""
    if at <= now:
        raise Refused({"at": _("Cette heure est passée. Donnez une heure à venir.")})
    if at > now + FARTHEST:
        raise Refused({"at": _("C’est dans plus de 60 jours. Donnez une date plus proche.")})
    if may_call(wave.calling_hours, at):
        return
    near = nearest_open(wave.calling_hours, at, now)
    offer = _(" Au plus près : %(near)s.") % {"near": spoken_hour(near)} if near else ""
    raise Refused({"at": _why_closed(wave, at) + offer})


def _why_closed(wave: Wave, at: datetime) -> str:
    day = at.astimezone(PARIS).date()
    if day_hours(wave.calling_hours, day):
        facts = {"day": date_format(day, "d/m"), "hours": hours_told(wave.calling_hours, at)}
        return _("Hors des heures d’appel. Le %(day)s, les appels sont %(hours)s.") % facts
    facts = {"day": date_format(day, "d/m"), "why": holiday(day) or _("jour fermé")}
    return _("Hors des heures d’appel. Pas d’appel le %(day)s : %(why)s.") % facts


def spoken_hour(at: datetime) -> str:
    """« jeudi 19 novembre, 20 h 15 », as it is said and as it can be typed."""
    return date_format(at.astimezone(PARIS), "l j F, G \\h i")


def appoint(
    case: Case, attempt: Attempt, at: datetime, *, firm: bool, ask_for: str, owner: User | None
) -> Appointment:
    """Keep the promise that a call ended with; the case is its owner's first, or anybody's."""
    Case.objects.filter(pk=case.pk).update(owner=owner)
    return Appointment.objects.create(
        case=case, attempt=attempt, at=at, firm=firm, owner=owner, ask_for=ask_for.strip()[:120]
    )


def miss_appointments(now: datetime) -> int:
    """Count as missed what nobody has kept within the grace; the case goes back to the pool.

    It is called as soon as anybody is free, before all retries, and by whoever that is. Whoever
    holds the case at that moment is about to keep the promise.
    """
    missed = 0
    for wave in Wave.objects.filter(state=Wave.State.OPEN):
        before = now - timedelta(minutes=read_rules(wave.call_rules).grace)
        with transaction.atomic():
            # Case before appointment, as everywhere.
            cases = Case.objects.select_for_update(skip_locked=True).filter(
                wave=wave,
                holder__isnull=True,
                appointments__state=Appointment.State.PENDING,
                appointments__at__lt=before,
            )
            found = list(cases.order_by("pk").values_list("pk", flat=True))
            late = Appointment.objects.filter(case__in=found, state=Appointment.State.PENDING)
            missed += late.update(state=Appointment.State.MISSED)
            Case.objects.filter(pk__in=found, tier=Case.Tier.APPOINTMENT).update(
                tier=Case.Tier.SOFT
            )
            Case.objects.filter(pk__in=found).update(owner=None)
    return missed
