"""Decides medians and other quantiles, with Woodruff's interval and the influences it implies.
Never interpolates: a quantile is the least value at which the weighted share reaches p.
Theory: Woodruff (1952), JASA 47; Deville (1999) for z; R's svyquantile with rule "math".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weighting.core.design import Factor, Sample
from weighting.core.distributions import student_quantile
from weighting.core.estimation import estimate
from weighting.core.intervals import Interval, student
from weighting.core.linearised import Linearised, means, within
from weighting.core.units import Floats


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Quantiles, domain by domain and then probability, (D·P,), and Woodruff's intervals.

    `linearised` has the z by which they may be contrasted: its standard error is Woodruff's
    length/(2t). NaN where the interval of the share leaves [0, 1].
    """

    linearised: Linearised
    interval: Interval


def quantiles(
    sample: Sample,
    y: ArrayLike,
    probabilities: Sequence[float],
    domains: ArrayLike | None = None,
    *,
    factor: Factor = "residual",
    level: float = 0.95,
) -> Quantiles:
    """Quantiles of y (n,) over each domain; NaN is a y that does not exist, outside the base."""
    values = np.asarray(y, float)
    inside = within(sample, domains) & np.isfinite(values)[:, None]
    parts = [
        _one(sample, values, p, inside[:, d], factor, level)
        for d in range(inside.shape[1])
        for p in probabilities
    ]
    linearised, lows, highs = zip(*parts, strict=True)
    joined = Linearised(
        np.concatenate([part.values for part in linearised]),
        lambda: np.hstack([part.z for part in linearised]),
        np.concatenate([part.n for part in linearised]),
        np.concatenate([part.n_eff for part in linearised]),
    )
    return Quantiles(joined, Interval(np.array(lows), np.array(highs)))


def _one(
    sample: Sample, y: Floats, p: float, inside: Floats, factor: Factor, level: float
) -> tuple[Linearised, float, float]:
    """The quantile, its z: −(1[y ≤ q] − F(q))/N̂ over the density that Woodruff's length implies."""
    rows = np.flatnonzero(inside)
    order = rows[np.argsort(y[rows], kind="stable")]
    cumulated = np.cumsum(sample.weights[order])
    q = _at(y[order], cumulated, p)
    below = means(sample, np.where(np.isnan(y), np.nan, y <= q), inside)
    share = estimate(sample, below, factor)
    ends = student(share, level)
    low, high = (_at(y[order], cumulated, float(end)) for end in (ends.low[0], ends.high[0]))
    t = float(student_quantile(0.5 + level / 2, share.freedom[0]))
    slope = (high - low) / (2 * t * share.se[0]) if share.se[0] > 0 else np.nan
    return Linearised(np.array([q]), lambda: -below.z * slope, below.n, below.n_eff), low, high


def _at(ordered: Floats, cumulated: Floats, p: float) -> float:
    """The least value whose cumulated share reaches p; NaN outside [0, 1], or of nobody."""
    if not len(ordered) or not 0 <= p <= 1:
        return float("nan")
    return float(ordered[np.searchsorted(cumulated, p * cumulated[-1] * (1 - 1e-12))])
