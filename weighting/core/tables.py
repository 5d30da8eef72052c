"""Decides what a table holds: for each row of people and each answer, a share and how sure it is.
Never hides a figure, `suppression` does, and never rounds one, `rounding` does.
Theory: `linearised`, `estimation`, `intervals`, `contrasts`; docs/estimation.md and docs/flash.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weighting.core.contrasts import differences, holm, p_values
from weighting.core.design import Sample
from weighting.core.estimation import Estimates, estimate
from weighting.core.intervals import OF_SHARES, student
from weighting.core.linearised import Domains, Linearised, sizes, within
from weighting.core.units import Floats, Ints

Flags = NDArray[np.bool_]
# Why a row has figures or not; see `suppression`.
State = Literal["shown", "frail", "hidden", "secondary", "module", "empty"]
PRINTED: tuple[State, ...] = ("shown", "frail")
# A margin of error that misses its limit by less is the limit: binary fractions are no reason.
EXACT = 1e-12


@dataclass(frozen=True)
class Preset:
    """How a table is made and printed.

    interval: of `intervals.OF_SHARES`; wide: the margin of error from which a cell has its mark;
    hide_below and frail_below: unweighted bases under which a row is hidden, or in parentheses;
    few: people in a cell under which it is marked. 0 switches a rule off.
    """

    interval: str = "logit"
    wide: float = 0.10
    hide_below: int = 20
    frail_below: int = 50
    few: int = 5
    level: float = 0.95


STANDARD = Preset()
FLASH_2017 = Preset("flash2017", hide_below=0, frail_below=0, few=0)
FLASH_2017_90 = replace(FLASH_2017, interval="flash2017-90", level=0.90)
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {"standard": STANDARD, "flash2017": FLASH_2017, "flash2017-90": FLASH_2017_90}
)


@dataclass(frozen=True)
class Head:
    """A column: the code of an answer and its words. A derived sum has the columns it is of."""

    code: str
    label: str
    parts: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Asked:
    """A question as columns: given (n, C), 1 where a respondent gave the answer; base (n,).

    mean: the one column is a number, whose mean is wanted, and not a share.
    """

    heads: tuple[Head, ...]
    given: Floats
    base: Flags
    mean: bool = False

    def among(self, kept: Flags) -> "Asked":
        """The same question with its base narrowed to those."""
        return replace(self, base=self.base & kept)

    def with_sum(self, label: str, codes: Sequence[str]) -> "Asked":
        """One more column: whoever gave one of those answers. Raises KeyError for another code."""
        places = {head.code: place for place, head in enumerate(self.heads) if not head.parts}
        parts = tuple(places[code] for code in codes)
        either = self.given[:, list(parts)].max(axis=1, initial=0.0)
        head = Head("+".join(codes), label, parts)
        return replace(self, heads=(*self.heads, head), given=np.column_stack([self.given, either]))

    def only(self, code: str) -> "Asked":
        """That column alone, its parts forgotten. Raises StopIteration for a code it lacks."""
        place = next(place for place, head in enumerate(self.heads) if head.code == code)
        return replace(
            self, heads=(replace(self.heads[place], parts=()),), given=self.given[:, [place]]
        )


@dataclass(frozen=True, eq=False)
class Gaps:
    """Each row against its reference (R, C), NaN where there is none: differences with their
    standard errors, ratios, p-values, and Holm's over the whole table."""

    values: Floats
    se: Floats
    ratios: Floats
    p: Floats
    holm: Floats


@dataclass(frozen=True, eq=False)
class Table:
    """(R, C): values, standard errors, degrees of freedom, bounds, margins of error, people; and
    by row (R,): respondents in the base, their weight, Kish's effective number, and states."""

    heads: tuple[Head, ...]
    preset: Preset
    values: Floats
    se: Floats
    freedom: Floats
    low: Floats
    high: Floats
    margin: Floats
    people: Ints
    n: Ints
    weighted: Floats
    n_eff: Floats
    states: tuple[State, ...]
    mean: bool = False
    gaps: Gaps | None = None

    @property
    def stars(self) -> Flags:
        """Where the margin of error is wide: the larger half-width, before rounding."""
        with np.errstate(invalid="ignore"):
            wide = self.margin >= self.preset.wide - EXACT
        return np.asarray(wide & (not self.mean))

    @property
    def few(self) -> Flags:
        """Where a printed cell rests on somebody, but on few."""
        return np.asarray((self.people > 0) & (self.people < self.preset.few))

    @property
    def printed(self) -> tuple[bool, ...]:
        """Which rows have figures."""
        return tuple(state in PRINTED for state in self.states)

    def without(self, states: Sequence[State]) -> "Table":
        """The table with those states; figures of rows that are not printed are gone for good."""
        gone = np.array([state not in PRINTED for state in states])
        hidden = gone[:, None]
        return replace(
            self,
            values=np.where(hidden, np.nan, self.values),
            se=np.where(hidden, np.nan, self.se),
            freedom=np.where(hidden, np.nan, self.freedom),
            low=np.where(hidden, np.nan, self.low),
            high=np.where(hidden, np.nan, self.high),
            margin=np.where(hidden, np.nan, self.margin),
            states=tuple(states),
            people=np.where(hidden, 0, self.people),
            weighted=np.where(gone, np.nan, self.weighted),
            n_eff=np.where(gone, np.nan, self.n_eff),
        )


@dataclass(frozen=True, eq=False)
class Estimated:
    """A table whose every figure is there, and what its contrasts are made of."""

    table: Table
    sample: Sample = field(repr=False)
    linearised: Linearised = field(repr=False)


def tabulate(sample: Sample, asked: Asked, rows: Domains, preset: Preset = STANDARD) -> Estimated:
    """Each column's share among those of each row (n, R) who are in the base."""
    linearised = shares(sample, asked, rows)
    found = estimate(sample, linearised)
    shape = (rows.shape[1], len(asked.heads))
    interval = (student if asked.mean else OF_SHARES[preset.interval])(found, preset.level)
    inside = within(sample, rows) & asked.base[:, None]
    n, n_eff = sizes(sample, inside)
    table = Table(
        heads=asked.heads,
        preset=preset,
        values=found.values.reshape(shape),
        se=found.se.reshape(shape),
        freedom=found.freedom.reshape(shape),
        low=interval.low.reshape(shape),
        high=interval.high.reshape(shape),
        margin=interval.margin(found.values).reshape(shape),
        people=(inside.T.astype(float) @ (asked.given != 0)).astype(np.intp),
        n=n,
        weighted=np.asarray(sample.weights @ inside),
        n_eff=n_eff,
        states=tuple("shown" if size else "empty" for size in n),
        mean=asked.mean,
    )
    return Estimated(table, sample, linearised)


def shares(sample: Sample, asked: Asked, rows: Domains) -> Linearised:
    """Row by row, the share (or mean) of each column: as `linearised.proportions`, for columns
    that may overlap, such as the answers of a multiple question."""
    inside = within(sample, rows) & asked.base[:, None]
    there = np.asarray(inside.any(axis=1))
    given = np.where(there[:, None], asked.given, 0.0)
    sums = sample.weights @ inside
    base = np.where(sums == 0, np.nan, sums)[:, None]
    values = (inside.T * sample.weights) @ given / base

    def influences() -> Floats:
        z = inside[:, :, None] * (given[:, None, :] - values) / base
        return np.asarray(z.reshape(len(given), -1))

    columns = len(asked.heads)
    n, n_eff = sizes(sample, inside)
    return Linearised(values.ravel(), influences, np.repeat(n, columns), np.repeat(n_eff, columns))


def with_gaps(estimated: Estimated, table: Table, references: Sequence[int | None]) -> Table:
    """`table`, protected or not, with the gap of each row to the row that is its reference.

    Only between rows that are printed: a gap would give a hidden figure away. Rows that overlap
    their reference are contrasts over disjoint sectors by construction (`contrasts`).
    """
    columns, printed = len(table.heads), table.printed
    pairs = [
        (row, reference)
        for row, reference in enumerate(references)
        if reference is not None and reference != row and printed[row] and printed[reference]
    ]
    values, se, p, ratios = (np.full(table.values.shape, np.nan) for _ in range(4))
    if pairs:
        found = _differences(estimated, pairs, columns)
        rows, others = (list(places) for places in zip(*pairs, strict=True))
        values[rows] = found.values.reshape(-1, columns)
        se[rows] = found.se.reshape(-1, columns)
        p[rows] = p_values(found).reshape(-1, columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios[rows] = table.values[rows] / table.values[others]
    adjusted = holm(p.ravel()).reshape(p.shape)
    return replace(table, gaps=Gaps(values, se, ratios, p, adjusted))


def _differences(estimated: Estimated, pairs: Sequence[tuple[int, int]], columns: int) -> Estimates:
    places = [
        (row * columns + column, reference * columns + column)
        for row, reference in pairs
        for column in range(columns)
    ]
    return estimate(estimated.sample, differences(estimated.linearised, places))
