"""The weights of modules that a part of the sample was asked, by sets of sectors that may be
published, and what they cost.

A set that is refused has no weights of the module; the reasons stand in the run's report. The
weights of the full sample are made without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from cati.models import Sector, Wave
from weighting import queries
from weighting.core.modules import calibrate_module, collapses_of_sets, publication_sets
from weighting.core.problems import Problem
from weighting.core.results import Calibration, StratumResult
from weighting.core.units import Floats
from weighting.models import ModuleWeight, WeightingRun
from weighting.operations.refusals import said


@dataclass(frozen=True)
class ModuleWeights:
    """A module's weights and g, of the interviews `ids`; NaN where their set was refused.

    `told` is for the run's report: `name`, `n`, `sets`, or `refusals` where nothing was calibrated.
    """

    name: str
    ids: Sequence[int]
    weights: Floats
    g: Floats
    told: dict[str, Any]

    def rows(self, run: WeightingRun) -> Iterator[ModuleWeight]:
        for interview, weight, g in zip(self.ids, self.weights, self.g, strict=True):
            if not np.isnan(weight):
                yield ModuleWeight(
                    run=run,
                    module=self.name,
                    interview_id=interview,
                    weight=float(weight),
                    g_weight=float(g),
                )


def module_weights(wave: Wave, ids: Sequence[int], full: Calibration) -> list[ModuleWeights]:
    """Of each module that some interviews were asked and others were not.

    ids: the interviews of `full`, which is the calibration of the whole sample; its margins,
    method and rules are those of the modules.
    """
    return [
        _calibrated(wave, name, ids, asked, full)
        for name, asked in queries.asked_modules(ids).items()
        if asked.any() and not asked.all()
    ]


def _calibrated(
    wave: Wave, name: str, ids: Sequence[int], asked: NDArray[np.bool_], full: Calibration
) -> ModuleWeights:
    sectors, labels = queries.surveyed(wave), queries.labels_of(wave)
    sets = {"+".join(its): its for its in _sets(wave, asked, full, sectors)}
    groups = {sector: group for group, its in sets.items() for sector in its}
    collapses = collapses_of_sets(full.rules.collapses, groups)
    rules = replace(full.rules, collapses=collapses, rescale=False)
    own = [ids[row] for row in np.flatnonzero(asked).tolist()]
    try:
        result = calibrate_module(full.units, full.margins, asked, groups, full.method, rules)
    except ValueError:
        nothing = np.full(len(own), np.nan)
        unlike = _("Les secteurs n’ont pas tous les mêmes critères. Complétez les marges.")
        told = {"name": name, "n": len(own), "sets": [], "refusals": [unlike]}
        return ModuleWeights(name, own, nothing, nothing, told)
    weights, g, told_sets = result.weights.copy(), result.g.copy(), []
    strata = result.units.strata
    for group, its in sets.items():
        rows = strata.codes == strata.categories.index(group)
        refusals = _refusals(result[group], weights[rows])
        if refusals:
            weights[rows] = g[rows] = np.nan
        label = ", ".join(sectors[code].label for code in its)
        told_sets.append(
            {"label": label, "sectors": list(its), "n": int(rows.sum())}
            | _figures(result[group], weights[rows], g[rows])
            | {"refusals": said(refusals, {group: label}, labels)}
        )
    told = {"name": name, "n": len(own), "digest": result.digest, "sets": told_sets, "refusals": []}
    return ModuleWeights(name, own, weights, g, told)


def _sets(
    wave: Wave, asked: NDArray[np.bool_], full: Calibration, sectors: Mapping[str, Sector]
) -> list[tuple[str, ...]]:
    strata = full.units.strata
    counts = np.bincount(strata.codes[asked], minlength=len(strata.categories))
    found = dict(zip(strata.categories, counts.tolist(), strict=True))
    return publication_sets(
        {code: found[code] for code in sectors if code in found},
        queries.groups_of(wave),
        {code: float(sector.adults or 0) for code, sector in sectors.items()},
    )


def _refusals(result: StratumResult, weights: Floats) -> list[Problem]:
    """Why the set has no weights; a table cannot be made with negative ones."""
    refusing = [problem for problem in result.problems if problem.severity == "refusal"]
    if not refusing and weights.min() <= 0:
        return [Problem("negative_weights", "weights below zero", result.name)]
    return refusing


def _figures(result: StratumResult, weights: Floats, g: Floats) -> dict[str, Any]:
    if np.isnan(weights).any():
        return {}
    return {
        "adults": float(weights.sum()),
        "deff": result.deff,
        "n_eff": result.n_eff,
        "g": [float(g.min()), float(g.max())],
        "worst": result.max_relative_margin_error,
    }
