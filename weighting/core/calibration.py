"""Decides the weights: calibrates each stratum on its margins, or refuses it and says why.
Never returns weights that miss a margin by more than 1e-6: the miss is measured on the weights.
Theory: Deville & Särndal (1992); the equations are in `system`, the optimum in `solver`.
"""

from dataclasses import replace

import numpy as np

from weighting.core.certificate import Draft, certified
from weighting.core.collapses import applied
from weighting.core.criteria import Rules
from weighting.core.margins import Margins
from weighting.core.methods import Method, Raking
from weighting.core.preflight import prepare
from weighting.core.results import Calibration, StratumResult
from weighting.core.solver import solve
from weighting.core.units import Floats, Units


def calibrate(
    units: Units, margins: Margins, method: Method | None = None, rules: Rules | None = None
) -> Calibration:
    """Weights w = d·F(x'λ) whose totals are the margins, stratum by stratum.

    units: n respondents; margins: {stratum: its criteria}; method: raking unless given. Faulty
    figures raise nothing: each stratum is converged or refused, with its problems.
    """
    method, rules = method or Raking(), rules or Rules()
    preparation = prepare(units, margins, rules)
    profiles = preparation.profiles
    drafts = [
        Draft(prepared, None if prepared.system is None else solve(prepared.system, method))
        for prepared in preparation.strata
    ]
    g = profiles.scatter(_joined([draft.g for draft in drafts]))
    # Another pass over all rows, for those who had their initial weights rescaled.
    factor = profiles.scatter(_joined([draft.factor for draft in drafts])) if rules.rescale else g
    weights = factor * units.weights

    achieved = profiles.totals(weights)
    results = [
        replace(
            certified(draft, achieved[draft.stratum.rows], method),
            collapses=applied(draft.stratum, margins.get(draft.stratum.name, ()), rules.collapses),
        )
        for draft in drafts
    ]
    for draft, result in zip(drafts, results, strict=True):
        if draft.solution is not None and not result.converged:
            rows = profiles.rows_of(draft.stratum.rows)
            weights[rows] = g[rows] = np.nan
    results += [
        StratumResult(problem.stratum, "refused", 0, (problem,))
        for problem in preparation.without_respondents
    ]
    return Calibration(
        units, margins, method, rules, weights, g, tuple(results), preparation.imputed
    )


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)
