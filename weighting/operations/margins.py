"""Load what the weights must add up to: margins and declared collapses, whole or not at all."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from cati.models import Sector, Wave
from cati.operations.errors import Refused
from weighting.core.demo import DEMO
from weighting.models import DeclaredCollapse, Margin
from weighting.queries import surveyed

Row = TypeVar("Row")
# Published shares are rounded; totals are whole persons. Beyond this, the criterion is wrong.
SHARES_WITHIN, PERSONS_WITHIN = Decimal("0.1"), Decimal("1")


@dataclass(frozen=True)
class MarginRow:
    """One category of one criterion in one sector: `share` in percent, or `total` in `unit`s."""

    sector: str
    criterion: str
    category: str
    label: str = ""
    share: Decimal | None = None
    total: Decimal | None = None
    unit: str = Margin.Unit.PERSON
    universe: str = ""
    source: str = ""


@dataclass(frozen=True)
class CollapseRow:
    """A category of a sector's criterion that is counted with `into`."""

    sector: str
    criterion: str
    category: str
    into: str
    reason: str


def load_margins(
    wave: Wave, rows: Iterable[MarginRow], collapses: Iterable[CollapseRow] = ()
) -> int:
    """Replace the wave's margins and collapses; the number of totals. Refused names each fault.

    Shares become persons of the sector's adults; totals of persons must add up to them.
    """
    rows, collapses = list(rows), list(collapses)
    sectors = surveyed(wave)
    faults = [*_unknown(rows, sectors), *_repeated(rows)]
    margins: list[Margin] = []
    if not faults:
        ordered = sorted(rows, key=lambda row: (list(sectors).index(row.sector), row.criterion))
        for (code, _criterion), its in groupby(ordered, key=lambda r: (r.sector, r.criterion)):
            made, fault = _criterion_of(wave, sectors[code], list(its))
            margins += made
            faults += fault
    faults += _unmatched(rows, collapses)
    if faults:
        raise Refused({str(rank): fault for rank, fault in enumerate(faults)})
    with transaction.atomic():
        Margin.objects.filter(wave=wave).delete()
        DeclaredCollapse.objects.filter(wave=wave).delete()
        Margin.objects.bulk_create(margins)
        DeclaredCollapse.objects.bulk_create(
            DeclaredCollapse(
                wave=wave,
                sector=sectors[row.sector],
                criterion=row.criterion,
                category=row.category,
                into=row.into,
                reason=row.reason,
            )
            for row in collapses
        )
    return len(margins)


def prepare_demo_margins(wave: Wave) -> None:
    """The demo's margins where the wave has none; those that were loaded stay."""
    if not Margin.objects.filter(wave=wave).exists():
        load_demo_margins(wave)


def load_demo_margins(wave: Wave) -> int:
    """The margins and collapses of the demo, of the sectors that the wave has."""
    known = surveyed(wave).keys()
    return load_margins(
        wave,
        [row for row in margins_in(DEMO / "margins_demo.csv") if row.sector in known],
        [row for row in collapses_in(DEMO / "collapses_demo.csv") if row.sector in known],
    )


def margins_in(path: Path) -> list[MarginRow]:
    """Columns sector, criterion, category_code, category, `pct` or `total`, unit, universe, status.

    Raises OSError; Refused for a column that is missing or a figure that is none.
    """
    return [_reading(row, _margin_row) for row in _csv(path)]


def collapses_in(path: Path) -> list[CollapseRow]:
    """Columns sector, criterion, category_code, into_code, reason. Raises as `margins_in` does."""
    return [_reading(row, _collapse_row) for row in _csv(path)]


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _reading(row: dict[str, str], read: Callable[[dict[str, str]], Row]) -> Row:
    try:
        return read(row)
    except KeyError as missing:
        said = _("Il manque la colonne %(name)s.") % {"name": missing}
        raise Refused({"": said}) from missing
    except ArithmeticError as error:
        said = _("Ce n’est pas un nombre : %(row)s.") % {"row": ", ".join(map(str, row.values()))}
        raise Refused({"": said}) from error


def _margin_row(row: dict[str, str]) -> MarginRow:
    share, total = row.get("pct"), row.get("total")
    return MarginRow(
        row["sector"],
        row["criterion"],
        row["category_code"],
        row["category"],
        share=Decimal(share) if share else None,
        total=Decimal(total) if total else None,
        unit=row["unit"],
        universe=row["universe"],
        source=row["status"],
    )


def _collapse_row(row: dict[str, str]) -> CollapseRow:
    names = ("sector", "criterion", "category_code", "into_code", "reason")
    return CollapseRow(*(row[name] for name in names))


def _criterion_of(
    wave: Wave, sector: Sector, rows: Sequence[MarginRow]
) -> tuple[list[Margin], list[str]]:
    """The margins of one criterion in one sector, or what is wrong with it."""
    where = {"sector": sector.label, "criterion": rows[0].criterion}
    if sector.adults is None:
        return [], [_("%(sector)s : le nombre d’adultes manque.") % where]
    if any((row.share is None) == (row.total is None) for row in rows):
        said = _("%(sector)s, %(criterion)s : donnez une part ou un total à chaque modalité.")
        return [], [said % where]
    figures = [row.total if row.share is None else row.share for row in rows]
    numbers = [figure for figure in figures if figure is not None]
    if any(not number.is_finite() or number < 0 for number in numbers):
        said = _("%(sector)s, %(criterion)s : une valeur est négative ou illisible.")
        return [], [said % where]
    whole, adults = sum(numbers, Decimal(0)), Decimal(sector.adults)
    in_shares = rows[0].share is not None
    expected, within = (Decimal(100), SHARES_WITHIN) if in_shares else (adults, PERSONS_WITHIN)
    household = rows[0].unit == Margin.Unit.HOUSEHOLD
    if (in_shares or not household) and abs(whole - expected) > within:
        said = _(
            "%(sector)s, %(criterion)s : la somme est %(sum)s, il faut %(expected)s."
            " Corrigez une modalité."
        )
        return [], [said % (where | {"sum": whole, "expected": expected})]
    scale = adults / whole if in_shares or not household else Decimal(1)
    return [
        Margin(
            wave=wave,
            sector=sector,
            criterion=row.criterion,
            category=row.category,
            label=row.label,
            order=order,
            total=float(number * scale),
            unit=row.unit,
            universe=row.universe,
            source=row.source,
        )
        for order, (row, number) in enumerate(zip(rows, numbers, strict=True), start=1)
    ], []


def _unknown(rows: Sequence[MarginRow], sectors: Mapping[str, Sector]) -> list[str]:
    unknown = sorted({row.sector for row in rows} - sectors.keys())
    return [_("Secteur inconnu de la vague : %(code)s.") % {"code": code} for code in unknown]


def _repeated(rows: Sequence[MarginRow]) -> list[str]:
    keys = Counter((row.sector, row.criterion, row.category) for row in rows)
    twice = sorted(key for key, count in keys.items() if count > 1)
    return [_("Donné deux fois : %(key)s.") % {"key": ", ".join(key)} for key in twice]


def _unmatched(rows: Sequence[MarginRow], collapses: Sequence[CollapseRow]) -> list[str]:
    known = {(row.sector, row.criterion, row.category) for row in rows}
    return [
        _("Regroupement sans modalité : %(key)s.")
        % {"key": ", ".join((row.sector, row.criterion, category))}
        for row in collapses
        for category in (row.category, row.into)
        if (row.sector, row.criterion, category) not in known
    ]
