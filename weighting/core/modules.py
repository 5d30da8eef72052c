"""Decides the weights of a module that half the sample was asked, at the level it is published at.
Never uses the weights of the full sample on half of it, and never weights a single small sector.
Theory: two-phase samples, Särndal, Swensson & Wretman (1992), ch. 9; margins as in `system`.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.margins import Margins, pooled, ruling
from weighting.core.methods import Method
from weighting.core.results import Calibration
from weighting.core.units import MISSING, Floats, Units


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
    module = units.subset(asked)
    brought = replace(module, weights=_to_sectors(module, margins, rules.rule))
    return calibrate(brought.grouped(groups), pooled(margins, groups), method, rules)


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
