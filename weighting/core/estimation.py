"""Decides how uncertain an estimate is: variance linearised on the calibrated design, by sector.
Never weights anyone, and never treats a domain as a sample: those outside it count, with z = 0.
Theory: Deville (1999), Survey Methodology 25(2); Särndal, Swensson & Wretman (1992), sect. 6.6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from weighting.core.preflight import prepare
from weighting.core.results import Calibration
from weighting.core.solver import whitened
from weighting.core.units import Floats, Ints

# "residual": n/(n − p), p constraints being spent by calibration; "r": R survey's n/(n − 1).
Factor = Literal["residual", "r"]


@dataclass(frozen=True, eq=False)
class SectorDesign:
    """One sector of n respondents: their rows, g·d, d, and x (n, p) with x'diag(d)x = 1."""

    name: str
    rows: NDArray[np.intp]
    weights: Floats
    initial: Floats
    x: Floats

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def rank(self) -> int:
        return int(self.x.shape[1])

    def residuals(self, z: Floats) -> Floats:
        """What calibration leaves of z (n, q): its residual on x, weighted by d as R does."""
        return np.asarray(z - self.x @ (self.x.T @ (z * self.initial[:, None])))

    def variances(self, z: Floats, factor: Factor) -> Floats:
        """Σ(u − ū)²·n/(n − p) for the columns of z (n, q), u = w·e; NaN when n ≤ p."""
        u = self.residuals(z) * self.weights[:, None]
        spread = ((u - u.mean(axis=0)) ** 2).sum(axis=0)
        freedom = self.freedom(factor)
        return np.asarray(spread * (self.n / freedom if freedom > 0 else np.nan))

    def freedom(self, factor: Factor) -> int:
        return self.n - (self.rank if factor == "residual" else 1)


@dataclass(frozen=True, eq=False)
class Sample:
    """A calibrated sample: weights (n,), zero where a sector was refused, and its sectors."""

    weights: Floats
    sectors: tuple[SectorDesign, ...]

    @classmethod
    def of(cls, result: Calibration) -> "Sample":
        """The sample that a calibration leaves; refused sectors are outside it."""
        preparation = prepare(result.units, result.margins, result.rules)
        profiles, sectors = preparation.profiles, []
        for prepared in preparation.strata:
            stratum, system = prepared.stratum, prepared.system
            if system is None or not result[stratum.name].converged:
                continue
            basis = system.x @ whitened(system).basis
            place = np.zeros(profiles.size, np.intp)
            place[profiles.present[stratum.rows]] = np.arange(len(basis))
            rows = np.flatnonzero(profiles.rows_of(stratum.rows))
            x = basis[place[profiles.cells[rows]]]
            weights = result.weights[rows]
            sectors.append(SectorDesign(stratum.name, rows, weights, weights / result.g[rows], x))
        return cls(np.nan_to_num(result.weights), tuple(sectors))


@dataclass(frozen=True, eq=False)
class Linearised:
    """Estimates and what moves them: values (q,), influences z (n, q), respondents n (q,).

    Covariances need no matrix: a contrast of estimates is the same contrast of their z.
    """

    values: Floats
    z: Floats
    n: Ints

    def contrast(self, coefficients: ArrayLike) -> "Linearised":
        """Σ cᵢθᵢ for each row of coefficients (k, q); overlapping domains are allowed."""
        c = np.atleast_2d(np.asarray(coefficients, float))
        involved = (c != 0) @ self.n
        return Linearised(c @ self.values, self.z @ c.T, involved)


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates (q,) with standard errors, degrees of freedom, and respondents behind each."""

    values: Floats
    se: Floats
    freedom: Floats
    n: Ints

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Student's interval on the scale of the estimate."""
        half = stats.t.ppf(0.5 + level / 2, self.freedom) * self.se
        return self.values - half, self.values + half

    def minus(self, other: "Estimates") -> "Estimates":
        """The difference to an independent sample, such as another wave."""
        mine, theirs = self.se**2, other.se**2
        freedom = _satterthwaite(np.stack([mine, theirs]), np.stack([self.freedom, other.freedom]))
        n = self.n + other.n
        return Estimates(self.values - other.values, np.sqrt(mine + theirs), freedom, n)


def totals(sample: Sample, y: ArrayLike, domains: ArrayLike | None = None) -> Linearised:
    """Σ w·y over each domain: y (n,), domains (n, D) of booleans, all by default."""
    inside = _inside(sample, domains)
    z = inside * _column(y, inside)
    return Linearised(sample.weights @ z, z, inside.sum(axis=0))


def ratios(
    sample: Sample, y: ArrayLike, x: ArrayLike, domains: ArrayLike | None = None
) -> Linearised:
    """Σ w·y / Σ w·x over each domain; z = 1[domain]·(y − R·x)/Σ w·x. NaN where Σ w·x = 0."""
    inside = _inside(sample, domains)
    top, bottom = inside * _column(y, inside), inside * _column(x, inside)
    base = sample.weights @ bottom
    base = np.where(base == 0, np.nan, base)
    values = (sample.weights @ top) / base
    return Linearised(values, (top - bottom * values) / base, inside.sum(axis=0))


def means(sample: Sample, y: ArrayLike, domains: ArrayLike | None = None) -> Linearised:
    """The mean of y over each domain."""
    return ratios(sample, y, np.ones(len(sample.weights)), domains)


def proportions(
    sample: Sample, codes: Ints, categories: int, domains: ArrayLike | None = None
) -> Linearised:
    """Share of each category among those of each domain who have a code: (D·categories,).

    codes (n,): −1 is outside the base (not asked, refused). Domain by domain, then category.
    """
    inside = _inside(sample, domains) & (codes >= 0)[:, None]
    chosen = codes[:, None] == np.arange(categories)
    base = sample.weights @ inside
    base = np.where(base == 0, np.nan, base)
    answered = inside[:, :, None] & chosen[:, None, :]
    values = np.tensordot(sample.weights, answered, 1) / base[:, None]
    z = (answered - inside[:, :, None] * values) / base[:, None]
    n = np.repeat(inside.sum(axis=0), categories)
    return Linearised(values.ravel(), z.reshape(len(codes), -1), n)


def estimate(sample: Sample, linearised: Linearised, factor: Factor = "residual") -> Estimates:
    """Standard errors and degrees of freedom; sectors are independent, so variances add up."""
    q = len(linearised.values)
    variances = np.zeros((len(sample.sectors), q))
    freedom = np.array([[float(sector.freedom(factor))] for sector in sample.sectors])
    for sector, row in zip(sample.sectors, variances, strict=True):
        z = linearised.z[sector.rows]
        touched = (z != 0).any(axis=0)  # a domain elsewhere has no variance here
        row[touched] = sector.variances(z[:, touched], factor)
    se = np.sqrt(variances.sum(axis=0))
    return Estimates(linearised.values, se, _satterthwaite(variances, freedom), linearised.n)


def _satterthwaite(variances: Floats, freedom: Floats) -> Floats:
    """Degrees of freedom (q,) of a sum of variances (S, q) that have freedom (S, 1) or (S, q)."""
    total = variances.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total**2 / (variances**2 / freedom).sum(axis=0))


def _inside(sample: Sample, domains: ArrayLike | None) -> NDArray[np.bool_]:
    """Domains (n, D), without the respondents of refused sectors."""
    n = len(sample.weights)
    chosen = np.ones((n, 1), np.bool_) if domains is None else np.asarray(domains, np.bool_)
    return np.asarray(chosen.reshape(n, -1) & (sample.weights != 0)[:, None])


def _column(values: ArrayLike, inside: NDArray[np.bool_]) -> Floats:
    """y as a column; a value outside every domain may be missing and is not read."""
    y = np.asarray(values, float)
    return np.where(inside.any(axis=1), y, 0.0)[:, None]


def domains_of(codes: Ints, groups: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Domains (n, D) from codes (n,): each a set of codes, such as sectors; they may overlap."""
    return np.stack([np.isin(codes, list(group)) for group in groups], axis=1)
