"""Decides the value of a criterion that was not answered, by a seeded hot deck, and flags it.
Never runs unless asked for that criterion, and never touches a numeric variable.
Theory: Andridge & Little (2010), "A review of hot deck imputation", Int. Stat. Review 78(1).
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from weighting.core.units import MISSING, Column, Units


def hot_deck(
    units: Units, variables: Sequence[str], seed: int
) -> tuple[Units, dict[str, NDArray[np.intp]]]:
    """Units with each missing value drawn from a donor of the same stratum, and the rows filled.

    A donor's chance is its initial weight. The draw depends on (seed, variable, id) alone, so
    the order of rows does not matter where ids are given. A stratum without a donor stays missing.
    """
    filled: dict[str, NDArray[np.intp]] = {}
    columns = dict(units.variables)
    for name in variables:
        rows = np.flatnonzero(columns[name].codes == MISSING)
        if len(rows):
            columns[name] = _filled(units, name, rows, seed)
            filled[name] = rows[columns[name].codes[rows] != MISSING]
    return replace(units, variables=columns), filled


def _filled(units: Units, name: str, rows: NDArray[np.intp], seed: int) -> Column:
    column, strata = units.variables[name], units.strata.codes
    codes = np.array(column.codes, np.intp)
    usable = (units.weights > 0) & (units.weights < np.inf)
    for stratum in np.unique(strata[rows]):
        donors = usable & (strata == stratum) & (column.codes != MISSING)
        if not donors.any():
            continue
        chances = np.bincount(column.codes[donors], units.weights[donors])
        ladder = np.cumsum(chances) / chances.sum()
        ours = rows[strata[rows] == stratum]
        draws = [_uniform(seed, name, units.ids[i] if units.ids else str(i)) for i in ours]
        # The last rung may be a rounding below 1, and so below a draw.
        codes[ours] = np.minimum(np.searchsorted(ladder, draws, side="right"), len(ladder) - 1)
    return Column(codes, column.categories)


def _uniform(seed: int, name: str, unit: str) -> float:
    digest = blake2b(f"{seed}\x1f{name}\x1f{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
