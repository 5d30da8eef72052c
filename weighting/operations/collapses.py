"""Collapses: a category of a sector counted with its neighbour; proposed, declared, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cati.models import User, Wave
from cati.operations.errors import Refused
from weighting import queries
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.margins import Collapse
from weighting.core.methods import Raking
from weighting.core.proposals import proposals
from weighting.models import DeclaredCollapse

LONGEST_REASON = 250
Pair = tuple[str, str, str, str]  # sector, criterion, category, into


@dataclass(frozen=True)
class Proposed:
    """The collapses that would let a refused sector converge, and what it would then cost."""

    label: str
    pairs: Sequence[Pair]
    deff: float
    n_eff: float


def proposed(wave: Wave) -> list[Proposed]:
    """For each sector that collapses alone would mend, by raking the interviews counted so far."""
    sample, margins = queries.units_of(wave), queries.margins_of(wave)
    sectors = queries.surveyed(wave)
    if not sample.ids or not margins:
        return []
    rules = Rules(collapses=queries.collapses_of(wave), rescale=True)
    found = {
        one.stratum: one for one in proposals(calibrate(sample.units, margins, Raking(), rules))
    }
    return [
        Proposed(
            sector.label,
            [pair for collapse in found[code].collapses for pair in _pairs(code, collapse)],
            found[code].effect.deff,
            found[code].effect.n_eff,
        )
        for code, sector in sectors.items()
        if code in found
    ]


def _pairs(sector: str, collapse: Collapse) -> list[Pair]:
    """« 3+4+5 » as 4 into 3 and 5 into 3."""
    into, *others = collapse.categories
    return [(sector, collapse.variable, category, into) for category in others]


def declare_all(wave: Wave, pairs: Iterable[Pair], reason: str, by: User, now: datetime) -> int:
    """Declare all of them for one reason, or none; how many. Refused as `declare` is."""
    pairs = list(pairs)
    if not pairs:
        raise Refused({"": _("Choisissez au moins un secteur.")})
    with transaction.atomic():
        for sector, criterion, category, into in pairs:
            declare(wave, (sector, criterion, category), into, reason, by, now)
    return len(pairs)


def declare(
    wave: Wave,
    where: tuple[str, str, str],
    into: str,
    reason: str,
    by: User,
    now: datetime,
) -> DeclaredCollapse:
    """Count the category `where` (sector, criterion, code) with the category `into` of the same.

    Refused, by field: `category`, `into` or `reason`.
    """
    if faults := faults_of(wave, where, into, reason):
        raise Refused(faults)
    sector, criterion, category = where
    sectors = queries.surveyed(wave)
    try:
        with transaction.atomic():
            return DeclaredCollapse.objects.create(
                wave=wave,
                sector=sectors[sector],
                criterion=criterion,
                category=category,
                into=into,
                reason=reason.strip()[:LONGEST_REASON],
                by=by,
                at=now,
            )
    except IntegrityError as error:
        raise Refused({"category": _("Cette modalité est déjà regroupée.")}) from error


def withdraw(collapse: DeclaredCollapse) -> None:
    """The category is calibrated by itself again; runs that were made keep the collapse."""
    collapse.delete()


def faults_of(wave: Wave, where: tuple[str, str, str], into: str, reason: str) -> dict[str, str]:
    """What is wrong with such a collapse, by field: `category`, `into` or `reason`."""
    sector, criterion, category = where
    codes = queries.categories_there(wave, sector, criterion)
    faults = {}
    if sector not in queries.surveyed(wave) or category not in codes:
        faults["category"] = _("Choisissez une modalité de ce secteur.")
    elif into not in codes or into == category:
        faults["into"] = _("Choisissez une autre modalité du même critère.")
    if not reason.strip():
        faults["reason"] = _("Dites pourquoi : le motif est imprimé avec les résultats.")
    return faults
