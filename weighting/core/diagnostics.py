"""Decides how the cost of weights is told: design effect, effective n, spread of g, margins.
Never changes a weight and never decides whether a run may be used.
Design effect of unequal weights: Kish (1992), J. Official Statistics 8(2), 183-200.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from weighting.core.units import Floats

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Design:
    """What unequal weights cost: n, sum of weights, Kish's design effect, n_eff = n/deff."""

    n: int
    total: float
    deff: float

    @property
    def n_eff(self) -> float:
        return self.n / self.deff


@dataclass(frozen=True)
class MarginRow:
    """One category: respondents, target, weighted totals before and after, and its λ."""

    variable: str
    category: str
    n: int
    target: float
    before: float
    after: float
    multiplier: float
    soft: bool = False

    @property
    def relative_error(self) -> float:
        return abs(self.after - self.target) / (abs(self.target) or 1.0)


def summed(rows: Iterable[MarginRow]) -> tuple[MarginRow, ...]:
    """The rows of several strata by variable and category; a sum of strata has no λ of its own."""
    together: dict[tuple[str, str], MarginRow] = {}
    for row in rows:
        place = row.variable, row.category
        former = together.get(place, replace(row, n=0, target=0.0, before=0.0, after=0.0))
        together[place] = MarginRow(
            *place,
            n=former.n + row.n,
            target=former.target + row.target,
            before=former.before + row.before,
            after=former.after + row.after,
            multiplier=float("nan"),
            soft=former.soft or row.soft,
        )
    return tuple(together.values())


def kish(weights: ArrayLike) -> Design:
    """The design effect n·Σw²/(Σw)² of weights (n,)."""
    w = np.asarray(weights, float)
    return kish_of_sums(len(w), float(w.sum()), float(w @ w))


def kish_of_sums(n: int, total: float, squares: float) -> Design:
    """The same from Σw and Σw², which profiles carry."""
    return Design(n, total, n * squares / total**2 if total else float("nan"))


def quantiles(
    values: Floats, counts: ArrayLike, probabilities: Sequence[float] = QUANTILES
) -> dict[float, float]:
    """Quantiles of values (m,) each repeated counts (m,) times: the least value whose cumulated
    share reaches p (inverse of the empirical distribution)."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(np.asarray(counts, float)[order])
    places = np.searchsorted(cumulated, np.array(probabilities) * cumulated[-1] * (1 - 1e-12))
    return {p: float(values[order[i]]) for p, i in zip(probabilities, places, strict=True)}
