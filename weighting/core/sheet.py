"""Decides how a CSV is read: its separator, its line of headings, and which cells are missing.
Never guesses at a number or a coding of characters: what is not plain is refused, with its line.
Format: RFC 4180, and the semicolons and decimal commas that French spreadsheets write.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl

from weighting.core.units import MISSING, Column, Floats

SEPARATORS = (",", ";", "\t")
MISSING_CELLS = ("", "NA")


class Unreadable(Exception):
    """A file that cannot be understood; the message names the file and, if known, the line."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Cells as stripped text, null where empty or NA; `lines`: the line of each row in the file."""

    name: str
    cells: pl.DataFrame
    lines: pl.Series
    decimal_comma: bool

    def __contains__(self, column: str) -> bool:
        return column in self.cells.columns

    def at(self, row: int, said: str) -> str:
        """What is said of a row, with its place."""
        return f"{self.name}, line {self.lines[row]}: {said}"

    def texts(self, column: str) -> list[str | None]:
        return self.cells[column].to_list()

    def column(self, name: str) -> Column:
        """A categorical column; its categories are sorted, so the order of rows is irrelevant."""
        series = self.cells[name]
        categories = tuple(series.drop_nulls().unique().sort().to_list())
        physical = series.cast(pl.Enum(categories)).to_physical().cast(pl.Int64)
        return Column(physical.fill_null(MISSING).to_numpy(), categories)

    def numbers(self, name: str) -> Floats:
        """A numeric column, (n,); a missing cell is NaN. Raises Unreadable."""
        series = self.cells[name]
        text = series.str.replace(",", ".", literal=True) if self.decimal_comma else series
        values = text.cast(pl.Float64, strict=False)
        wrong = (values.is_null() & series.is_not_null()).arg_true().to_list()
        if wrong:
            first = wrong[0]
            raise Unreadable(self.at(first, f"{name} = {series[first]!r} is not a number"))
        return values.fill_null(float("nan")).to_numpy().copy()


def read_sheet(path: Path, needed: Iterable[str]) -> Sheet:
    """The sheet of a CSV in UTF-8. Raises Unreadable."""
    try:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    text = _decoded(path, raw)
    separator, headings = _headings(text, tuple(needed))
    _check_headings(path, headings, needed)
    try:
        table = pl.read_csv(
            BytesIO(raw), separator=separator, infer_schema_length=0, new_columns=headings
        )
    except pl.exceptions.PolarsError as error:
        raise Unreadable(_misshapen(path, text, separator, len(headings))) from error
    stripped = pl.all().str.strip_chars()
    cells = table.select(
        pl.when(stripped.is_in(MISSING_CELLS)).then(None).otherwise(stripped).name.keep()
    )
    lines = pl.int_range(2, len(cells) + 2, eager=True)
    # Spreadsheets end their files with rows of nothing.
    filled = cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return Sheet(path.name, cells.filter(filled), lines.filter(filled), separator != ",")


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"{path.name}, line {line}: not UTF-8; save it as CSV UTF-8") from error


def _headings(text: str, needed: Sequence[str]) -> tuple[str, list[str]]:
    """The separator that finds the most of the needed columns, and the headings that it gives."""
    first = text.partition("\n")[0]
    read = {
        separator: [
            # A column without a name is one that a spreadsheet left behind.
            name.strip() or f"({place})"
            for place, name in enumerate(next(csv.reader([first], delimiter=separator), []))
        ]
        for separator in SEPARATORS
    }
    best = max(SEPARATORS, key=lambda separator: len(set(needed) & set(read[separator])))
    return best, read[best]


def _check_headings(path: Path, headings: Sequence[str], needed: Iterable[str]) -> None:
    absent = [name for name in needed if name not in headings]
    if absent:
        raise Unreadable(f"{path.name}: no column {', '.join(absent)}")
    repeated = sorted({name for name in headings if headings.count(name) > 1})
    if repeated:
        raise Unreadable(f"{path.name}: column {', '.join(repeated)} is given twice")


def _misshapen(path: Path, text: str, separator: str, width: int) -> str:
    """Where the rows stop having the shape of the headings."""
    rows = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        for row in rows:
            if len(row) > width:
                said = f"line {rows.line_num}: {len(row)} cells under {width} headings"
                return f"{path.name}, {said}"
    except csv.Error as error:
        return f"{path.name}, line {rows.line_num}: {error}"
    return f"{path.name}: not a CSV"
