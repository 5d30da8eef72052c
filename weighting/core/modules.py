"""Decides the weights of a module that half the sample was asked, at the level it is published at.
Never uses the weights of the full sample on half of it, and never weights a single small sector.
Theory: two-phase samples, Särndal, Swensson & Wretman (1992), ch. 9; margins as in `system`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.margins import Collapse, Margin, Margins, pooled, ruling
from weighting.core.methods import Method
from weighting.core.results import Calibration
from weighting.core.units import MISSING, Floats, Units

# Respondents of a module below which a set of sectors is not published, nor calibrated, alone:
# some sixteen free constraints take a smaller one apart.
SMALLEST = 100


def publication_sets(
    asked: Mapping[str, int],
    groups: Mapping[str, Collection[str]],
    populations: Mapping[str, float],
) -> list[tuple[str, ...]]:
    """The sets of sectors that a module is calibrated on: a partition, in the order of `asked`.

    asked: {sector: its respondents of the module}; groups: {published group: its sectors};
    populations: persons by sector. A sector of SMALLEST respondents is a set; the others stand with
    those that belong to the same groups, so that each group's margins are sums of sets. A set
    that is still too small joins the one of the greatest population, whose margins it moves least.
    """
    kept: dict[object, list[str]] = {}
    for sector, n in asked.items():
        of = frozenset(name for name, its in groups.items() if sector in its)
        kept.setdefault(sector if n >= SMALLEST else of, []).append(sector)
    sets = list(kept.values())
    for its in sorted(sets, key=lambda its: _sum(asked, its)):
        if len(sets) > 1 and _sum(asked, its) < SMALLEST:
            sets.remove(its)
            max(sets, key=lambda others: _sum(populations, others)).extend(its)
    ranks = {sector: rank for rank, sector in enumerate(asked)}
    ordered = (sorted(its, key=ranks.__getitem__) for its in sets)
    return sorted(map(tuple, ordered), key=lambda its: ranks[its[0]])


def _sum(of: Mapping[str, float], sectors: Collection[str]) -> float:
    return sum(of[sector] for sector in sectors)


def collapses_of_sets(
    collapses: Collection[Collapse], groups: Mapping[str, str]
) -> tuple[Collapse, ...]:
    """What is merged in one sector of a group is merged in the group; each merger is told once."""
    merged: dict[tuple[str, tuple[str, ...], str | None], Collapse] = {}
    for one in collapses:
        group = None if one.stratum is None else groups.get(one.stratum)
        if one.stratum is None or group is not None:
            merged.setdefault((one.variable, one.categories, group), replace(one, stratum=group))
    return tuple(merged.values())


def calibrate_module(
    units: Units,
    margins: Margins,
    asked: NDArray[np.bool_],
    groups: Mapping[str, str],
    method: Method | None = None,
    rules: Rules | None = None,
) -> Calibration:
    """Weights of the respondents who were asked the module, by group of sectors.

    units and margins: those of the full sample, by sector; asked (n,): who was asked; groups:
    {sector: group}, for every sector. The sum of the margins of its sectors is a group's margin.
    Initial weights are first brought to each sector's population, so that a small sector that was
    sampled more densely does not outweigh the others. Collapses and rules are those of groups.
    Raises ValueError when the criteria of a group's sectors differ, KeyError for a sector without
    a group.
    """
    rules = rules or Rules()
    module, pools = by_group(units, margins, asked, groups, rules)
    return calibrate(module, pools, method, rules)


def by_group(
    units: Units,
    margins: Margins,
    asked: NDArray[np.bool_],
    groups: Mapping[str, str],
    rules: Rules,
) -> tuple[Units, dict[str, list[Margin]]]:
    """Who was asked the module, by group of sectors, and the margins of groups.

    What `calibrate_module` calibrates, with its arguments; it raises the same errors.
    """
    module = units.subset(asked)
    brought = replace(module, weights=_to_sectors(module, margins, rules.rule))
    return brought.grouped(groups), pooled(margins, groups)


def _to_sectors(module: Units, margins: Margins, rule: str | None) -> Floats:
    """Initial weights that sum to the population of each sector; others are left as they are."""
    codes, names = module.strata.codes, module.strata.categories
    known = codes != MISSING
    sums = np.bincount(codes[known], module.weights[known], len(names))
    factors = np.ones(len(names) + 1)  # the last is read by those of no sector
    for code, name in enumerate(names):
        first = ruling(margins.get(name, ()), rule)
        if first is not None and 0 < sums[code] < np.inf:
            factors[code] = first.total / sums[code]
    return np.asarray(module.weights * factors[codes])
