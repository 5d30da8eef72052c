"""Decides which respondents are alike: equal stratum and criteria make one profile.
Never drops a row: what is computed per profile is scattered back to every row.
Calibration depends on x alone, so rows with equal x share one g (Deville & Särndal 1992, eq. 2.3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from weighting.core.units import MISSING, Column, Floats, Ints, Units

# Below this many cells a table of all of them is cheaper than sorting the rows.
_DENSE_CELLS_PER_ROW = 8
_DENSE_CELLS = 1 << 16
_INT32_CELLS = 1 << 31


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

    def totals(self, values: Floats) -> Floats:
        """Values by row (n,) summed by profile (m,)."""
        return _summed(self.cells, values, self.size)[self.present]


def profiles_of(units: Units, variables: Iterable[str]) -> Profiles:
    """Group the units by stratum and by the named variables, categorical or numeric."""
    names = [name for name in variables if name in units.variables or name in units.numeric]
    columns = [units.strata] + [
        units.variables[name] if name in units.variables else _encoded(units.numeric[name])
        for name in names
    ]
    radices = [len(column.categories) + 1 for column in columns]
    cells, size, present, counts = _cells([column.codes for column in columns], radices)
    decoded = _decoded(columns, radices, cells, present)
    sums, squares = _sums(cells, size, present, counts, units.weights)
    codes = dict(zip(names, decoded[1:], strict=True))
    numeric = {
        name: np.append(np.asarray(column.categories, float), np.nan)[codes.pop(name)]
        for name, column in zip(names, columns[1:], strict=True)
        if name in units.numeric and name not in units.variables
    }
    return Profiles(cells, size, present, decoded[0], codes, numeric, counts, sums, squares)


def _sums(
    cells: Ints, size: int, present: Ints, counts: Ints, weights: Floats
) -> tuple[Floats, Floats]:
    """Σd and Σd² by profile."""
    if len(weights) and bool((weights == weights[0]).all()):  # quota mode: counting is enough
        each = float(weights[0])
        return counts.astype(np.float64) * each, counts.astype(np.float64) * each**2
    return _summed(cells, weights, size)[present], _summed(cells, weights**2, size)[present]


def _summed(cells: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(cells, values, size), np.float64)


def _encoded(values: Floats) -> Column:
    """A numeric column by its distinct values; NaN is missing."""
    distinct, codes = np.unique(values, return_inverse=True)
    finite = distinct[~np.isnan(distinct)]
    codes[np.isnan(values)] = MISSING
    return Column(codes, tuple(finite.tolist()))


def _cells(codes: list[Ints], radices: list[int]) -> tuple[Ints, int, Ints, Ints]:
    """Mixed-radix number of each row: (cells, number of cells, cells present, rows in each)."""
    n = len(codes[0])
    cells = np.asarray(codes[0], np.intp) + 1
    size = radices[0]
    for column, radix in zip(codes[1:], radices[1:], strict=True):
        if size * radix > _DENSE_CELLS and size * radix > _DENSE_CELLS_PER_ROW * n:
            # Renumbering what is present keeps the numbers small whatever the radices.
            distinct, cells = np.unique(cells, return_inverse=True)
            size = len(distinct)
        cells *= radix
        cells += column
        cells += 1
        size *= radix
    if size > _DENSE_CELLS and size > _DENSE_CELLS_PER_ROW * n:
        distinct, cells = np.unique(cells, return_inverse=True)
        size = len(distinct)
    counts = np.bincount(cells, minlength=size)
    present = np.flatnonzero(counts)
    return cells, size, present, counts[present]


def _decoded(columns: list[Column], radices: list[int], cells: Ints, present: Ints) -> list[Ints]:
    """The codes of each profile, read from one of its rows."""
    row_of = np.zeros(int(present[-1]) + 1 if len(present) else 0, np.intp)
    row_of[cells] = np.arange(len(cells))
    rows = row_of[present]
    return [np.asarray(column.codes)[rows] for column in columns]
