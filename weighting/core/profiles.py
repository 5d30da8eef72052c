"""Decides which respondents are alike: equal stratum and criteria make one profile.
Never drops a row: what is computed per profile is scattered back to every row.
Calibration depends on x alone, so rows with equal x share one g (Deville & Särndal 1992, eq. 2.3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weighting.core.units import MISSING, Column, Floats, Ints, Units

# Below this many cells a table of all of them is cheaper than sorting the rows.
_DENSE_CELLS_PER_ROW = 8
_DENSE_CELLS = 1 << 16


@dataclass(frozen=True, eq=False)
class Profiles:
    """m distinct profiles of n rows, sorted by stratum.

    cells (n,): the cell of each row; present (m,): the cell of each profile; strata (m,) and
    codes {variable: (m,)}: its values; numeric {variable: (m,)}; counts, weights (m,): number of
    rows and sum of initial weights; squares (m,): sum of squared initial weights.
    """

    cells: Ints
    size: int
    present: Ints
    strata: Ints
    codes: Mapping[str, Ints]
    numeric: Mapping[str, Floats]
    counts: Ints
    weights: Floats
    squares: Floats

    def scatter(self, values: Floats) -> Floats:
        """Values by profile (m,) brought to the rows (n,)."""
        table = np.full(self.size, np.nan)
        table[self.present] = values
        return table.take(self.cells)

    def rows_of(self, profiles: slice) -> NDArray[np.bool_]:
        """Which rows (n,) belong to those profiles."""
        chosen = np.zeros(self.size, np.bool_)
        chosen[self.present[profiles]] = True
        return chosen.take(self.cells)

    def totals(self, values: Floats) -> Floats:
        """Values by row (n,) summed by profile (m,)."""
        return _summed(self.cells, values, self.size)[self.present]


class _Grouping(NamedTuple):
    """Cell of each row, number of cells; the cells present, their rows, and their codes."""

    cells: Ints
    size: int
    present: Ints
    counts: Ints
    digits: list[Ints]


def profiles_of(units: Units, variables: Iterable[str]) -> Profiles:
    """Group the units by stratum and by the named variables, categorical or numeric."""
    names = [name for name in variables if name in units.variables or name in units.numeric]
    columns = [units.strata] + [
        units.variables[name] if name in units.variables else _encoded(units.numeric[name])
        for name in names
    ]
    radices = [len(column.categories) + 1 for column in columns]
    grouping = _grouped([column.codes for column in columns], radices)
    sums, squares = _sums(grouping, units.weights)
    codes = dict(zip(names, grouping.digits[1:], strict=True))
    numeric = {
        name: np.append(np.asarray(column.categories, float), np.nan)[codes.pop(name)]
        for name, column in zip(names, columns[1:], strict=True)
        if name in units.numeric and name not in units.variables
    }
    return Profiles(
        grouping.cells,
        grouping.size,
        grouping.present,
        grouping.digits[0],
        codes,
        numeric,
        grouping.counts,
        sums,
        squares,
    )


def _sums(grouping: _Grouping, weights: Floats) -> tuple[Floats, Floats]:
    """Σd and Σd² by profile; infinite where weights are, which `rows` refuses."""
    with np.errstate(over="ignore"):
        return _sums_of_any(grouping, weights)


def _sums_of_any(grouping: _Grouping, weights: Floats) -> tuple[Floats, Floats]:
    if len(weights) and bool((weights == weights[0]).all()):  # quota mode: counting is enough
        counts, each = grouping.counts.astype(np.float64), weights[0]
        return counts * each, counts * each**2
    cells, size, present = grouping.cells, grouping.size, grouping.present
    return _summed(cells, weights, size)[present], _summed(cells, weights**2, size)[present]


def _summed(cells: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(cells, values, size), np.float64)


def _encoded(values: Floats) -> Column:
    """A numeric column by its distinct values; NaN is missing."""
    distinct, codes = np.unique(values, return_inverse=True)
    finite = distinct[~np.isnan(distinct)]
    codes[np.isnan(values)] = MISSING
    return Column(codes, tuple(finite.tolist()))


def _grouped(codes: list[Ints], radices: list[int]) -> _Grouping:
    """Number each row by its codes, in a mixed radix with one digit more for missing."""
    if prod(radices) <= max(_DENSE_CELLS, _DENSE_CELLS_PER_ROW * len(codes[0])):
        return _by_table(codes, radices)
    return _by_sorting(codes, radices)


def _by_table(codes: list[Ints], radices: list[int]) -> _Grouping:
    """One cell for each combination that could be."""
    size = prod(radices)
    # Narrow numbers halve the traffic through memory, which is all the cost of a million rows.
    narrow = np.int16 if size < 1 << 15 else np.int32 if size < 1 << 31 else np.int64
    number: Ints = codes[0].astype(narrow)
    shift = 1
    for column, radix in zip(codes[1:], radices[1:], strict=True):
        number *= radix
        number += column
        shift = shift * radix + 1  # codes begin at −1: what adding 1 to each comes to
    cells = np.add(number, shift, dtype=np.intp)
    counts = np.bincount(cells, minlength=size)
    present = np.flatnonzero(counts)
    digits, rest = [], present
    for radix in reversed(radices):
        rest, digit = np.divmod(rest, radix)
        digits.append(digit - 1)
    return _Grouping(cells, size, present, counts[present], digits[::-1])


def _by_sorting(codes: list[Ints], radices: list[int]) -> _Grouping:
    """One cell for each combination there is; renumbering keeps the products small."""
    cells = np.asarray(codes[0], np.intp) + 1
    for column, radix in zip(codes[1:], radices[1:], strict=True):
        cells = np.unique(cells * radix + column + 1, return_inverse=True)[1]
    present, rows, cells, counts = np.unique(
        cells, return_index=True, return_inverse=True, return_counts=True
    )
    return _Grouping(cells, len(present), present, counts, [column[rows] for column in codes])
