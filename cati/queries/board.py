"""Reads of the places: the board by sector, the cell of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from cati.models import Place, QuotaCell, Sector, Wave
from cati.queries.days import local_midnight
from cati.queries.quotas import CellRow, alarms_of, quota_sectors

SECTOR_FAMILY = "sector"


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
    alarms: Sequence[CellRow] = ()


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
    alarms = alarms_of(quota_sectors(wave))
    return Board(rows, total, today=places["today"], outside=places["outside"], alarms=alarms)
