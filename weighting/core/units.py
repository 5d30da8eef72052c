"""Decides how respondents are held: encoded columns, one per criterion, and their initial weights.
Never reads a file and never changes a value: a wrong weight or a repeated id is kept, to be named.
Initial weights: Kalton & Flores-Cervantes (2003), J. Official Statistics 19(2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
MISSING = -1


@dataclass(frozen=True, eq=False)
class Column:
    """A categorical variable: `codes` (n,) index into `categories`; −1 is a missing value."""

    codes: Ints
    categories: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str | None]) -> "Column":
        """Encode labels, None being missing; categories are sorted, so row order is irrelevant."""
        categories = tuple(sorted({value for value in values if value is not None}))
        index: dict[str | None, int] = {label: code for code, label in enumerate(categories)}
        codes = np.fromiter((index.get(value, MISSING) for value in values), np.intp, len(values))
        return cls(codes, categories)


@dataclass(frozen=True, eq=False)
class Units:
    """Respondents by column, all of length n.

    strata: the sector of each; weights: initial weights d > 0; variables: categorical criteria;
    numeric: numeric variables, NaN being missing; ids: names, checked for repeats when given.
    """

    strata: Column
    weights: Floats
    variables: Mapping[str, Column]
    numeric: Mapping[str, Floats] = field(default_factory=dict)
    ids: Sequence[str] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.strata.codes), len(self.weights)}
        lengths |= {len(column.codes) for column in self.variables.values()}
        lengths |= {len(values) for values in self.numeric.values()}
        lengths |= set() if self.ids is None else {len(self.ids)}
        if len(lengths) > 1:
            raise ValueError(f"columns have different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.weights)

    def subset(self, rows: NDArray[np.bool_]) -> "Units":
        """The units where `rows` (n,) is true, such as the respondents of one module."""
        return replace(
            self,
            strata=Column(self.strata.codes[rows], self.strata.categories),
            weights=self.weights[rows],
            variables={
                name: Column(column.codes[rows], column.categories)
                for name, column in self.variables.items()
            },
            numeric={name: values[rows] for name, values in self.numeric.items()},
            ids=None if self.ids is None else [self.ids[i] for i in np.flatnonzero(rows).tolist()],
        )

    def grouped(self, groups: Mapping[str, str]) -> "Units":
        """The same units with each stratum replaced by its group (publication level)."""
        labels = tuple(sorted({groups[name] for name in self.strata.categories}))
        lookup = [labels.index(groups[name]) for name in self.strata.categories] + [MISSING]
        return replace(self, strata=Column(np.array(lookup)[self.strata.codes], labels))


def initial_weights(
    adults: ArrayLike, landlines: ArrayLike, mobiles: ArrayLike, *, trim: float | None = None
) -> Floats:
    """Weights inverse to the chance of being reached, (n,), both telephone frames combined.

    A landline reaches one of the household's adults (at most 4 are counted): chance
    landlines/min(adults, 4); a mobile reaches its owner: chance `mobiles`. The frames overlap, so
    chances add. `trim` caps weights at that multiple of their median. Raises ValueError for a
    unit that no telephone reaches, or whose number of telephones or of adults is not known; the
    adults of a household without a landline need not be.
    """
    lines, own = np.asarray(landlines, float), np.asarray(mobiles, float)
    sharing = np.where(lines == 0, 1.0, np.asarray(adults, float))
    _refuse_rows(~((lines >= 0) & (own >= 0)), "no known number of telephones")
    _refuse_rows(~(sharing >= 1), "no known number of adults")
    chance = lines / np.minimum(sharing, 4.0) + own
    _refuse_rows(~(chance > 0), "neither a landline nor a mobile")
    weights: Floats = 1.0 / chance
    return weights if trim is None else np.minimum(weights, trim * float(np.median(weights)))


def _refuse_rows(wrong: NDArray[np.bool_], said: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        raise ValueError(f"{len(rows)} units have {said}, first: row {rows[0] + 1}")
