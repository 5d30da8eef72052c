"""Decides how a sample file is to be read: CSV or workbook, its heading, its columns, its lines.

It never judges a row, and never holds the file: memory does not grow with it. Faults are values
with a kind, words are found elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import BinaryIO

from cati.core.sample_columns import guess, positions
from cati.core.sample_faults import BadFile, Fault, Kind
from cati.core.sample_text import TextForm, examine_text, text_records
from cati.core.sample_workbook import OLD, ZIP, workbook_records

MEGABYTE = 1024 * 1024
MAX_BYTES = 64 * MEGABYTE
MAX_ROWS = 100_000
MAX_COLUMNS = 60


@dataclass(frozen=True)
class Line:
    """One record of the file; `number` is that of its first line."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. `fields` names what each column is, '' where it is not read.

    `text` is None for a workbook; `rows` counts the lines after the heading.
    """

    header: tuple[str, ...]
    fields: tuple[str, ...]
    rows: int
    digest: str
    text: TextForm | None = None

    @property
    def encoding(self) -> str:
        return self.text.encoding if self.text else "xlsx"

    @property
    def separator(self) -> str:
        """The file's own; what a workbook's refused rows are written with."""
        return self.text.separator if self.text else ";"

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The position of each field that the file has. Raises BadFile where one is wanting."""
        return positions(self.header, self.fields)

    def heading(self, field: str) -> str:
        """What the file itself calls a field."""
        return self.header[self.fields.index(field)]

    @property
    def unread(self) -> tuple[str, ...]:
        pairs = zip(self.header, self.fields, strict=True)
        return tuple(name for name, field in pairs if not field)

    def mapped(self, fields: Sequence[str]) -> Layout:
        """The same file with its columns as somebody chose them."""
        return replace(self, fields=tuple(fields))


def examine(source: BinaryIO, preloads: Sequence[str] = ()) -> Layout:
    """Read the file once without keeping it; its columns are guessed. Raises BadFile.

    `preloads` are the variables that the questionnaire takes from a file.
    """
    size = source.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        megabytes = {"size": -(-size // MEGABYTE), "most": MAX_BYTES // MEGABYTE}
        raise BadFile(Fault(Kind.TOO_BIG, details=megabytes))
    source.seek(0)
    start = source.read(4)
    if start == OLD:
        raise BadFile(Fault(Kind.OLD_WORKBOOK))
    text = None if start == ZIP else examine_text(source, MAX_ROWS)
    if text:
        header, rows = text.header, text.rows
        if len(header) > MAX_COLUMNS:
            raise BadFile(Fault(Kind.TOO_MANY_COLUMNS, 1, details={"most": MAX_COLUMNS}))
    else:
        header, rows = _examine_workbook(source)
    return Layout(header, tuple(guess(header, preloads)), rows, _digest(source), text)


def read_lines(source: BinaryIO, layout: Layout) -> Iterator[Line]:
    """The records after the heading, blank ones left out. Raises BadFile on broken quoting."""
    records = _records(source, layout.text)
    for number, cells in islice(records, 1, None):
        yield Line(number, cells)


def _digest(source: BinaryIO) -> str:
    """The SHA-256 of the bytes, by which a file is known again."""
    source.seek(0)
    digest = hashlib.sha256()
    while piece := source.read(MEGABYTE):
        digest.update(piece)
    return digest.hexdigest()


def _records(source: BinaryIO, text: TextForm | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    return text_records(source, text) if text else workbook_records(source, MAX_COLUMNS)


def _examine_workbook(source: BinaryIO) -> tuple[tuple[str, ...], int]:
    """Heading and number of rows after it, every limit checked on the way."""
    records = workbook_records(source, MAX_COLUMNS)
    _number, header = next(records, (0, ()))
    if not header:
        raise BadFile(Fault(Kind.EMPTY))
    rows = sum(1 for _record in islice(records, MAX_ROWS + 1))
    if rows > MAX_ROWS:
        raise BadFile(Fault(Kind.TOO_MANY_ROWS, details={"most": MAX_ROWS}))
    if rows == 0:
        raise BadFile(Fault(Kind.NO_ROWS))
    return tuple(cell.strip() for cell in header), rows
