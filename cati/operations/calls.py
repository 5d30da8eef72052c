"""Calls and notes: an attempt opens with the click that dials."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cati.core.scheduling import may_call
from cati.models import Attempt, Case, Note, Opposition, Phone, User, Wave
from cati.operations.errors import Refused, StaleLease
from cati.operations.hours import hours_told
from cati.operations.idempotency import Reply, once
from cati.operations.late import keep_late_note
from cati.operations.leases import hold, release

# A redial or a second number this soon after the last call belongs to the same visit.
SAME_VISIT = timedelta(minutes=10)


def dial(case_id: int, user: User, epoch: int, phone_id: int, now: datetime) -> Attempt:
    """Open an attempt on one of the case's valid numbers, or give back the one that is open."""
    with transaction.atomic():
        case = hold(case_id, user, epoch, now)
        if attempt := open_attempt(case):
            return attempt
        check_hours(case.wave, now)
        valid = Phone.objects.filter(case=case, state=Phone.State.VALID)
        # Whoever opposed while her number was being imported is asked for here, and here only.
        opposed = Opposition.objects.values("phone_key")
        phone = valid.filter(pk=phone_id).exclude(phone_key__in=opposed).first()
        if phone is None:
            raise Refused({"phone": _("Ce numéro n’est plus à appeler. Choisissez-en un autre.")})
        return Attempt.objects.create(
            case=case,
            phone=phone,
            interviewer=user,
            epoch=epoch,
            visit=visit_of(case, now),
            opened_at=now,
        )


def check_hours(wave: Wave, now: datetime) -> None:
    """Refused where the wave may not be dialled at this hour; claiming and dialling both ask."""
    if not may_call(wave.calling_hours, now):
        hours = hours_told(wave.calling_hours, now) or _("fermés aujourd’hui")
        raise Refused({"": _("Hors des heures d’appel. Appels %(hours)s.") % {"hours": hours}})


def open_attempt(case: Case) -> Attempt | None:
    return case.calls.filter(closed_at__isnull=True).first()


def hand_back_other(user: User, now: datetime) -> None:
    """Hand back the case that she holds, if any. Raises Refused while she is in its call."""
    held = Case.objects.filter(holder=user).first()
    if held is None:
        return
    if open_attempt(held):
        talking = _("Vous êtes en appel sur la fiche %(number)s : donnez d’abord son issue.")
        raise Refused({"": talking % {"number": held.number}})
    release(held.pk, user, held.epoch, now)


def last_call(case: Case) -> Attempt | None:
    """By its number: the times of two calls may be one, or a clock set back leaves the earlier in
    the future."""
    return case.calls.order_by("-pk").first()


def visit_of(case: Case, now: datetime) -> int:
    """The number of the visit to which a call that begins now belongs."""
    last = last_call(case)
    if last is None:
        return 1
    ended = last.closed_at or last.opened_at
    return last.visit if now - ended <= SAME_VISIT else last.visit + 1


def add_note(
    case_id: int, user: User, *, epoch: int, uuid: UUID, text: str, item: str, now: datetime
) -> Reply:
    """Keep a note on the case, or on one of its items, exactly once per `uuid`.

    Reply 200 {"note": its id}; 409 {"stale", "holder", "kept"} when the case is hers no more, and
    the note in quarantine. Raises Refused for an empty or endless note, StaleLease where she never
    called there.
    """
    text = text.strip()
    if not text:
        raise Refused({"text": _("La note est vide. Écrivez-la, ou fermez avec Échap.")})
    if len(text) > 2000:
        raise Refused({"text": _("La note dépasse 2 000 caractères. Raccourcissez-la.")})

    def keep() -> Reply:
        try:
            case = hold(case_id, user, epoch, now)
        except StaleLease as lost:
            return keep_late_note(
                case_id, user, epoch=epoch, uuid=uuid, text=text, item=item, lost=lost, now=now
            )
        note = Note.objects.create(case=case, author=user, item=item, text=text, at=now)
        return Reply(200, {"note": note.pk})

    body = {"case": case_id, "text": text, "item": item}
    return once(uuid, user, body, now, keep)
