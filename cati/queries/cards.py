"""Reads of one case: what the one who holds it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cati.models import Appointment, Attempt, Case, Contact, Note, Phone, User, Wave
from questionnaire.models import Interview


@dataclass(frozen=True)
class CaseCard:
    """What the one who holds a case sees: `attempt` is the open call, `history` the others."""

    case: Case
    contact: Contact | None
    phones: Sequence[Phone]
    history: Sequence[Attempt]
    notes: Sequence[Note]
    appointment: Appointment | None
    attempt: Attempt | None
    interview: Interview | None


def case_card(case: Case) -> CaseCard:
    """The case with its contact, valid numbers, calls, notes and interview. Six reads."""
    calls = list(case.calls.select_related("interviewer", "phone"))
    return CaseCard(
        case=case,
        contact=Contact.objects.filter(case=case).first(),
        phones=list(case.phones.filter(state=Phone.State.VALID).exclude(e164="")),
        history=[call for call in calls if call.closed_at],
        notes=list(case.notes.select_related("author")),
        appointment=case.appointments.filter(state=Appointment.State.PENDING).first(),
        attempt=next((call for call in calls if not call.closed_at), None),
        interview=_current_interview(case),
    )


def question_card(case: Case) -> CaseCard:
    """The part of the card that a question is drawn from, for every answer. Three reads."""
    return CaseCard(
        case=case,
        contact=Contact.objects.filter(case=case).first(),
        phones=(),
        history=(),
        notes=(),
        appointment=None,
        attempt=case.calls.filter(closed_at__isnull=True).first(),
        interview=_current_interview(case),
    )


def _current_interview(case: Case) -> Interview | None:
    links = case.interviews.filter(current=True).select_related("interview__version")
    link = links.defer("interview__version__content").first()
    return link.interview if link else None


def held_case(wave: Wave, user: User) -> Case | None:
    return Case.objects.filter(wave=wave, holder=user).first()
