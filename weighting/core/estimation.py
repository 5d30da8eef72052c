"""Decides how uncertain an estimate is: variance linearised on the calibrated design, by sector.
Never weights anyone, and never states an interval: `intervals` does, on several scales.
Theory: Deville (1999), Survey Methodology 25(2); Särndal, Swensson & Wretman (1992), sect. 6.6.
"""

from dataclasses import dataclass

import numpy as np

from weighting.core.design import Factor, Sample
from weighting.core.linearised import Linearised
from weighting.core.units import Floats, Ints


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates (q,) with standard errors and degrees of freedom; n and Kish's effective n of the
    respondents behind each. NaN: it does not exist, or too few respondents are left to state it."""

    values: Floats
    se: Floats
    freedom: Floats
    n: Ints
    n_eff: Floats

    def minus(self, other: "Estimates") -> "Estimates":
        """The difference to an independent sample, such as another wave."""
        mine, theirs = self.se**2, other.se**2
        freedom = satterthwaite(np.stack([mine, theirs]), np.stack([self.freedom, other.freedom]))
        return Estimates(
            self.values - other.values,
            np.sqrt(mine + theirs),
            freedom,
            self.n + other.n,
            self.n_eff + other.n_eff,
        )


def estimate(sample: Sample, linearised: Linearised, factor: Factor = "residual") -> Estimates:
    """Standard errors and degrees of freedom; sectors are independent, so variances add up.

    Degrees of freedom: Satterthwaite's over the sectors' n − p; with factor "r" those of R's
    `degf`, respondents less sectors.
    """
    variances = np.zeros((len(sample.sectors), len(linearised.values)))
    touched = np.zeros(variances.shape, np.bool_)
    for sector, row, reached in zip(sample.sectors, variances, touched, strict=True):
        z = linearised.z[sector.rows]
        reached[:] = (z != 0).any(axis=0)  # a domain elsewhere has no variance here
        row[reached] = sector.variances(z[:, reached], factor)
    if factor == "r":
        freedom = linearised.n - touched.sum(axis=0, dtype=float)
    else:
        freedom = satterthwaite(variances, freedom_of(sample, factor)[:, None])
    se = np.sqrt(variances.sum(axis=0))
    se[np.isnan(linearised.values)] = np.nan
    return Estimates(linearised.values, se, freedom, linearised.n, linearised.n_eff)


def covariance(sample: Sample, linearised: Linearised, factor: Factor = "residual") -> Floats:
    """(q, q): what the estimates have in common, sectors being independent."""
    q = len(linearised.values)
    parts = [sector.covariance(linearised.z[sector.rows], factor) for sector in sample.sectors]
    return np.asarray(sum(parts, np.zeros((q, q))))


def freedom_of(sample: Sample, factor: Factor) -> Floats:
    """Degrees of freedom of each sector."""
    return np.array([float(sector.freedom(factor)) for sector in sample.sectors])


def satterthwaite(variances: Floats, freedom: Floats) -> Floats:
    """Degrees of freedom (q,) of a sum of variances (S, q) that have freedom (S, 1) or (S, q).

    NaN for a sum of 0. A part of 0 takes nothing, even where its sector has no freedom left.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.where(variances == 0, 0.0, variances**2 / freedom)
        return np.asarray(variances.sum(axis=0) ** 2 / parts.sum(axis=0))
