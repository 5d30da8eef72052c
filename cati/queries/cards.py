"""Reads of one case: what the one who holds it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from cati.models import Appointment, Attempt, Case, Contact, Note, Phone, User, Wave
from cati.queries.board import SECTOR_FAMILY
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
        interview=current_interview(case),
    )


def current_interview(case: Case) -> Interview | None:
    """The interview of the case that goes on; its answers are left for a walker to read."""
    interviews = Interview.objects.defer("answers")
    return interviews.filter(case_link__case=case, case_link__current=True).first()


@dataclass(frozen=True)
class Beside:
    """What stands beside a question: since when the call is open, and the places of the sector.

    `label` is "" where the sector has no target.
    """

    opened_at: datetime | None
    label: str
    counted: int
    target: int

    @property
    def missing(self) -> int:
        return max(self.target - self.counted, 0)


# Read for every answer: one statement, and none of the ORM's time to write it.
BESIDE = f"""
SELECT (SELECT opened_at FROM cati_attempt WHERE case_id = %s AND closed_at IS NULL),
  s.label, q.counted, q.target
FROM (SELECT) one
LEFT JOIN (
  cati_sector s JOIN cati_quotacell q
  ON q.sector_id = s.id AND q.wave_id = s.wave_id AND q.family = '{SECTOR_FAMILY}'
) ON {{sector}}
"""  # noqa: S608
BESIDE_ANSWERED = BESIDE.format(sector="s.wave_id = %s AND s.code = %s")
BESIDE_SAMPLED = BESIDE.format(sector="s.id = %s")


def beside(case: Case, interview: Interview | None) -> Beside:
    """The sector is as answered; as sampled until then."""
    with connection.cursor() as cursor:
        if interview and interview.sector:
            cursor.execute(BESIDE_ANSWERED, [case.pk, case.wave_id, interview.sector])
        else:
            cursor.execute(BESIDE_SAMPLED, [case.pk, case.frame_sector_id])
        opened_at, label, counted, target = cursor.fetchone()
    return Beside(opened_at, label if target is not None else "", counted or 0, target or 0)


def kept_with_contact(case: Case) -> dict[str, Any]:
    """The answers that the instrument keeps with the contact, by item; {} where there are none."""
    return Contact.objects.filter(case=case).values_list("kept", flat=True).first() or {}


def held_case(wave: Wave, user: User) -> Case | None:
    return Case.objects.filter(wave=wave, holder=user).first()
