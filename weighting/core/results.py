"""Decides what a calibration hands back: weights, and by stratum all that is needed to sign them.
Never computes a weight and never hides one: what was refused has no weights at all.
Contents follow Sautory (1993), CALMAR, and Statistics Canada (2019), quality guidelines.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weighting.core.collapses import Collapsed
from weighting.core.criteria import Rules
from weighting.core.diagnostics import Design, MarginRow, kish, quantiles, summed
from weighting.core.margins import Margins
from weighting.core.methods import Method
from weighting.core.problems import Problem
from weighting.core.units import Column, Floats, Units

NAN = float("nan")


@dataclass(frozen=True)
class StratumResult:
    """One stratum. Refused: `problems` say why, and the numbers are NaN or empty.

    g quantiles are over respondents; `margins` holds every total before and after;
    `max_relative_margin_error` is over the margins that had to be met.
    """

    name: str
    status: Literal["converged", "refused"]
    n: int
    problems: tuple[Problem, ...]
    population: float = NAN
    iterations: int = 0
    rank: int = 0
    max_relative_margin_error: float = NAN
    g_quantiles: Mapping[float, float] | None = None
    design: Design | None = None
    margins: tuple[MarginRow, ...] = ()
    collapses: tuple[Collapsed, ...] = ()

    @property
    def converged(self) -> bool:
        return self.status == "converged"

    @property
    def g_min(self) -> float:
        return self.g_quantiles[0.0] if self.g_quantiles else NAN

    @property
    def g_max(self) -> float:
        return self.g_quantiles[1.0] if self.g_quantiles else NAN

    @property
    def deff(self) -> float:
        return self.design.deff if self.design else NAN

    @property
    def n_eff(self) -> float:
        return self.design.n_eff if self.design else NAN


@dataclass(frozen=True)
class Overall:
    """All strata that have weights, together: quantiles of g, cost, totals before and after."""

    g_quantiles: Mapping[float, float]
    design: Design
    margins: tuple[MarginRow, ...]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The result. weights, g (n,): NaN in refused strata; g = weight / initial weight (rescaled
    to the population where that was asked); imputed: {variable: rows filled by the hot deck}."""

    units: Units
    margins: Margins
    method: Method
    rules: Rules
    weights: Floats
    g: Floats
    strata: tuple[StratumResult, ...]
    imputed: Mapping[str, NDArray[np.intp]]

    def __getitem__(self, stratum: str) -> StratumResult:
        """The result of that stratum. Raises KeyError."""
        for result in self.strata:
            if result.name == stratum:
                return result
        raise KeyError(stratum)

    @property
    def converged(self) -> bool:
        return all(result.converged for result in self.strata)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for result in self.strata for problem in result.problems)

    @property
    def max_relative_margin_error(self) -> float:
        errors = [r.max_relative_margin_error for r in self.strata if r.converged]
        return max(errors, default=NAN)

    @cached_property
    def design(self) -> Design:
        """Over all the strata that have weights: the allocation's cost is included."""
        return kish(self.weights[~np.isnan(self.weights)])

    @cached_property
    def overall(self) -> Overall:
        g = self.g[~np.isnan(self.g)]
        spread = quantiles(g, np.ones(len(g))) if len(g) else {}
        rows = [row for result in self.strata for row in result.margins]
        return Overall(spread, self.design, summed(rows))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the weights follow from: units, margins, method and rules."""
        running = sha256()
        for part in _parts(self.units):
            running.update(part)
        chosen = {name: [repr(margin) for margin in its] for name, its in self.margins.items()}
        running.update(repr((sorted(chosen.items()), self.method, self.rules)).encode())
        return running.hexdigest()


def _parts(units: Units) -> Iterable[bytes | memoryview]:
    """The units as bytes that do not depend on how the columns were encoded in memory."""
    yield from _column_parts("", units.strata)
    yield np.ascontiguousarray(units.weights, "<f8").data.cast("B")
    for name in sorted(units.variables):
        yield from _column_parts(name, units.variables[name])
    for name in sorted(units.numeric):
        yield name.encode()
        yield np.ascontiguousarray(units.numeric[name], "<f8").data.cast("B")
    if units.ids is not None:
        yield "\x1f".join(units.ids).encode()


def _column_parts(name: str, column: Column) -> Iterable[bytes | memoryview]:
    yield repr((name, column.categories)).encode()
    yield np.ascontiguousarray(column.codes, "<i4").data.cast("B")
