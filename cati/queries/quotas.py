"""Reads of the quotas: the cells of a sector by family, what alarms, what was done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from cati.core.quotas import FAMILIES, FIRM, SECTOR, Alarm, Kind, alarm, gap
from cati.models import Place, QuotaAct, QuotaCell, Sector, Wave


@dataclass(frozen=True)
class CellRow:
    """A cell beside its sector: what alarms in it, and how far it is from its share of the sector.

    `gap`: interviews ahead (+) or behind (−) what the sector's count would give it.
    """

    cell: QuotaCell
    alarm: Alarm
    gap: int
    screened: int

    @property
    def rest(self) -> int:
        return self.cell.missing

    @property
    def signed(self) -> str:
        """The gap as it is read: « +3 », « −2 », « 0 »."""
        return f"{self.gap:+d}".replace("-", "−") if self.gap else "0"


@dataclass(frozen=True)
class FamilyRows:
    code: str
    kind: Kind
    rows: Sequence[CellRow]

    @property
    def target(self) -> int:
        return sum(row.cell.target for row in self.rows)

    @property
    def counted(self) -> int:
        return sum(row.cell.counted for row in self.rows)


@dataclass(frozen=True)
class SectorRows:
    """A sector with its families, its own first, and its worst gaps among firm and soft cells."""

    sector: Sector
    families: Sequence[FamilyRows]

    @property
    def whole(self) -> CellRow:
        return self.families[0].rows[0]

    @property
    def alarms(self) -> Sequence[CellRow]:
        """Firm cells that take nobody any more, or nearly."""
        return [row for one in self.families for row in one.rows if row.alarm]

    @property
    def worst_firm(self) -> CellRow | None:
        return self._worst(Kind.FIRM)

    @property
    def worst_soft(self) -> CellRow | None:
        return self._worst(Kind.SOFT)

    def _worst(self, kind: Kind) -> CellRow | None:
        rows = [row for one in self.families for row in one.rows if one.kind is kind]
        behind = [row for row in rows if row.gap]
        return max(behind, key=lambda row: abs(row.gap), default=None)


def quota_cells(wave: Wave) -> QuerySet[QuotaCell]:
    """The cells in the order in which they are told, each with `admits` and `screened`.

    `screened`: interviews that the cell ended because it was full.
    """
    admitting = QuotaCell.objects.filter(pk=OuterRef("pk")).admitting(wave.completion_rate)
    ended = Q(places__state=Place.State.FULL, places__interview__ended_at__isnull=False)
    cells = QuotaCell.objects.filter(wave=wave).select_related("sector")
    return cells.annotate(
        admits=Exists(admitting), screened=Count("places", filter=ended)
    ).order_by("sector__order", "sector__code", "family", "category")


def quota_sectors(wave: Wave) -> list[SectorRows]:
    """Every sector that has a target, with the cells of its families."""
    found: dict[int, dict[str, list[QuotaCell]]] = {}
    for cell in quota_cells(wave):
        found.setdefault(cell.sector_id, {}).setdefault(cell.family, []).append(cell)
    return [_sector(families) for families in found.values() if SECTOR in families]


def quota_acts(wave: Wave, asked: str = "") -> QuerySet[QuotaAct]:
    """What was done to the quotas, the last first; `asked` is looked for in reasons and names."""
    acts = QuotaAct.objects.filter(wave=wave).select_related("by", "cell__sector")
    for word in asked.split():
        acts = acts.filter(
            Q(reason__icontains=word)
            | Q(by__last_name__icontains=word)
            | Q(cell__sector__label__icontains=word)
            | Q(cell__label__icontains=word)
        )
    return acts


def alarms_of(sectors: Sequence[SectorRows]) -> list[CellRow]:
    """The alarms of all sectors, the worst first."""
    order = list(Alarm)
    rows = [row for one in sectors for row in one.alarms]
    return sorted(rows, key=lambda row: order.index(row.alarm))


def _sector(families: dict[str, list[QuotaCell]]) -> SectorRows:
    (whole,) = families[SECTOR]
    told = [code for code in FAMILIES if code in families]
    return SectorRows(
        whole.sector,
        [
            FamilyRows(code, FAMILIES[code].kind, [_row(cell, whole) for cell in families[code]])
            for code in told
        ],
    )


def _row(cell: QuotaCell, whole: QuotaCell) -> CellRow:
    shown = Alarm.NONE
    if cell.family in FIRM:
        shown = alarm(
            target=cell.target,
            counted=cell.counted,
            is_open=cell.state == QuotaCell.State.OPEN,
            admits=bool(vars(cell)["admits"]),
        )
    off = gap(
        target=cell.target,
        counted=cell.counted,
        sector_target=whole.target,
        sector_counted=whole.counted,
    )
    return CellRow(cell, shown, 0 if cell.family == SECTOR else off, vars(cell)["screened"])
