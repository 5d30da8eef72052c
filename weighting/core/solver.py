"""Decides λ: Newton on the dual D(λ) = Σ d·Φ(x'λ) + ½λ'Rλ − T'λ, one convex minimum.
Never judges its answer: whether the margins are met is certified from the final weights.
Theory: Deville & Särndal (1992), sect. 2; soft margins: Bardsley & Chambers (1984), ridge.
"""

from dataclasses import dataclass

import numpy as np

from weighting.core.methods import Method
from weighting.core.system import System
from weighting.core.units import Floats

MAX_ITERATIONS = 100
MAX_HALVINGS = 40
# Once a step moves the g-weights by less than this, the next one would be below rounding.
LAST_STEP = 1e-9
# Directions of x whose squared length, relative to the longest, is rounding: redundant dummies.
RANK_TOLERANCE = 1e-11
SUFFICIENT_DECREASE = 1e-4
# D is a sum of terms as large as the population: differences below this share are rounding.
DUAL_ROUNDING = 1e-13
EIGENVALUE_FLOOR = 1e-10
FLAT = 1e-14


@dataclass(frozen=True, eq=False)
class Solution:
    """g (m,) by profile, multipliers λ (p,) of least norm, rank of the constraints."""

    g: Floats
    multipliers: Floats
    iterations: int
    rank: int


@dataclass(frozen=True, eq=False)
class _Point:
    """The dual at μ: value, gradient, and Hessian."""

    mu: Floats
    g: Floats
    value: float
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True, eq=False)
class Whitened:
    """λ = basis @ μ, basis (p, r), with X·basis orthonormal under d; coordinates: μ from λ.

    The basis spans what x can tell apart, so redundant dummies drop out: r is the rank.
    """

    basis: Floats
    coordinates: Floats
    ridge: Floats


def whitened(system: System) -> Whitened:
    """Eigenvectors of the scaled X'diag(d)X + R, each divided by its length."""
    ridge = np.diag(system.softness * np.abs(system.totals))
    gram = system.x.T @ (system.x * system.d[:, None]) + ridge
    scale = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    kept = values > RANK_TOLERANCE * values[-1]
    lengths = np.sqrt(values[kept])
    basis = (vectors[:, kept] / lengths) / scale[:, None]
    return Whitened(basis, (vectors[:, kept] * lengths).T * scale, basis.T @ ridge @ basis)


class _Dual:
    """The dual in whitened coordinates, where the Hessian at g = 1 is the identity."""

    def __init__(self, system: System, method: Method) -> None:
        self.method, self.d = method, system.d
        white = whitened(system)
        self.basis, self.coordinates, self.ridge = white.basis, white.coordinates, white.ridge
        self.z = system.x @ self.basis
        self.target = self.basis.T @ system.totals
        self.scale = float(self.d.sum())

    def at(self, mu: Floats) -> _Point:
        integral, g, slope = self.method.at(self.z @ mu)
        soft = self.ridge @ mu
        value = float(self.d @ integral - self.target @ mu + 0.5 * (mu @ soft))
        gradient = self.z.T @ (self.d * g) - self.target + soft
        hessian = self.z.T @ (self.z * (self.d * slope)[:, None]) + self.ridge
        return _Point(mu, g, value, gradient, hessian)

    def step(self, point: _Point) -> Floats:
        """The Newton step; with flat directions (all g cut at a bound) a steep descent there."""
        # Imported at the first step: a tenth of a second of every start of the product.
        from scipy.linalg import lapack

        factor, step, failed = lapack.dposv(point.hessian, -point.gradient)
        pivots = np.diagonal(factor).tolist()
        # A flat direction may pass for one that curves by a rounding: a step beyond all halving.
        if failed == 0 and min(pivots) ** 2 > FLAT * max(pivots) ** 2:
            return np.asarray(step, float)
        values, vectors = np.linalg.eigh(point.hessian)
        values = np.maximum(values, EIGENVALUE_FLOOR * max(values[-1], 1.0))
        return np.asarray(-(vectors / values) @ (vectors.T @ point.gradient))

    def descend(self, point: _Point, step: Floats) -> _Point | None:
        """Armijo: halve the step until D falls enough; None when no step makes it fall."""
        rounding = DUAL_ROUNDING * (self.scale + abs(point.value))
        slope = SUFFICIENT_DECREASE * float(point.gradient @ step)
        length = 1.0
        for _ in range(MAX_HALVINGS):
            there = self.at(point.mu + length * step)
            if there.value <= point.value + length * slope + rounding:
                return there
            length /= 2
        return None


def solve(system: System, method: Method) -> Solution:
    """Minimise the dual. The start is the constant g that already meets the population."""
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is a step too far: halved
        dual = _Dual(system, method)
        point = dual.at(_start(dual, system, method))
        stopped, iterations = False, 0
        while not stopped and iterations < MAX_ITERATIONS:
            step = dual.step(point)
            # The step's effect on u = x'λ, in root mean square over the weighted units.
            size = float(np.sqrt(step @ step / dual.scale))
            following = dual.descend(point, step)
            if following is None:
                break
            point, iterations, stopped = following, iterations + 1, size < LAST_STEP
    return Solution(point.g, dual.basis @ point.mu, iterations, len(point.mu))


def _start(dual: _Dual, system: System, method: Method) -> Floats:
    ratio = system.population / dual.scale
    low, high = method.bounds
    if not low < ratio < high:
        return np.zeros(len(dual.target))
    return np.asarray(dual.coordinates @ (system.constant * method.inverse(ratio)))
