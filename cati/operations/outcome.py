"""The outcome of a call: attempt, case, place and lease change together, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext as _
from questionnaire.queries import current_route

from cati.core.dispositions import BY_CODE, CaseChange, Disposition, aapor, after_outcome
from cati.core.scheduling import PARIS, hours_text, may_call
from cati.models import Appointment, Attempt, Case, Note, Opposition, Phone, User
from cati.operations import places
from cati.operations.calls import open_attempt
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply, once
from cati.operations.leases import hold, let_go
from questionnaire import operations as journal
from questionnaire.models import Interview

FARTHEST_APPOINTMENT = timedelta(days=60)
COMPLETE = "10"


@dataclass(frozen=True)
class OutcomeInput:
    """What the interviewer typed at the end of a call; `at` is an aware instant."""

    uuid: UUID
    code: str
    note: str = ""
    at: datetime | None = None
    firm: bool = True
    ask_for: str = ""
    mine: bool = True


def record_outcome(
    case_id: int, user: User, epoch: int, outcome: OutcomeInput, now: datetime
) -> Reply:
    """Close the open call with its outcome, exactly once.

    Reply 200 {"next": "home" | "redial", "label", "counted"}. Raises StaleLease, or Refused with
    messages by field.
    """
    body = {
        "case": case_id,
        "code": outcome.code,
        "note": outcome.note,
        "at": outcome.at.isoformat() if outcome.at else None,
        "firm": outcome.firm,
        "ask_for": outcome.ask_for,
        "mine": outcome.mine,
    }
    return once(outcome.uuid, user, body, now, lambda: _record(case_id, user, epoch, outcome, now))


def _record(case_id: int, user: User, epoch: int, outcome: OutcomeInput, now: datetime) -> Reply:
    case = hold(case_id, user, epoch, now)
    attempt = open_attempt(case)
    if attempt is None:
        raise Refused({"code": _("Aucun appel en cours. Appelez, puis donnez l’issue.")})
    interview = journal.lock_interview(attempt.interview_id) if attempt.interview_id else None
    disposition = _disposition(outcome.code, interview)
    _check_appointment(case, disposition, outcome, now)
    change = after_outcome(
        disposition.code,
        phones_left=_other_phones(case, attempt),
        attempts=case.attempts + 1,
        screened=case.screened,
        now=now,
        appointment_at=outcome.at,
        firm=outcome.firm,
    )
    _close_attempt(attempt, disposition, case.screened, now)
    counted = _settle_place(case, interview, disposition, now)
    if not change.redial:
        let_go(case)
    _apply(case, attempt, change, disposition, user, now)
    if disposition.needs == "appointment":
        _appoint(case, attempt, outcome, user)
    if outcome.note.strip():
        Note.objects.create(case=case, author=user, text=outcome.note.strip()[:2000], at=now)
    return Reply(
        200,
        {
            "next": "redial" if change.redial else "home",
            "label": str(disposition.label),
            "counted": counted,
        },
    )


def _disposition(code: str, interview: Interview | None) -> Disposition:
    disposition = BY_CODE.get(code)
    if disposition is None:
        raise Refused({"code": _("Aucune issue n’a ce code. Choisissez-en un dans la liste.")})
    reached = current_route(interview).outcome if interview else None
    if disposition.code == COMPLETE and reached != "complete":
        raise Refused({"code": _("L’entretien n’est pas complet. Reprenez-le, ou codez 12 ou 20.")})
    if disposition.code != COMPLETE and reached == "complete":
        raise Refused({"code": _("L’entretien est complet : codez 10, ou revenez à l’entretien.")})
    return disposition


def _check_appointment(
    case: Case, disposition: Disposition, outcome: OutcomeInput, now: datetime
) -> None:
    if disposition.needs != "appointment":
        return
    if outcome.at is None:
        raise Refused({"at": _("Il manque le jour ou l’heure du rendez-vous.")})
    if outcome.at <= now:
        raise Refused({"at": _("Cette heure est passée. Donnez une heure à venir.")})
    if outcome.at > now + FARTHEST_APPOINTMENT:
        raise Refused({"at": _("C’est dans plus de 60 jours. Donnez une date plus proche.")})
    hours = case.wave.calling_hours
    if not may_call(hours, outcome.at):
        day = outcome.at.astimezone(PARIS)
        allowed = hours_text(hours, outcome.at) or _("fermés ce jour-là")
        raise Refused(
            {
                "at": _("Hors des heures d’appel. Le %(day)s, les appels sont %(hours)s.")
                % {"day": f"{day:%d/%m}", "hours": allowed}
            }
        )


def _other_phones(case: Case, attempt: Attempt) -> int:
    valid = case.phones.filter(state=Phone.State.VALID)
    return valid.exclude(pk=attempt.phone_id).count()


def _close_attempt(
    attempt: Attempt, disposition: Disposition, screened: bool, now: datetime
) -> None:
    attempt.closed_at = now
    attempt.disposition = disposition.code
    attempt.aapor = aapor(disposition.code, screened)[0]
    attempt.save(update_fields=["closed_at", "disposition", "aapor"])


def _settle_place(
    case: Case, interview: Interview | None, disposition: Disposition, now: datetime
) -> bool:
    """Count a complete interview, give back the place of any other; True when counted."""
    if interview is None:
        return False
    if disposition.code == COMPLETE:
        return places.confirm(case.wave, interview, now)
    places.release(interview, now)
    return False


def _apply(
    case: Case,
    attempt: Attempt,
    change: CaseChange,
    disposition: Disposition,
    user: User,
    now: datetime,
) -> None:
    """Write what the outcome does to the number, the person's other numbers and the case."""
    case.appointments.filter(state=Appointment.State.PENDING).update(state=Appointment.State.KEPT)
    if change.close_phone and attempt.phone_id:
        Phone.objects.filter(pk=attempt.phone_id).update(
            state=Phone.State.CLOSED, disposition=disposition.code
        )
    if change.oppose:
        oppose(case, user, now)
    case.state, case.disposition = change.state, change.disposition
    case.tier, case.due_at = change.tier, change.due_at
    case.attempts = F("attempts") + 1
    case.owner = user if change.redial else None
    case.save(update_fields=["state", "disposition", "tier", "due_at", "attempts", "owner"])


def oppose(case: Case, user: User | None, now: datetime) -> None:
    """Never ring any number of this case again, in whichever case it stands."""
    keys = list(case.phones.values_list("phone_key", flat=True))
    Opposition.objects.bulk_create(
        [Opposition(phone_key=key, at=now, by=user) for key in keys], ignore_conflicts=True
    )
    Phone.objects.filter(phone_key__in=keys).update(state=Phone.State.CLOSED, disposition="42")


def _appoint(case: Case, attempt: Attempt, outcome: OutcomeInput, user: User) -> None:
    owner = user if outcome.mine else None
    Appointment.objects.create(
        case=case,
        attempt=attempt,
        at=outcome.at,
        firm=outcome.firm,
        owner=owner,
        ask_for=outcome.ask_for.strip()[:120],
    )
    Case.objects.filter(pk=case.pk).update(owner=owner)
