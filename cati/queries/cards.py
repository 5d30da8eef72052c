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
from questionnaire.rows import Columns


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

    @classmethod
    def read(cls, row: Sequence[Any]) -> Beside:
        """Out of BESIDE's columns."""
        opened_at, label, counted, target = row
        return cls(opened_at, label if target is not None else "", counted or 0, target or 0)


# The answers weigh 10 kB, and a warm walker has them already.
CASE, INTERVIEW = Columns(Case, "c"), Columns(Interview, "i", without={"answers"})
# The call that is open on a case c, and the interview that it conducts.
CALL = """
{how} JOIN cati_attempt a ON a.case_id = c.id AND a.closed_at IS NULL
{how} JOIN cati_caseinterview l
  ON l.case_id = c.id AND l.interview_id = a.interview_id AND l.current
{how} JOIN questionnaire_interview i ON i.id = l.interview_id
"""
# Joined by every answer to its case c, call a and interview i. The sector is as answered; as
# sampled until then.
BESIDE = "a.opened_at, s.label, q.counted, q.target"
PLACES_BESIDE = f"""
LEFT JOIN cati_sector s ON s.id = CASE WHEN coalesce(i.sector, '') = '' THEN c.frame_sector_id
  ELSE (SELECT id FROM cati_sector WHERE wave_id = c.wave_id AND code = i.sector) END
LEFT JOIN cati_quotacell q
  ON q.wave_id = c.wave_id AND q.sector_id = s.id AND q.family = '{SECTOR_FAMILY}'
"""  # noqa: S608
BESIDE_A_CASE = f"""
SELECT {BESIDE} FROM cati_case c
LEFT JOIN cati_attempt a ON a.case_id = c.id AND a.closed_at IS NULL
LEFT JOIN questionnaire_interview i ON i.id = %s
{PLACES_BESIDE} WHERE c.id = %s
"""  # noqa: S608


@dataclass(frozen=True)
class Conducted:
    """A case in a call and the interview that the call conducts, as they stood when read."""

    case: Case
    interview: Interview
    beside: Beside

    @classmethod
    def take(cls, row: Sequence[Any]) -> Conducted:
        """Out of the columns of CONDUCTED."""
        return cls.beside_case(*CASE.take(row))

    @classmethod
    def beside_case(cls, case: Case, row: Sequence[Any]) -> Conducted:
        """Out of the same without the case."""
        interview, beside = INTERVIEW.take(row)
        return cls(case, interview, Beside.read(beside))


CONDUCTED = f"{CASE.sql}, {INTERVIEW.sql}, {BESIDE}"


def beside(case: Case, interview: Interview | None) -> Beside:
    with connection.cursor() as cursor:
        cursor.execute(BESIDE_A_CASE, [interview.pk if interview else None, case.pk])
        return Beside.read(cursor.fetchone())


def kept_with_contact(case: Case) -> dict[str, Any]:
    """The answers that the instrument keeps with the contact, by item; {} where there are none."""
    return Contact.objects.filter(case=case).values_list("kept", flat=True).first() or {}


def held_case(wave: Wave, user: User) -> Case | None:
    return Case.objects.filter(wave=wave, holder=user).first()
