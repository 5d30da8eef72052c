"""Set a wave up: the wave itself, its sectors and reporting groups, its targets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cati.core import quotas
from cati.core.quotas import SECTOR
from cati.models import QuotaCell, Sector, Wave
from cati.models.survey import every_hour
from cati.operations.errors import Refused
from questionnaire.models import InstrumentVersion

SURVEYED, PUBLISHED, SHARES = "sectors_demo.csv", "sectors.csv", "quotas_demo.csv"


@dataclass(frozen=True)
class SectorRow:
    """One sector or reporting group before it belongs to a wave.

    A group has `members`, codes of surveyed sectors. `population` and `adults` are inhabitants and
    inhabitants of 18 and over; `target` is the number of interviews wanted, None for a group.
    """

    code: str
    label: str
    label_full: str
    label_flash: str
    kind: str
    municipality: str
    parent: str
    reference: str
    members: tuple[str, ...]
    population: int
    adults: int
    target: int | None


def create_wave(
    name: str,
    slug: str,
    year: int,
    *,
    now: datetime,
    version: InstrumentVersion | None = None,
    parameters: Mapping[str, Any] | None = None,
    calling_hours: Mapping[str, list[str]] | None = None,
    state: str = Wave.State.PREPARATION,
    is_demo: bool = False,
) -> Wave:
    """A new wave; Refused when the slug is taken. Without calling hours it calls at every hour."""
    if Wave.objects.filter(slug=slug).exists():
        taken = _("Une vague porte déjà l’identifiant « %(slug)s ». Choisissez-en un autre.")
        raise Refused({"slug": taken % {"slug": slug}})
    return Wave.objects.create(
        name=name,
        slug=slug,
        year=year,
        state=state,
        is_demo=is_demo,
        version=version,
        parameters=dict(parameters or {}),
        calling_hours=dict(calling_hours or every_hour()),
        created_at=now,
    )


def published_sectors(folder: Path | None = None) -> list[SectorRow]:
    """The ten surveyed sectors and the groups made of them, in the order in which they publish.

    Read from `sectors.csv` (labels and hierarchy, as published) and `sectors_demo.csv` (the
    surveyed ones, with populations that are invented but sum to the published 210,600).
    """
    folder = folder or settings.BASE_DIR / "cati" / "demo"
    surveyed = {row["sector"]: row for row in _rows(folder / SURVEYED)}
    read = [_sector_row(row, surveyed) for row in _rows(folder / PUBLISHED)]
    return [row for row in read if row is not None]


def load_sectors(wave: Wave, rows: Iterable[SectorRow]) -> dict[str, Sector]:
    """Give the wave its sectors, with parents, references and the members of groups; by code."""
    rows = list(rows)
    with transaction.atomic():
        created = Sector.objects.bulk_create(
            Sector(
                wave=wave,
                code=row.code,
                label=row.label,
                label_full=row.label_full,
                label_flash=row.label_flash,
                kind=row.kind,
                municipality=row.municipality,
                population=row.population,
                adults=row.adults,
                order=order,
            )
            for order, row in enumerate(rows, start=1)
        )
        sectors = {sector.code: sector for sector in created}
        for row in rows:
            sectors[row.code].parent = sectors.get(row.parent)
            sectors[row.code].reference = sectors.get(row.reference)
        Sector.objects.bulk_update(created, ["parent", "reference"])
        membership = Sector.members.through
        membership.objects.bulk_create(
            membership(from_sector=sectors[row.code], to_sector=sectors[member])
            for row in rows
            for member in row.members
        )
    return sectors


def load_targets(
    wave: Wave, targets: Mapping[str, int], *, allowance: int | None = None
) -> list[QuotaCell]:
    """One cell per sector code, `allowance` interviews beyond each target still being counted.

    Without an allowance, the one of cati.core.quotas. Refused where a code is no sector of the
    wave.
    """
    sectors = {sector.code: sector for sector in wave.sectors.all()}
    if unknown := sorted(targets.keys() - sectors.keys()):
        message = _("Secteurs inconnus de la vague : %(codes)s.") % {"codes": ", ".join(unknown)}
        raise Refused({"sector": message})
    return QuotaCell.objects.bulk_create(
        QuotaCell(
            wave=wave,
            sector=sectors[code],
            target=target,
            allowance=quotas.allowance(SECTOR, target) if allowance is None else allowance,
        )
        for code, target in targets.items()
    )


@dataclass(frozen=True)
class ShareRow:
    """What share of a sector's interviews a category should have, on any scale."""

    sector: str
    family: str
    category: str
    label: str
    share: float


def share_targets(wave: Wave, rows: Iterable[ShareRow]) -> list[QuotaCell]:
    """Cells whose targets share each sector's out; what has no target for its sector is left out.

    Each family sums to the sector's target exactly.
    """
    wholes = {
        cell.sector.code: cell
        for cell in QuotaCell.objects.filter(wave=wave, family=SECTOR).select_related("sector")
    }
    families: dict[tuple[str, str], list[ShareRow]] = {}
    for row in rows:
        if row.sector in wholes:
            families.setdefault((row.sector, row.family), []).append(row)
    cells = []
    for (sector, family), its in families.items():
        whole = wholes[sector]
        targets = quotas.shared_out(whole.target, [row.share for row in its])
        cells += [
            QuotaCell(
                wave=wave,
                family=family,
                sector=whole.sector,
                category=row.category,
                label=row.label,
                target=target,
                allowance=quotas.allowance(family, target),
            )
            for row, target in zip(its, targets, strict=True)
        ]
    return QuotaCell.objects.bulk_create(cells)


def demo_shares(folder: Path | None = None) -> list[ShareRow]:
    """The demo's shares by sector and family: plausible and invented, as its file says."""
    rows = _rows((folder or settings.BASE_DIR / "cati" / "demo") / SHARES)
    return [
        ShareRow(row["sector"], row["family"], row["category"], row["label"], float(row["pct"]))
        for row in rows
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _sector_row(row: dict[str, str], surveyed: dict[str, dict[str, str]]) -> SectorRow | None:
    """The row with its figures, or None when this survey does not have it.

    It has the surveyed sectors, and the groups that are made of surveyed sectors alone.
    """
    code = row["code"]
    members = tuple(row["aggregate_of"].split("+")) if row["aggregate_of"] else ()
    parts = members or (code,)
    if not set(parts) <= surveyed.keys():
        return None
    own = surveyed.get(code)
    return SectorRow(
        code=code,
        label=own["label"] if own else row["label_full"],
        label_full=row["label_full"],
        label_flash=row["label_flash"],
        kind=row["type"],
        municipality=row["commune"],
        parent=row["parent"],
        reference=row["reference_sector"],
        members=members,
        population=sum(int(surveyed[part]["pop_total_demo"]) for part in parts),
        adults=sum(int(surveyed[part]["pop_18plus_demo"]) for part in parts),
        target=int(own["n_target_demo"]) if own else None,
    )
