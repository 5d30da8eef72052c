"""Reads of the fieldwork that more than one screen needs: the board, the state of a wave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet, Sum
from django.utils import timezone

from cati.models import (
    Appointment,
    Attempt,
    Case,
    Contact,
    Membership,
    Note,
    Phone,
    Place,
    QuotaCell,
    Role,
    Sector,
    User,
    Wave,
)
from questionnaire.core.instrument import from_json
from questionnaire.models import InstrumentVersion, Interview

SECTOR_FAMILY = "sector"
COMPLETE = "10"


def current_memberships(user: Any) -> QuerySet[Membership]:
    """Her roles in the waves that are not closed, the latest wave first."""
    return (
        Membership.objects.filter(user=user, active=True)
        .exclude(wave__state=Wave.State.CLOSED)
        .select_related("wave")
        .order_by("-wave__year", "-wave__created_at")
    )


def latest_open_wave() -> Wave | None:
    return Wave.objects.filter(state=Wave.State.OPEN).order_by("-year", "-created_at").first()


@dataclass(frozen=True)
class BoardRow:
    """The places of one sector: persons counted, being interviewed, aimed at."""

    label: str
    kind: str
    target: int
    counted: int
    reserved: int

    @property
    def short_kind(self) -> str:
        """« QPV », « QVA »; '' for a control sector, and where the name says it already."""
        kind = self.kind.upper() if self.kind in (Sector.Kind.QPV, Sector.Kind.QVA) else ""
        return "" if self.label.startswith(kind) else kind

    @property
    def rest(self) -> int:
        """Interviews still to count; never below 0, even where the allowance is in use."""
        return max(self.target - self.counted, 0)


@dataclass(frozen=True)
class Board:
    """The sectors in their own order, their sum, and what the sum does not show."""

    rows: Sequence[BoardRow]
    total: BoardRow
    today: int
    outside: int


def board(wave: Wave, now: datetime) -> Board:
    """Targets and places by sector, with the interviews counted since local midnight of `now`."""
    cells = QuotaCell.objects.filter(wave=wave, family=SECTOR_FAMILY)
    rows = [
        BoardRow(
            label=cell.sector.label,
            kind=cell.sector.kind,
            target=cell.target,
            counted=cell.counted,
            reserved=cell.reserved,
        )
        for cell in cells.select_related("sector").order_by("sector__order", "sector__code")
    ]
    total = BoardRow(
        label="",
        kind="",
        target=sum(row.target for row in rows),
        counted=sum(row.counted for row in rows),
        reserved=sum(row.reserved for row in rows),
    )
    midnight = local_midnight(now)
    places = Place.objects.filter(cell__wave=wave, family=SECTOR_FAMILY).aggregate(
        today=Count("pk", filter=Q(state=Place.State.CONFIRMED, since__gte=midnight)),
        # An interview that goes on without a place is `outside` too, before it is complete.
        outside=Count("pk", filter=Q(state=Place.State.OUTSIDE, interview__outcome="complete")),
    )
    return Board(rows, total, today=places["today"], outside=places["outside"])


@dataclass(frozen=True)
class WaveFacts:
    """What stands ready in a wave, counted. `people` by role, `cases` by sector in their order."""

    themes: int
    questions: int
    sectors: int
    groups: int
    population: int
    cases: Sequence[tuple[str, int]]
    refused_lines: int
    cells: int
    target: int
    counted: int
    people: dict[str, int]

    @property
    def sample(self) -> int:
        return sum(count for _label, count in self.cases)


def wave_facts(wave: Wave) -> WaveFacts:
    """The facts that decide whether the wave can be called."""
    surveyed = wave.sectors.exclude(kind=Sector.Kind.GROUP)
    targets = QuotaCell.objects.filter(wave=wave, family=SECTOR_FAMILY).aggregate(
        cells=Count("pk"), target=Sum("target", default=0), counted=Sum("counted", default=0)
    )
    held = Membership.objects.filter(wave=wave, active=True, user__is_active=True)
    by_role = dict(held.values_list("role").annotate(n=Count("pk")))
    cases = Case.objects.filter(wave=wave).values_list("frame_sector__label")
    instrument = from_json(wave.version.content) if wave.version else None
    return WaveFacts(
        themes=sum(one.kind == "theme" for one in instrument.themes) if instrument else 0,
        questions=sum(item.type != "info" for item in instrument.items) if instrument else 0,
        sectors=surveyed.count(),
        groups=wave.sectors.filter(kind=Sector.Kind.GROUP).count(),
        population=surveyed.aggregate(n=Sum("population", default=0))["n"],
        cases=list(
            cases.annotate(n=Count("pk")).order_by("frame_sector__order", "frame_sector__code")
        ),
        refused_lines=wave.imports.aggregate(n=Sum("refused", default=0))["n"],
        people={role: by_role.get(role, 0) for role in Role.values},
        **targets,
    )


def versions_of(wave: Wave) -> QuerySet[InstrumentVersion]:
    """Every version of the wave's questionnaire, the latest first, without its content.

    `begun` and `complete` count the interviews of the wave on it.
    """
    here = Q(interviews__case_link__case__wave=wave)
    return (
        InstrumentVersion.objects.filter(name=wave.version.name if wave.version else "")
        .annotate(
            begun=Count("interviews", filter=here),
            complete=Count("interviews", filter=here & Q(interviews__outcome="complete")),
        )
        .select_related("published_by")
        .defer("content")
        .order_by("-number")
    )


# ------------------------------------------------------------------ the interviewer's screens


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


def sector_cell(wave: Wave, code: str) -> QuotaCell | None:
    """The sector's cell with its counts; None where the sector has no target."""
    cells = QuotaCell.objects.filter(wave=wave, family=SECTOR_FAMILY, sector__code=code)
    return cells.select_related("sector").first()


def appointments_today(wave: Wave, user: User, now: datetime) -> list[Appointment]:
    """Hers on the local day of `now`, in their order, those kept included."""
    start = local_midnight(now)
    shown = [Appointment.State.PENDING, Appointment.State.KEPT]
    return list(
        Appointment.objects.filter(
            case__wave=wave, owner=user, at__gte=start, at__lt=start + timedelta(days=1)
        )
        .filter(state__in=shown)
        .select_related("case__frame_sector")
    )


@dataclass(frozen=True)
class Figures:
    """Calls that were closed, interviews completed, and minutes of a call that completed one."""

    calls: int = 0
    complete: int = 0
    minutes: int | None = None


@dataclass(frozen=True)
class DayFigures:
    """Her own figures since local midnight, beside the median of all who have called."""

    mine: Figures
    median: Figures


def day_figures(wave: Wave, user: User, now: datetime) -> DayFigures:
    """One read for the whole team; nobody's figures but hers leave this function."""
    closed = Attempt.objects.filter(
        case__wave=wave, closed_at__gte=local_midnight(now), abandoned=False
    )
    complete = Q(disposition=COMPLETE)
    rows = closed.values("interviewer").annotate(
        calls=Count("pk"),
        complete=Count("pk", filter=complete),
        length=Avg(F("closed_at") - F("opened_at"), filter=complete),
    )
    team = {
        row["interviewer"]: Figures(row["calls"], row["complete"], _minutes(row["length"]))
        for row in rows.order_by()
    }
    lengths = [figures.minutes for figures in team.values() if figures.minutes is not None]
    return DayFigures(
        mine=team.get(user.pk, Figures()),
        median=Figures(
            calls=_median([figures.calls for figures in team.values()]) or 0,
            complete=_median([figures.complete for figures in team.values()]) or 0,
            minutes=_median(lengths),
        ),
    )


def local_midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _minutes(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds() / 60)


def _median(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None
