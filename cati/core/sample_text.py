"""Decides how a CSV is to be read: its encoding, its separator, the lines that make one record.

It never holds the file: memory does not grow with it, and every limit is checked on the way.
Format: CSV as in RFC 4180, with the separators and encodings that spreadsheets write in France.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cati.core.sample_columns import guess
from cati.core.sample_faults import BadFile, Fault, Kind

MAX_LINE = 16_000
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class TextForm:
    """How a CSV reads: `encoding` as Python names it, `separator`, and how many lines follow."""

    encoding: str
    separator: str
    header: tuple[str, ...]
    rows: int


def examine_text(source: BinaryIO, max_rows: int) -> TextForm:
    """Read the file once, line by line, without keeping it. Raises BadFile."""
    source.seek(0)
    start = source.read(2)
    if not start:
        raise BadFile(Fault(Kind.EMPTY))
    if start in UTF16:
        raise BadFile(Fault(Kind.UTF16))
    source.seek(0)
    header, encoding, rows = _scan(source, max_rows)
    # The separator that names most fields, and then the one that makes most columns.
    separator = max(SEPARATORS, key=lambda mark: _makes(_cells(header, mark)))
    return TextForm(encoding, separator, tuple(_cells(header, separator)), rows)


def text_records(source: BinaryIO, form: TextForm) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Number of the first line and cells of every record, header included, blank ones left out.

    Raises BadFile on broken quoting.
    """
    source.seek(0)
    # Line by line and not through a wrapper, which would close the file with itself.
    lines = (line.decode(form.encoding) for line in source)
    reader = csv.reader(lines, delimiter=form.separator, strict=True)
    first = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield first, tuple(cells)
            first = reader.line_num + 1
    except csv.Error:
        raise BadFile(Fault(Kind.QUOTES, first)) from None


def _scan(source: BinaryIO, max_rows: int) -> tuple[str, str, int]:
    """(header line, encoding, lines after it), limits and encoding checked on the way."""
    header: bytes | None = None
    rows, not_utf8, not_cp1252 = 0, 0, 0
    for number, line in enumerate(iter(lambda: source.readline(MAX_LINE + 1), b""), start=1):
        if len(line) > MAX_LINE:
            raise BadFile(Fault(Kind.LINE_TOO_LONG, number, details={"most": MAX_LINE}))
        if b"\0" in line:
            raise BadFile(Fault(Kind.NOT_TEXT, number))
        if not line.isascii():
            not_utf8 = not_utf8 or (0 if _decodes(line, "utf-8") else number)
            not_cp1252 = not_cp1252 or (0 if _decodes(line, "cp1252") else number)
        if not line.removeprefix(BOM).strip():
            continue
        if header is None:
            header = line
            continue
        rows += 1
        if rows > max_rows:
            raise BadFile(Fault(Kind.TOO_MANY_ROWS, details={"most": max_rows}))
    if header is None:
        raise BadFile(Fault(Kind.EMPTY))
    if rows == 0:
        raise BadFile(Fault(Kind.NO_ROWS))
    if not_utf8 and not_cp1252:
        raise BadFile(Fault(Kind.ENCODING, max(not_utf8, not_cp1252)))
    encoding = "cp1252" if not_utf8 else "utf-8-sig" if header.startswith(BOM) else "utf-8"
    return header.decode(encoding), encoding, rows


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _cells(header: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(header.splitlines(), delimiter=separator), [])]


def _makes(cells: list[str]) -> tuple[int, int]:
    return len(set(guess(cells))), len(cells)
