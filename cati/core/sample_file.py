"""Decides how a sample file is to be read: its encoding, its separator, its columns, its lines.

It never judges a row, and never holds the file: memory does not grow with it. Faults are values
with a kind, words are found elsewhere.
Format: CSV as in RFC 4180, with the separators and encodings that spreadsheets write in France.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import BinaryIO

from cati.core.phones import Reason

MEGABYTE = 1024 * 1024
MAX_BYTES = 64 * MEGABYTE
MAX_ROWS = 100_000
MAX_LINE = 16_000
BOM = b"\xef\xbb\xbf"
SEPARATORS = ",;\t"
REQUIRED = ("phone", "name", "address", "sector")
# Column names as people write them, without accents, capitals or punctuation.
NAMES = {
    "phone": ("telephone", "phone", "tel", "telephone1", "phone1", "tel1"),
    "phone2": ("telephone2", "phone2", "tel2"),
    "name": ("nom", "name"),
    "address": ("adresse", "address"),
    "sector": ("secteur", "sector"),
    "replicate": ("replicat", "replicate"),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}


class Kind(Enum):
    """What can be wrong with a file or a row; a bad number has its own reasons."""

    EMPTY = auto()
    NO_ROWS = auto()
    TOO_BIG = auto()
    TOO_MANY_ROWS = auto()
    LINE_TOO_LONG = auto()
    WORKBOOK = auto()
    UTF16 = auto()
    NOT_TEXT = auto()
    ENCODING = auto()
    MISSING_COLUMN = auto()
    DOUBLE_COLUMN = auto()
    QUOTES = auto()
    TOO_MANY_CELLS = auto()
    TOO_LONG = auto()
    CONTROL = auto()
    SAME_NUMBER = auto()
    UNKNOWN_SECTOR = auto()
    REPLICATE = auto()
    TWICE_IN_FILE = auto()
    IN_WAVE = auto()
    OPPOSED = auto()
    FILE_AGAIN = auto()


@dataclass(frozen=True)
class Fault:
    """One thing wrong: where (line 0 is the whole file), the value as written, and what kind."""

    kind: Kind | Reason
    line: int = 0
    column: str = ""
    value: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


class BadFile(Exception):
    """The file as a whole cannot be read."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. `columns` gives the position of each field that it has."""

    encoding: str
    separator: str
    header: tuple[str, ...]
    columns: Mapping[str, int]
    digest: str

    def heading(self, field: str) -> str:
        """What the file itself calls a field."""
        return self.header[self.columns[field]]

    @property
    def unread(self) -> tuple[str, ...]:
        known = set(self.columns.values())
        return tuple(name for at, name in enumerate(self.header) if at not in known)


@dataclass(frozen=True)
class Line:
    """One record of the file; `number` is that of its first line."""

    number: int
    cells: tuple[str, ...]


def examine(source: BinaryIO) -> Layout:
    """Read the file once, line by line, without keeping it. Raises BadFile."""
    size = source.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        megabytes = {"size": -(-size // MEGABYTE), "most": MAX_BYTES // MEGABYTE}
        raise BadFile(Fault(Kind.TOO_BIG, details=megabytes))
    source.seek(0)
    _refuse_other_formats(source.read(4))
    source.seek(0)
    header, encoding, digest = _scan(source)
    separator = max(SEPARATORS, key=lambda mark: len(set(_fields(_cells(header, mark)))))
    cells = _cells(header, separator)
    return Layout(encoding, separator, tuple(cells), _columns(cells), digest)


def read_lines(source: BinaryIO, layout: Layout) -> Iterator[Line]:
    """The records after the header, blank ones left out. Raises BadFile on broken quoting."""
    source.seek(0)
    text = io.TextIOWrapper(source, layout.encoding, newline="")
    reader = csv.reader(text, delimiter=layout.separator, strict=True)
    seen_header, first = False, 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if seen_header:
                    yield Line(first, tuple(cells))
                seen_header = True
            first = reader.line_num + 1
    except csv.Error:
        raise BadFile(Fault(Kind.QUOTES, first)) from None
    finally:
        # The caller opened the file, and closes it.
        text.detach()


def _refuse_other_formats(start: bytes) -> None:
    if not start:
        raise BadFile(Fault(Kind.EMPTY))
    if start == b"PK\x03\x04" or start == b"\xd0\xcf\x11\xe0":
        raise BadFile(Fault(Kind.WORKBOOK))
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile(Fault(Kind.UTF16))


def _scan(source: BinaryIO) -> tuple[str, str, str]:
    """(header line, encoding, SHA-256 of the bytes), limits and encoding checked on the way."""
    digest = hashlib.sha256()
    header: bytes | None = None
    rows, not_utf8, not_cp1252 = 0, 0, 0
    for number, line in enumerate(iter(lambda: source.readline(MAX_LINE + 1), b""), start=1):
        digest.update(line)
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
        if rows > MAX_ROWS:
            raise BadFile(Fault(Kind.TOO_MANY_ROWS, details={"most": MAX_ROWS}))
    if header is None:
        raise BadFile(Fault(Kind.EMPTY))
    if rows == 0:
        raise BadFile(Fault(Kind.NO_ROWS))
    if not_utf8 and not_cp1252:
        raise BadFile(Fault(Kind.ENCODING, max(not_utf8, not_cp1252)))
    encoding = "cp1252" if not_utf8 else "utf-8-sig" if header.startswith(BOM) else "utf-8"
    return header.decode(encoding), encoding, digest.hexdigest()


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _cells(header: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(header.splitlines(), delimiter=separator), [])]


def _fields(cells: list[str]) -> list[str | None]:
    """The field that each heading names, None where it names none."""
    return [FIELD_OF.get(_plain(cell)) for cell in cells]


def _plain(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


def _columns(cells: list[str]) -> dict[str, int]:
    """The position of each field; BadFile names every column that is missing or doubled."""
    fields = _fields(cells)
    found = ", ".join(cell for cell in cells if cell)
    faults = [
        Fault(
            Kind.MISSING_COLUMN, 1, name, details={"names": ", ".join(NAMES[name]), "found": found}
        )
        for name in REQUIRED
        if name not in fields
    ]
    faults += [Fault(Kind.DOUBLE_COLUMN, 1, name) for name in NAMES if fields.count(name) > 1]
    if faults:
        raise BadFile(*faults)
    return {name: at for at, name in enumerate(fields) if name}
