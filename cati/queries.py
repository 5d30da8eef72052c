"""Reads of the fieldwork that more than one screen needs: the board, the state of a wave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from cati.models import Case, Membership, Place, QuotaCell, Role, Sector, Wave

SECTOR_FAMILY = "sector"


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
        """« QPV », « QVA »; '' for a control sector, whose name says it."""
        return self.kind.upper() if self.kind in (Sector.Kind.QPV, Sector.Kind.QVA) else ""

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
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    places = Place.objects.filter(cell__wave=wave, family=SECTOR_FAMILY).aggregate(
        today=Count("pk", filter=Q(state=Place.State.CONFIRMED, since__gte=midnight)),
        # An interview that goes on without a place is `outside` too, before it is complete.
        outside=Count("pk", filter=Q(state=Place.State.OUTSIDE, interview__outcome="complete")),
    )
    return Board(rows, total, today=places["today"], outside=places["outside"])


@dataclass(frozen=True)
class WaveFacts:
    """What stands ready in a wave, counted. `people` by role, `cases` by sector in their order."""

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
    return WaveFacts(
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
