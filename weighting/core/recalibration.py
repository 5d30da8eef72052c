"""Decides the weights of many replicates at once: Newton on every replicate's dual, in one batch.
Never keeps in silence a replicate that misses its margins: it says which converged.
Theory: as in `solver`, Deville & Särndal (1992), sect. 2; the start is the full sample's λ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weighting.core.attainable import VANISHING
from weighting.core.constraints import Constraints
from weighting.core.methods import Method
from weighting.core.results import StratumResult
from weighting.core.units import Floats

MAX_STEPS = 60
# The length of the gradient in whitened coordinates, relative to that of the totals. Newton being
# quadratic, the last step usually leaves far less.
MET = 1e-10
# Values of the dual that differ by less, relatively, are equal but for rounding.
ROUNDING = 1e-12
# Keeps a direction that one replicate has lost from stopping the batch; that one never converges.
LEAST_CURVATURE = 1e-13

Flags = NDArray[np.bool_]


@dataclass(eq=False)
class _Points:
    """The duals of a batch of replicates at their μ (R, p): values (R,), gradients (R, p), and
    w = d·g and d·F' (R, n)."""

    mu: Floats
    value: Floats
    gradient: Floats
    weights: Floats
    slopes: Floats

    def put(self, rows: NDArray[np.intp], other: "_Points", taken: Flags) -> None:
        """Move those rows to where `other` found them."""
        for name in ("mu", "value", "gradient", "weights", "slopes"):
            getattr(self, name)[rows[taken]] = getattr(other, name)[taken]


class Recalibration:
    """One sector's calibration, ready to be solved for other initial weights."""

    def __init__(self, sector: Constraints, result: StratumResult, method: Method) -> None:
        """result: the calibration of the full sample, where every replicate starts."""
        white = sector.white
        self.method, self.x, self.ridge = method, sector.x, white.ridge
        self.above = np.triu_indices(self.x.shape[1])
        self.pairs = self.x[:, self.above[0]] * self.x[:, self.above[1]]
        self.target = white.basis.T @ sector.system.totals
        self.start = white.coordinates @ np.array([row.multiplier for row in result.margins])

    def weights(self, d: Floats) -> tuple[Floats, Flags]:
        """Weights (R, n) from initial weights d (R, n), zero where d is; and which converged."""
        with np.errstate(all="ignore"):  # a step too far is halved; what never lands is told
            points = self._at(d, np.tile(self.start, (len(d), 1)))
            steps = self._steps(points, np.arange(len(d)))
            active = self._unmet(points, np.arange(len(d)))
            for _ in range(MAX_STEPS):
                if not len(active):
                    break
                there = self._at(d[active], points.mu[active] + steps[active])
                rounding = ROUNDING * (1.0 + np.abs(points.value[active]))
                fell = there.value <= points.value[active] + rounding
                points.put(active, there, fell)
                steps[active[~fell]] /= 2
                steps[active[fell]] = self._steps(points, active[fell])
                active = self._unmet(points, active)
            converged = np.ones(len(d), np.bool_)
            converged[active] = False
            return points.weights, converged & self._nobody_vanished(points.weights, d)

    def _at(self, d: Floats, mu: Floats) -> _Points:
        integral, g, slope = self.method.at(mu @ self.x.T)
        soft = mu @ self.ridge
        value = (d * integral).sum(axis=1) - mu @ self.target + 0.5 * (mu * soft).sum(axis=1)
        weights = d * g
        return _Points(mu, value, weights @ self.x - self.target + soft, weights, d * slope)

    def _steps(self, points: _Points, rows: NDArray[np.intp]) -> Floats:
        """Newton's: −H⁻¹·gradient of each row."""
        p = len(self.target)
        hessian = np.empty((len(rows), p, p))
        upper = points.slopes[rows] @ self.pairs
        hessian[:, self.above[0], self.above[1]] = upper
        hessian[:, self.above[1], self.above[0]] = upper
        hessian += self.ridge
        diagonal = np.arange(p)
        least = LEAST_CURVATURE * (1.0 + np.nan_to_num(hessian[:, diagonal, diagonal].max(axis=1)))
        hessian[:, diagonal, diagonal] += least[:, None]
        steps = np.linalg.solve(hessian, points.gradient[rows][:, :, None])
        return np.asarray(-steps[:, :, 0], float)

    def _unmet(self, points: _Points, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        missed = np.linalg.norm(points.gradient[rows], axis=1)
        return np.asarray(rows[~(missed <= MET * np.linalg.norm(self.target))])

    def _nobody_vanished(self, weights: Floats, d: Floats) -> Flags:
        """A raking that meets its margins only by weighting somebody out has failed."""
        if self.method.bounds[0] != 0.0:
            return np.ones(len(d), np.bool_)
        g = np.divide(weights, d, out=np.full_like(d, np.nan), where=d > 0)
        return np.asarray(np.nanmin(g, axis=1) >= VANISHING * np.nanmax(g, axis=1))
