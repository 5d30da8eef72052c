"""Decides how a share is printed: each figure rounded by itself, as the agency publishes them.
Never makes figures add up: a row of 99 or 101 is the reader's sign that nothing was adjusted.
Rule: half away from zero on the percentage, as calculators and the published tables have it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from weighting.core.units import Floats

# Decimals of a percentage that are kept before it is rounded: 0.285 must not become 28.499999…
DECIMALS = 9


def percent(shares: ArrayLike) -> Floats:
    """Whole percentages of shares between −1 and 1, of any shape; NaN stays NaN."""
    figures = np.round(100 * np.asarray(shares, float), DECIMALS)
    return np.asarray(np.sign(figures) * np.floor(np.abs(figures) + 0.5) + 0.0)


def sum_of_rounded(shares: Floats, parts: Sequence[int]) -> Floats:
    """What somebody gets who adds up the printed figures of those columns of (R, C): (R,)."""
    return np.asarray(percent(shares)[:, list(parts)].sum(axis=1))
