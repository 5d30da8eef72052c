"""How many interviews gave each answer, and how many adults they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from questionnaire.core.instrument import NUMBERS
from weighting.exports.columns import Cell, Heading

# Whole numbers that count nothing: their mean would say nothing.
IDENTIFIERS = frozenset({"entretien", "version", "enqueteur", "rang"})
HEADING = ["variable", "libelle", "code", "modalite", "manquante", "n", "pondere", "pourcentage"]


@dataclass(frozen=True)
class Count:
    """One code of a column; `weighted` in adults, `share` in % of the answers that are not missing.

    `share` is None for a missing code, and where nobody has a weight.
    """

    code: int
    label: str
    missing: bool
    n: int
    weighted: float
    share: float | None


@dataclass(frozen=True)
class Summary:
    """What a column holds: its codes, or for a number its range and means; `n` answers."""

    column: Heading
    n: int
    counts: Sequence[Count] = ()
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    weighted_mean: float | None = None


def summary(column: Heading, frame: pl.DataFrame) -> Summary:
    """The column's, over the interviews; codes without a label are told too, as they are."""
    values = frame[column.name]
    n = len(values) - values.null_count()
    if column.coded:
        return Summary(column, n, list(_counts(column, frame)))
    if column.kind not in NUMBERS or column.name in IDENTIFIERS or not n:
        return Summary(column, n)
    weighted = frame.filter(pl.col(column.name).is_not_null() & pl.col(column.weight).is_not_null())
    mean = None
    if len(weighted):
        total: Any = (weighted[column.name] * weighted[column.weight]).sum()
        mean = float(total / weighted[column.weight].sum())
    low, high, plain = values.min(), values.max(), values.mean()
    return Summary(column, n, (), _number(low), _number(high), _number(plain), mean)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _counts(column: Heading, frame: pl.DataFrame) -> Iterator[Count]:
    weighed = column.weight in frame.columns
    weight = pl.col(column.weight).sum() if weighed else pl.lit(0.0)
    grouped = frame.group_by(column.name).agg(pl.len().alias("n"), weight.alias("weighted"))
    found = {code: (n, weighted) for code, n, weighted in grouped.iter_rows() if code is not None}
    valid = sum(weighted for code, (_n, weighted) in found.items() if code not in column.missing)
    labels = {**column.labels, **{code: str(code) for code in found if code not in column.labels}}
    for code, label in labels.items():
        n, weighted = found.get(code, (0, 0.0))
        missing = code in column.missing
        share = None if missing or not valid else 100 * weighted / valid
        yield Count(code, label, missing, n, weighted, share)


def lines(columns: Sequence[Heading], frame: pl.DataFrame) -> Iterator[list[Cell]]:
    """The frequencies of every coded column as lines, the heading first."""
    yield list(HEADING)
    for column in columns:
        for one in summary(column, frame).counts if column.coded else ():
            yield [
                column.name, column.label, one.code, one.label, int(one.missing), one.n,
                one.weighted, one.share,
            ]  # fmt: skip
