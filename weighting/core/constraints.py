"""Decides what the weights of each sector are tied to: the columns x of its margins, by respondent.
Never solves anything. For weights that are given, it asks only what a variance needs of margins.
Theory: Deville & Särndal (1992), sect. 1. A direction that x cannot tell apart is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weighting.core.criteria import Rules, block_of
from weighting.core.margins import Margin, Margins
from weighting.core.preflight import Prepared, prepare
from weighting.core.problems import Problem, refused
from weighting.core.solver import Whitened, whitened
from weighting.core.system import System
from weighting.core.units import Floats, Units

# Faults of totals, which a variance does not read. An empty category was merged with another by
# whoever made the weights: it has no column, and `missed` tells of the other's total.
FAULTS_OF_TOTALS = frozenset({"empty_category", "conflicting_totals"})
# Weights that were rounded in a file still meet their margins to this relative precision.
ROUNDED = 1e-3


@dataclass(frozen=True, eq=False)
class Constraints:
    """One sector of n respondents: their rows, initial weights d as calibration takes them, and x.

    full (n, k): a column for each category or numeric variable, as `system` labels them; x (n, p):
    the same space, p its rank, with x'diag(d)x = 1.
    """

    name: str
    rows: NDArray[np.intp]
    initial: Floats
    full: Floats
    system: System
    white: Whitened

    @property
    def x(self) -> Floats:
        return self.full @ self.white.basis

    def missed(self, weights: Floats) -> list[tuple[str, str, float, float]]:
        """(variable, category, total, what the weights (n,) give) where a hard margin is missed."""
        system, given = self.system, self.full.T @ weights
        far = ~(np.abs(given - system.totals) <= ROUNDED * np.maximum(np.abs(system.totals), 1.0))
        return [
            (*system.labels[column], float(system.totals[column]), float(given[column]))
            for column in np.flatnonzero(far & (system.softness == 0))
        ]


@dataclass(frozen=True, eq=False)
class Tied:
    """The sectors whose constraints are known, and the problems of those that have none."""

    sectors: tuple[Constraints, ...]
    problems: tuple[Problem, ...]


def constraints_of(
    units: Units, margins: Margins, rules: Rules, *, weights_given: bool = False
) -> Tied:
    """The constraints of every sector that can have them.

    weights_given: the weights exist already, so faults of the totals alone refuse no sector.
    """
    preparation = prepare(units, margins, rules)
    profiles, sectors, problems = preparation.profiles, [], list(preparation.without_respondents)
    for prepared in preparation.strata:
        system = _system(prepared, margins, rules, weights_given)
        if system is None:
            problems += prepared.problems
            continue
        stratum = prepared.stratum
        place = np.zeros(profiles.size, np.intp)
        place[profiles.present[stratum.rows]] = np.arange(len(system.x))
        rows = np.flatnonzero(profiles.rows_of(stratum.rows))
        own = place[profiles.cells[rows]]
        initial = units.weights[rows] * (system.d / stratum.weights)[own]
        white = whitened(system)
        sectors.append(Constraints(stratum.name, rows, initial, system.x[own], system, white))
    return Tied(tuple(sectors), tuple(problems))


def _system(
    prepared: Prepared, margins: Margins, rules: Rules, weights_given: bool
) -> System | None:
    if prepared.system is not None or not weights_given:
        return prepared.system
    refusals = [p for p in prepared.problems if refused([p]) and p.code not in FAULTS_OF_TOTALS]
    return None if refusals else _of_given(prepared, margins[prepared.stratum.name], rules)


def _of_given(prepared: Prepared, margins: Sequence[Margin], rules: Rules) -> System:
    """The columns that somebody has, of respondents who are weighted already."""
    stratum = prepared.stratum
    blocks = [block_of(stratum, margin, rules) for margin in margins]
    x = np.hstack([block.x for block in blocks])
    labels = [(b.margin.variable, label) for b in blocks for label in b.labels]
    totals = np.array([b.margin.totals[label] for b in blocks for label in b.labels])
    softness = np.repeat([b.margin.soft for b in blocks], [len(b.labels) for b in blocks])
    there = np.flatnonzero((x != 0).any(axis=0))
    return System(
        x=x[:, there],
        totals=totals[there],
        labels=tuple(labels[column] for column in there),
        softness=softness[there],
        population=float("nan"),
        d=stratum.weights,
        counts=stratum.counts,
        constant=np.zeros(len(there)),
    )
