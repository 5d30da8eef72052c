"""Decides what a quantile or a tail of a distribution is: the functions of scipy.special.
Never an interval nor a test, which are made of them. NaN where there is none.
Imported at the first use: a fifth of a second of every start of the product.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from weighting.core.units import Floats


def student_quantile(p: float, freedom: ArrayLike) -> Floats:
    """t with P(T ≤ t) = p."""
    return _asked("stdtrit", freedom, p)


def student_tail(t: ArrayLike, freedom: ArrayLike) -> Floats:
    """P(T > t)."""
    return _asked("stdtr", freedom, -np.asarray(t))


def fisher_tail(f: float, numerator: float, denominator: float) -> float:
    """P(F > f) with those degrees of freedom."""
    return float(_asked("fdtrc", numerator, denominator, f))


def beta_quantile(p: float, a: ArrayLike, b: ArrayLike) -> Floats:
    """x with P(X ≤ x) = p."""
    return _asked("betaincinv", a, b, p)


def log_odds(p: ArrayLike) -> Floats:
    """log(p/(1 − p))."""
    return _asked("logit", p)


def expit(x: ArrayLike) -> Floats:
    """1/(1 + e⁻ˣ), of which `log_odds` is the inverse."""
    return _asked("expit", x)


def _asked(name: str, *given: Any) -> Floats:
    from scipy import special

    return np.asarray(getattr(special, name)(*given), float)
