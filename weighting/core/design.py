"""Decides what a calibrated sample is to an estimate: weights, and the sectors they are tied in.
Never estimates anything, and never weights anyone anew: `recalibration` does, for replicates.
Theory: Särndal, Swensson & Wretman (1992), sect. 6.6; residuals weighted by d, Lumley (2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weighting.core.constraints import Constraints, constraints_of
from weighting.core.results import Calibration
from weighting.core.units import Floats

# "residual": n/(n − p), p constraints being spent by calibration; "r": R survey's n/(n − 1).
Factor = Literal["residual", "r"]
# A residual variance that is smaller, as a share of the variance it comes from, is rounding.
ROUNDING = 1e-20


@dataclass(frozen=True, eq=False)
class SectorDesign:
    """One sector of n respondents: their rows, weights, initial weights d, and x (n, p) with
    x'diag(d)x = 1, which spans the constraints."""

    name: str
    rows: NDArray[np.intp]
    weights: Floats
    initial: Floats
    x: Floats

    @classmethod
    def of(cls, constraints: Constraints, weights: Floats) -> "SectorDesign":
        """weights: those of all respondents."""
        its = constraints
        return cls(its.name, its.rows, weights[its.rows], its.initial, its.x)

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def rank(self) -> int:
        return int(self.x.shape[1])

    def freedom(self, factor: Factor) -> int:
        return self.n - (self.rank if factor == "residual" else 1)

    def covariance(self, z: Floats, factor: Factor) -> Floats:
        """(q, q): n/(n − p)·Σ(u − ū)(u − ū)' for z (n, q); NaN when n ≤ p."""
        u = self._spread(z)
        return np.asarray(u.T @ u * self._inflation(factor))

    def variances(self, z: Floats, factor: Factor) -> Floats:
        """(q,): the diagonal of the covariance; 0 for what calibration fixes, but for rounding."""
        spread = (self._spread(z) ** 2).sum(axis=0)
        fixed = spread <= ROUNDING * ((z * self.weights[:, None]) ** 2).sum(axis=0)
        return np.where(fixed, 0.0, spread) * self._inflation(factor)

    def _spread(self, z: Floats) -> Floats:
        """u − ū, where u = w·e and e is the residual of z on x, weighted by d as R does."""
        residual = z - self.x @ (self.x.T @ (z * self.initial[:, None]))
        u = residual * self.weights[:, None]
        return np.asarray(u - u.mean(axis=0))

    def _inflation(self, factor: Factor) -> float:
        freedom = self.freedom(factor)
        return self.n / freedom if freedom > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Sample:
    """A calibrated sample: weights (n,), zero where a sector was refused, and its sectors."""

    weights: Floats
    sectors: tuple[SectorDesign, ...]

    @classmethod
    def of(cls, result: Calibration) -> "Sample":
        """The sample that a calibration leaves; refused sectors are outside it."""
        tied = constraints_of(result.units, result.margins, result.rules)
        kept = [constraints for constraints in tied.sectors if result[constraints.name].converged]
        return cls.weighted(result.weights, kept)

    @classmethod
    def weighted(cls, weights: Floats, sectors: Sequence[Constraints]) -> "Sample":
        """The sample of those sectors under calibrated weights (n,); the rest is outside it."""
        own = np.zeros(len(weights))
        for constraints in sectors:
            own[constraints.rows] = weights[constraints.rows]
        return cls(own, tuple(SectorDesign.of(constraints, own) for constraints in sectors))

    def reweighted(self, weights: Floats) -> "Sample":
        """The same respondents under other weights (n,), such as those of a replicate."""
        return replace(self, weights=weights)
