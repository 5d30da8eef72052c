"""Decides whether a stratum's weights may be used: from their own totals, not from the solver.
Never changes a weight: what fails is refused, with the reason.
Theory: margins within 1e-6 and nobody weighted out; design effect, Kish (1992).
"""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from weighting.core.attainable import VANISHING, explain
from weighting.core.criteria import Slice
from weighting.core.diagnostics import MarginRow, kish_of_sums, quantiles
from weighting.core.methods import Method
from weighting.core.preflight import Prepared
from weighting.core.problems import Problem
from weighting.core.results import StratumResult
from weighting.core.solver import Solution
from weighting.core.system import System
from weighting.core.units import Floats

TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Draft:
    """A stratum on its way: what was prepared and, unless it is refused, solved."""

    prepared: Prepared
    solution: Solution | None

    @property
    def stratum(self) -> Slice:
        return self.prepared.stratum

    @property
    def g(self) -> Floats:
        if self.solution is None:
            return np.full(len(self.stratum.counts), np.nan)
        return self.solution.g

    @property
    def factor(self) -> Floats:
        """Weight over initial weight, by profile: g, unless initial weights were rescaled."""
        if self.prepared.system is None:
            return self.g
        return self.g * (self.prepared.system.d / self.stratum.weights)


def certified(draft: Draft, achieved: Floats, method: Method) -> StratumResult:
    """Judge the weights by their totals, and a raking by whether anyone vanished from it."""
    stratum, system, solution = draft.stratum, draft.prepared.system, draft.solution
    found = draft.prepared.problems
    if system is None or solution is None:
        return StratumResult(stratum.name, "refused", stratum.n, found)
    rows = _margin_rows(system, solution, achieved)
    error = max((row.relative_error for row in rows if not row.soft), default=0.0)
    problems = (*found, *_soft_misses(stratum.name, rows), *_negative(stratum, solution))
    vanishing = method.bounds[0] == 0.0 and solution.g.min() < VANISHING * solution.g.max()
    if not error <= TOLERANCE or vanishing:
        reason = explain(system, method, stratum.name)
        if reason is None and not error <= TOLERANCE:
            reason = _not_converged(stratum.name, rows, solution)
        if reason is not None:
            found = (*problems, reason)
            return StratumResult(stratum.name, "refused", stratum.n, found, system.population)
    squares = float(draft.factor**2 @ stratum.squares)
    return StratumResult(
        name=stratum.name,
        status="converged",
        n=stratum.n,
        problems=problems,
        population=system.population,
        iterations=solution.iterations,
        rank=solution.rank,
        max_relative_margin_error=error,
        g_quantiles=quantiles(solution.g, stratum.counts),
        design=kish_of_sums(stratum.n, float(achieved.sum()), squares),
        margins=rows,
    )


def _margin_rows(system: System, solution: Solution, achieved: Floats) -> tuple[MarginRow, ...]:
    before, after = system.x.T @ system.d, system.x.T @ achieved
    respondents = (system.x != 0).T @ system.counts
    figures = (respondents, system.totals, before, after, solution.multipliers, system.softness)
    return tuple(
        MarginRow(label[0], label[1], int(n), target, first, last, multiplier, softness > 0)
        for label, n, target, first, last, multiplier, softness in zip(
            system.labels, *(values.tolist() for values in figures), strict=True
        )
    )


def _soft_misses(stratum: str, rows: tuple[MarginRow, ...]) -> list[Problem]:
    return [
        Problem(
            "soft_margin_missed",
            f"{row.variable} = {row.category}: {row.after:.6g} for "
            f"{row.target:.6g}, missed by {row.relative_error:.2%}",
            stratum,
            row.variable,
            row.category,
            severity="warning",
        )
        for row in rows
        if row.soft and row.relative_error > TOLERANCE
    ]


def _negative(stratum: Slice, solution: Solution) -> list[Problem]:
    below = int(stratum.counts[solution.g < 0].sum())
    if not below:
        return []
    message = f"{below} of {stratum.n} respondents have a weight below zero"
    return [Problem("negative_weights", message, stratum.name, severity="warning")]


def _not_converged(stratum: str, rows: tuple[MarginRow, ...], solution: Solution) -> Problem:
    hard = [row for row in rows if not row.soft]
    worst = max(hard, key=lambda row: row.relative_error if isfinite(row.after) else inf)
    message = f"margins still missed by {worst.relative_error:.2e} after "
    message += f"{solution.iterations} iterations, though a solution exists"
    return Problem("not_converged", message, stratum, worst.variable, worst.category)
