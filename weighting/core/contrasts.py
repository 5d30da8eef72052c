"""Decides which differences are more than chance: sectors against a reference, a whole table.
Never changes an estimate: a contrast has its own z, so what two domains share is counted once.
Theory: Holm (1979), Scand. J. Statistics 6; Rao & Scott (1984), Annals of Statistics 12.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weighting.core.design import Factor, Sample
from weighting.core.distributions import fisher_tail, student_tail
from weighting.core.estimation import Estimates, covariance, freedom_of
from weighting.core.linearised import Linearised, proportions
from weighting.core.units import Floats, Ints

# Two shares that the margins fix alike differ by rounding, and there is nothing to test.
EXACTLY_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class RaoScott:
    """Independence of two answers, second-order corrected: F with its degrees of freedom.

    chi2: Pearson's statistic of the weighted shares scaled to n respondents, uncorrected.
    """

    f: float
    numerator: float
    denominator: float
    p: float
    chi2: float


def differences(linearised: Linearised, pairs: Sequence[tuple[int, int]]) -> Linearised:
    """θᵢ − θⱼ for each pair of places; their domains may overlap, or hold one another."""
    coefficients = np.zeros((len(pairs), len(linearised.values)))
    for row, (first, second) in zip(coefficients, pairs, strict=True):
        row[first] += 1.0
        row[second] -= 1.0
    return linearised.contrast(coefficients)


def p_values(estimates: Estimates) -> Floats:
    """Two-sided, of the hypothesis that each estimate (a difference) is 0. NaN: nothing to test."""
    exact = np.where(np.abs(estimates.values) > EXACTLY_ZERO, 0.0, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * student_tail(np.abs(estimates.values) / estimates.se, estimates.freedom)
    return np.where(estimates.se == 0, exact, p)


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values of one table, Holm's step-down; NaN is no test and is not counted."""
    given = np.asarray(p, float)
    order = np.argsort(given)  # NaN last
    m = int(np.isfinite(given).sum())
    adjusted = np.full(given.shape, np.nan)
    steps = given[order[:m]] * np.arange(m, 0, -1)
    adjusted[order[:m]] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def rao_scott(sample: Sample, rows: Ints, columns: Ints, factor: Factor = "residual") -> RaoScott:
    """Whether two answers (such as sector and answer) are independent among those who gave both.

    rows, columns (n,): codes from 0, −1 outside the base. With factor "r": R's svychisq "F".
    Raises ValueError where one of them has a single value.
    """
    there = (rows >= 0) & (columns >= 0) & (sample.weights != 0)
    rows_used, columns_used = np.unique(rows[there]), np.unique(columns[there])
    r, c = len(rows_used), len(columns_used)
    if min(r, c) < 2:
        raise ValueError("a table of one row or one column has nothing to test")
    cells = np.searchsorted(rows_used, rows) * c + np.searchsorted(columns_used, columns)
    shares = proportions(sample, np.where(there, cells, -1), r * c)
    n = int(there.sum())
    table = shares.values.reshape(r, c)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    chi2 = float(n * ((table - expected) ** 2 / expected).sum())
    effects = _design_effects(shares.values, covariance(sample, shares, factor), (r, c), n)
    trace, squares = float(np.trace(effects)), float(np.trace(effects @ effects))
    numerator = trace**2 / squares
    denominator = numerator * float(freedom_of(sample, factor).sum())
    f = chi2 / trace
    return RaoScott(f, numerator, denominator, fisher_tail(f, numerator, denominator), chi2)


def _design_effects(shares: Floats, v: Floats, shape: tuple[int, int], n: int) -> Floats:
    """The generalised design effects of the interactions, ((r − 1)(c − 1)) square."""
    main, interactions = _contrasts(*shape)
    # What of the interactions the main effects do not say; a cell without anybody says nothing.
    interactions -= main @ np.linalg.lstsq(main, interactions)[0]
    with np.errstate(divide="ignore"):
        inverse = np.where(shares > 0, 1.0 / shares, 0.0)
    weighted = interactions * inverse[:, None]
    simple = weighted.T @ interactions / n
    return np.asarray(np.linalg.solve(simple, weighted.T @ v @ weighted))


def _contrasts(r: int, c: int) -> tuple[Floats, Floats]:
    """Indicator columns of rows and columns, and of the cells that neither is the first of."""
    row, column = np.divmod(np.arange(r * c), c)
    rows = (row[:, None] == np.arange(1, r)).astype(float)
    columns = (column[:, None] == np.arange(1, c)).astype(float)
    products = rows[:, :, None] * columns[:, None, :]
    main = np.column_stack([np.ones(r * c), rows, columns])
    return main, products.reshape(r * c, -1)
