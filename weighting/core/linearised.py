"""Decides what an estimate is and how much each respondent moves it: values, and influences z.
Never computes a variance, and never treats a domain as a sample: those outside count, with z = 0.
Theory: Deville (1999), Survey Methodology 25(2), 193-203; quantiles are in `quantiles`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weighting.core.design import Sample
from weighting.core.units import Floats, Ints

Domains = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Linearised:
    """Estimates and what moves them: values (q,), and influences, which give z (n, q).

    n, n_eff (q,): respondents behind each, and Kish's effective number of them, (Σw)²/Σw²; for a
    contrast, the sums over the estimates in it. Covariances need no matrix: a contrast of
    estimates is the same contrast of their z.
    """

    values: Floats
    influences: Callable[[], Floats]
    n: Ints
    n_eff: Floats

    @cached_property
    def z(self) -> Floats:
        """Worked out when a variance asks for it; replicates, by the hundred, never do."""
        return self.influences()

    def contrast(self, coefficients: ArrayLike) -> "Linearised":
        """Σ cᵢθᵢ for each row of coefficients (k, q); overlapping domains are allowed."""
        c = np.atleast_2d(np.asarray(coefficients, float))
        involved = c != 0
        return Linearised(
            c @ self.values, lambda: self.z @ c.T, involved @ self.n, involved @ self.n_eff
        )


def totals(sample: Sample, y: ArrayLike, domains: ArrayLike | None = None) -> Linearised:
    """Σ w·y over each domain: y (n,), domains (n, D) of booleans, all by default."""
    inside = within(sample, domains)
    z = inside * column(y, inside)
    return Linearised(sample.weights @ z, lambda: z, *sizes(sample, inside))


def ratios(
    sample: Sample, y: ArrayLike, x: ArrayLike, domains: ArrayLike | None = None
) -> Linearised:
    """Σ w·y / Σ w·x over each domain; z = 1[domain]·(y − R·x)/Σ w·x. NaN where Σ w·x = 0."""
    inside = within(sample, domains)
    top, bottom = inside * column(y, inside), inside * column(x, inside)
    base = _divisor(sample.weights @ bottom)
    values = (sample.weights @ top) / base
    return Linearised(values, lambda: (top - bottom * values) / base, *sizes(sample, inside))


def means(sample: Sample, y: ArrayLike, domains: ArrayLike | None = None) -> Linearised:
    """The mean of y over each domain; NaN is a y that does not exist, outside the base."""
    there = np.isfinite(np.asarray(y, float))
    inside = within(sample, domains) & there[:, None]
    return ratios(sample, np.where(there, y, 0.0), np.ones(len(there)), inside)


def proportions(
    sample: Sample, codes: Ints, categories: int, domains: ArrayLike | None = None
) -> Linearised:
    """Share of each category among those of each domain who have a code: (D·categories,).

    codes (n,): −1 is outside the base (not asked, refused). Domain by domain, then category.
    """
    inside = within(sample, domains) & (codes >= 0)[:, None]
    chosen = codes[:, None] == np.arange(categories)
    base = _divisor(sample.weights @ inside)[:, None]
    values = (inside.T * sample.weights) @ chosen.astype(float) / base

    def influences() -> Floats:
        answered = inside[:, :, None] & chosen[:, None, :]
        z = (answered - inside[:, :, None] * values) / base
        return np.asarray(z.reshape(len(codes), -1))

    n, n_eff = sizes(sample, inside)
    return Linearised(
        values.ravel(), influences, np.repeat(n, categories), np.repeat(n_eff, categories)
    )


def domains_of(codes: Ints, groups: Sequence[Sequence[int]]) -> Domains:
    """Domains (n, D) from codes (n,): each a set of codes, such as sectors; they may overlap."""
    return np.stack([np.isin(codes, list(group)) for group in groups], axis=1)


def within(sample: Sample, domains: ArrayLike | None) -> Domains:
    """Domains (n, D), without the respondents of refused sectors."""
    n = len(sample.weights)
    chosen = np.ones((n, 1), np.bool_) if domains is None else np.asarray(domains, np.bool_)
    return np.asarray(chosen.reshape(n, -1) & (sample.weights != 0)[:, None])


def sizes(sample: Sample, inside: Domains) -> tuple[Ints, Floats]:
    """n and Kish's effective n (D,) of each domain."""
    n = inside.sum(axis=0)
    squares = _divisor(sample.weights**2 @ inside)
    return n, np.nan_to_num((sample.weights @ inside) ** 2 / squares)


def column(values: ArrayLike, inside: Domains) -> Floats:
    """y as a column; a value outside every domain may be missing and is not read."""
    y = np.asarray(values, float)
    return np.where(inside.any(axis=1), y, 0.0)[:, None]


def _divisor(sums: Floats) -> Floats:
    """NaN for 0: an empty domain has no estimate."""
    return np.where(sums == 0, np.nan, sums)
