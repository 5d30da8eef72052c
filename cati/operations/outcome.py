"""The outcome of a call: attempt, case, place and lease change together, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F
from django.utils.translation import gettext as _

from cati.core.dispositions import BY_CODE, CaseChange, Disposition, Needs, after_outcome
from cati.core.rules import read_rules
from cati.models import Appointment, Attempt, Case, Note, Opposition, Phone, User
from cati.operations import places
from cati.operations.appoint import appoint, check_hour
from cati.operations.calls import open_attempt
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply, once
from cati.operations.leases import hold, let_go
from cati.queries.visits import visits_before
from questionnaire import operations as journal
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import EventInput
from questionnaire.queries import current_route

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
    interview = journal.lock_interview(pk=attempt.interview_id) if attempt.interview_id else None
    disposition = _disposition(outcome.code, interview)
    _check_needs(case, disposition, outcome, now)
    change = _change(case, attempt, disposition, outcome, now)
    attempt.closed_at, attempt.disposition, attempt.aapor = now, disposition.code, change.aapor
    attempt.before = _as_it_was(case)
    attempt.save(update_fields=["closed_at", "disposition", "aapor", "before"])
    counted = _settle_place(case, interview, disposition, now)
    if interview is not None:
        _end_interview(case, interview, change, user, now)
    if not change.redial:
        let_go(case)
    _apply(case, attempt, change, disposition, user, now)
    if disposition.may_book and outcome.at is not None:
        appoint(
            case, attempt, outcome.at, firm=outcome.firm, ask_for=outcome.ask_for,
            owner=user if outcome.mine else None,
        )  # fmt: skip
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


def _check_needs(
    case: Case, disposition: Disposition, outcome: OutcomeInput, now: datetime
) -> None:
    if disposition.needs is Needs.NOTE and not outcome.note.strip():
        raise Refused({"note": _("Cette issue demande une note : dites ce qu’il faut savoir.")})
    if disposition.needs is Needs.APPOINTMENT and outcome.at is None:
        raise Refused({"at": _("Il manque le jour ou l’heure du rendez-vous.")})
    if disposition.may_book and outcome.at is not None:
        check_hour(case.wave, outcome.at, now)


def _change(
    case: Case, attempt: Attempt, disposition: Disposition, outcome: OutcomeInput, now: datetime
) -> CaseChange:
    """What the outcome does to the case, from its attempts so far."""
    others = case.phones.filter(state=Phone.State.VALID).exclude(pk=attempt.phone_id or 0)
    return after_outcome(
        disposition.code,
        phones_left=others.count(),
        screened=case.screened,
        now=now,
        appointment_at=outcome.at,
        firm=outcome.firm,
        tries=visits_before(case, attempt.visit),
        rules=read_rules(case.wave.call_rules),
        hours=case.wave.calling_hours,
    )


def _as_it_was(case: Case) -> dict[str, Any]:
    """What the outcome is about to change, for `take_back`; `promise` is the appointment due."""
    promised = case.appointments.filter(state=Appointment.State.PENDING).first()
    return {
        "state": case.state,
        "disposition": case.disposition,
        "tier": case.tier,
        "due_at": case.due_at.isoformat(),
        "part": case.part,
        "owner": case.owner_id,
        "promise": promised.pk if promised else None,
    }


def _settle_place(
    case: Case, interview: Interview | None, disposition: Disposition, now: datetime
) -> bool:
    """Count a complete interview, give back the place of any other; True when counted."""
    if interview is None:
        return False
    if disposition.code == COMPLETE:
        return places.confirm(case.wave, interview, interview.answers["roles"], now)
    places.release(interview, now)
    return False


def _end_interview(
    case: Case, interview: Interview, change: CaseChange, user: User, now: datetime
) -> None:
    """Journal how the interview was left; a temporary end asks anew what belongs to one contact."""
    value = {
        "outcome": "complete" if change.disposition == COMPLETE else change.disposition,
        "temporary": change.state == Case.State.OPEN,
    }
    event = EventInput(id=uuid4(), kind=AnswerEvent.Kind.END, value=value)
    journal.record(interview, [event], actor=user, epoch=case.epoch, now=now)


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
    case.tier, case.due_at, case.part = change.tier, change.due_at, change.part
    case.attempts = F("attempts") + 1
    case.owner = user if change.redial else None
    case.save(update_fields=["state", "disposition", "tier", "due_at", "part", "attempts", "owner"])


def oppose(case: Case, user: User | None, now: datetime) -> None:
    """Never ring any number of this case again, in whichever case it stands."""
    keys = list(case.phones.values_list("phone_key", flat=True))
    Opposition.objects.bulk_create(
        [Opposition(phone_key=key, at=now, by=user) for key in keys], ignore_conflicts=True
    )
    Phone.objects.filter(phone_key__in=keys).update(state=Phone.State.CLOSED, disposition="42")
