"""Decides what g-weights could meet the margins at all: linear programmes over the profiles.
Never yields weights to be used, only misses, ranges and bounds.
Theory: rows alike may be averaged, so profiles suffice; ratios by Charnes & Cooper (1962).
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from weighting.core.system import System
from weighting.core.units import Floats

# linprog takes sparse constraints; its stubs know dense ones only.
Matrix = Any

# The total relative miss below which HiGHS, with its own tolerance, has met the equations.
FEASIBILITY = 1e-7


def hard_rows(system: System) -> list[int]:
    """The equations that must hold exactly."""
    return np.flatnonzero(system.softness == 0).tolist()


def misses(system: System, low: float, high: float, rows: Sequence[int] | None = None) -> Floats:
    """The relative misses, by equation, whose sum is least with low ≤ g ≤ high."""
    matrix, totals = _equations(system, rows)
    p, m = matrix.shape
    slack = _eye(p)
    found = _minimise(
        np.append(np.zeros(m), np.ones(2 * p)),
        _beside(matrix, slack, -slack),
        totals,
        [(low, high)] * m + [(0.0, inf)] * (2 * p),
    )
    if found is None:
        return np.full(p, inf)
    return np.asarray(found[1][m : m + p] + found[1][m + p :])


def feasible(system: System, low: float, high: float, rows: Sequence[int] | None = None) -> bool:
    return float(misses(system, low, high, rows).sum()) <= FEASIBILITY


def least_upper(system: System, low: float) -> float | None:
    """The least U such that low ≤ g ≤ U has a solution."""
    matrix, totals = _equations(system)
    p, m = matrix.shape
    found = _minimise(
        np.append(np.zeros(m), 1.0),
        _beside(matrix, np.zeros((p, 1))),
        totals,
        [(low, inf)] * m + [(low, inf)],
        _beside(_eye(m), -np.ones((m, 1))),
    )
    return None if found is None else found[0]


def greatest_lower(system: System, high: float) -> float | None:
    """The greatest L ≥ 0 such that L ≤ g ≤ high has a solution."""
    matrix, totals = _equations(system)
    p, m = matrix.shape
    found = _minimise(
        np.append(np.zeros(m), -1.0),
        _beside(matrix, np.zeros((p, 1))),
        totals,
        [(0.0, high)] * m + [(0.0, high)],
        _beside(-_eye(m), np.ones((m, 1))),
    )
    return None if found is None else -found[0]


def tightest_range(system: System) -> tuple[float, float] | None:
    """The (L, U) of least ratio U/L within which the margins can be met; None without L > 0.

    With g = h/s the problem is linear: minimise U over 1 ≤ h ≤ U with Σ d·h·x = s·T.
    """
    matrix, totals = _equations(system)
    p, m = matrix.shape
    found = _minimise(
        np.append(np.zeros(m), [1.0, 0.0]),
        _beside(matrix, np.zeros((p, 1)), -totals[:, None]),
        np.zeros(p),
        [(1.0, inf)] * (m + 1) + [(0.0, inf)],
        _beside(_eye(m), -np.ones((m, 1)), np.zeros((m, 1))),
    )
    if found is None or found[1][-1] <= 0:
        return None
    upper, scale = found[1][-2:]
    return float(1.0 / scale), float(upper / scale)


def range_of_total(
    system: System, label: tuple[str, str], low: float
) -> tuple[float, float] | None:
    """Totals of a category that the other criteria allow, with g ≥ low; None when they conflict."""
    rows = [row for row in hard_rows(system) if system.labels[row][0] != label[0]]
    if not rows:
        return None
    matrix, totals = _equations(system, rows)
    weight = system.d * system.x[:, system.labels.index(label)]
    free = [(low, inf)] * len(weight)
    least = _minimise(weight, matrix, totals, free)
    most = _minimise(-weight, matrix, totals, free)
    return None if least is None or most is None else (least[0], -most[0])


def _equations(system: System, rows: Sequence[int] | None = None) -> tuple[Matrix, Floats]:
    """The chosen equations in units of their totals, so that tolerances are relative."""
    chosen = hard_rows(system) if rows is None else list(rows)
    matrix = (system.x[:, chosen] * system.d[:, None]).T
    totals = system.totals[chosen]
    scale = np.where(totals != 0, np.abs(totals), np.abs(matrix).sum(axis=1))
    return _beside(matrix / scale[:, None]), totals / scale


def _eye(size: int) -> Matrix:
    from scipy import sparse

    return sparse.eye_array(size)


def _beside(*blocks: Matrix) -> Matrix:
    # Imported by those alone who need it: a tenth of a second of every start of the product.
    from scipy import sparse

    return sparse.hstack([sparse.csr_array(block) for block in blocks])


def _minimise(
    objective: Floats,
    equal: Matrix,
    to: Floats,
    bounds: Sequence[tuple[float, float]],
    not_above_zero: Matrix | None = None,
) -> tuple[float, Floats] | None:
    """(value, solution) by HiGHS, or None when nothing satisfies the constraints."""
    # Imported by those alone who need it: a fifth of a second of every start of the product.
    from scipy.optimize import linprog

    zeros = None if not_above_zero is None else np.zeros(not_above_zero.shape[0])
    found = linprog(
        objective,
        A_ub=not_above_zero,
        b_ub=zeros,
        A_eq=equal,
        b_eq=to,
        bounds=bounds,
        method="highs",
    )
    if found.status != 0 or found.x is None or found.fun is None:
        return None
    return float(found.fun), np.asarray(found.x)
