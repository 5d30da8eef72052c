"""Decides between which values an estimate probably lies, each interval being a method as a value.
Never computes a variance, and never says that a quota sample is a random one: texts must.
Theory: Korn & Graubard (1998), Survey Methodology 24; Wilson (1927); logit as in R's svyciprop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from weighting.core.distributions import beta_quantile, expit, log_odds, student_quantile
from weighting.core.estimation import Estimates
from weighting.core.units import Floats


@dataclass(frozen=True, eq=False)
class Interval:
    """Bounds (q,); NaN where the estimate or its standard error does not exist."""

    low: Floats
    high: Floats

    def margin(self, values: Floats) -> Floats:
        """The margin of error: the larger half-width around the estimates (q,)."""
        return np.maximum(values - self.low, self.high - values)


Method = Callable[[Estimates, float], Interval]


def student(estimates: Estimates, level: float = 0.95) -> Interval:
    """θ ± t·se, for totals, means and differences; for a share it may leave [0, 1]."""
    half = _t(estimates, level) * estimates.se
    half = np.where(estimates.se == 0, 0.0, half)
    return Interval(estimates.values - half, estimates.values + half)


def logit(estimates: Estimates, level: float = 0.95) -> Interval:
    """Student's interval of log(p/(1 − p)), brought back: R's svyciprop "logit"."""
    p = estimates.values
    with np.errstate(invalid="ignore", divide="ignore"):
        half = _t(estimates, level) * estimates.se / (p * (1 - p))
        centre = log_odds(p)
    found = Interval(expit(centre - half), expit(centre + half))
    return _where_nothing_varies(found, estimates, level)


def wilson(estimates: Estimates, level: float = 0.95) -> Interval:
    """Wilson's score interval on the effective n, p(1 − p)/se², with Student's t."""
    p, t = estimates.values, _t(estimates, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = p * (1 - p) / estimates.se**2
        centre = (p + t**2 / (2 * n)) / (1 + t**2 / n)
        half = t / (1 + t**2 / n) * np.sqrt(p * (1 - p) / n + t**2 / (4 * n**2))
    return _where_nothing_varies(Interval(centre - half, centre + half), estimates, level)


def korn_graubard(
    estimates: Estimates, level: float = 0.95, rows: Floats | int | None = None
) -> Interval:
    """Clopper & Pearson's on the effective n, p(1 − p)/se², as R's svyciprop "beta".

    The effective n is multiplied by the square of t(rows − 1)/t(freedom); rows: the sample's size,
    the respondents behind each estimate unless given (R takes all rows of the design).
    """
    p = estimates.values
    size = np.asarray(estimates.n if rows is None else rows, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = p * (1 - p) / estimates.se**2
        n *= (student_quantile(0.5 + level / 2, size - 1) / _t(estimates, level)) ** 2
        found = _clopper_pearson(p, n, level)
    return _where_nothing_varies(found, estimates, level)


def flash(z: float) -> Method:
    """p ± z·√(p(1 − p)/n) on the unweighted n, as published in 2017: `level` is not used."""

    def interval(estimates: Estimates, level: float = 0.95) -> Interval:
        p = estimates.values
        with np.errstate(invalid="ignore", divide="ignore"):
            half = z * np.sqrt(p * (1 - p) / estimates.n)
        return Interval(p - half, p + half)

    return interval


FLASH_2017 = flash(1.96)
FLASH_2017_90 = flash(1.645)  # the other reading of "marge d'erreur à 10 %"

# Of shares; `student` alone is for anything else.
OF_SHARES: Mapping[str, Method] = {
    "logit": logit,
    "wilson": wilson,
    "beta": korn_graubard,
    "student": student,
    "flash2017": FLASH_2017,
    "flash2017-90": FLASH_2017_90,
}

# Intervals that are blind to the weights hold the truth less often than they say: how often, in the
# smallest of the cases of docs/estimation.md. Whoever shows them says so.
FALL_SHORT: Mapping[str, float] = {"flash2017": 0.87, "flash2017-90": 0.81}


def _t(estimates: Estimates, level: float) -> Floats:
    with np.errstate(invalid="ignore"):
        return student_quantile(0.5 + level / 2, estimates.freedom)


def _clopper_pearson(p: Floats, n: Floats, level: float) -> Interval:
    tail = (1 - level) / 2
    low = beta_quantile(tail, n * p, n * (1 - p) + 1)
    high = beta_quantile(1 - tail, n * p + 1, n * (1 - p))
    return Interval(np.where(p == 0, 0.0, low), np.where(p == 1, 1.0, high))


def _where_nothing_varies(found: Interval, estimates: Estimates, level: float) -> Interval:
    """Nobody or everybody: the exact interval on Kish's effective n, since no spread was seen.

    A share strictly between without a standard error is known: calibration fixed it.
    """
    p = estimates.values
    extreme, known = (p <= 0) | (p >= 1), estimates.se == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = _clopper_pearson(np.clip(p, 0.0, 1.0), estimates.n_eff, level)
    low = np.where(extreme, exact.low, np.where(known, p, found.low))
    high = np.where(extreme, exact.high, np.where(known, p, found.high))
    return Interval(low, high)
