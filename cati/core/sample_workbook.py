"""Decides whether a workbook (XLSX) may be read, and yields the rows of its first visible sheet.

It never unpacks an archive whole, nor trusts what it says of its own size: entries are inflated
piece by piece and counted, so that memory grows neither with the file nor with what it hides.
Format: Office Open XML, ECMA-376 part 2; the entries themselves are read by `sheet_xml`.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from posixpath import join, normpath
from typing import BinaryIO, TypeVar
from xml.parsers import expat

from cati.core.sample_faults import BadFile, Fault, Kind
from cati.core.sheet_xml import Index, Part, Record, Relations, Sheet, Strings, Styles

MEGABYTE = 1024 * 1024
MAX_UNPACKED = 200 * MEGABYTE
MAX_ENTRIES = 1000
PIECE = 256 * 1024
ZIP, OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# What a damaged, enciphered or made-up archive raises, in its zip, its XML or its figures.
BROKEN = (
    expat.ExpatError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError,
    LookupError, ValueError, OverflowError,
)  # fmt: skip
AnyPart = TypeVar("AnyPart", bound=Part)


def workbook_records(source: BinaryIO, max_columns: int) -> Iterator[Record]:
    """Row number and cells of every row that holds something. Raises BadFile."""
    source.seek(0)
    try:
        with zipfile.ZipFile(source) as archive:
            yield from _Book(archive).records(max_columns)
    except BROKEN:
        raise BadFile(Fault(Kind.BAD_WORKBOOK)) from None


class _Book:
    """An archive that is read within its limits."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive, self.left = archive, MAX_UNPACKED
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise BadFile(Fault(Kind.ENTRIES, details={"most": MAX_ENTRIES}))
        # What it says of itself is no more than a first look.
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            raise _too_big()
        self.names = {entry.filename for entry in entries}

    def records(self, max_columns: int) -> Iterator[Record]:
        index = self._read("xl/workbook.xml", Index())
        targets = self._read("xl/_rels/workbook.xml.rels", Relations()).targets
        target = targets[index.sheets[0]]
        name = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
        styles = self._read("xl/styles.xml", Styles())
        strings = self._read("xl/sharedStrings.xml", Strings())
        sheet = Sheet(strings.all, styles.days(), index.epoch, max_columns)
        for _piece in self._parse(name, sheet):
            yield from sheet.rows
            sheet.rows.clear()

    def _read(self, name: str, part: AnyPart) -> AnyPart:
        """The part with what its entry says, and as it was where the archive has no such entry."""
        if name in self.names:
            for _piece in self._parse(name, part):
                pass
        return part

    def _parse(self, name: str, part: Part) -> Iterator[None]:
        """Feed the entry to the part, and pause after every piece."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = part.start
        parser.EndElementHandler = part.end
        parser.CharacterDataHandler = part.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        for piece in self._pieces(name):
            parser.Parse(piece, False)
            yield
        parser.Parse(b"", True)
        yield

    def _pieces(self, name: str) -> Iterator[bytes]:
        entry = self.archive.getinfo(name)
        # By the archive's own figure the reading would stop early, at a size that nobody checked;
        # beyond the limit by two pieces, so that the limit is met before the end.
        entry.file_size = self.left + 2 * PIECE
        with self.archive.open(entry) as opened:
            while piece := opened.read(PIECE):
                self.left -= len(piece)
                if self.left < 0:
                    raise _too_big()
                yield piece


def _refuse_doctype(*_declared: object) -> None:
    """No spreadsheet writes one, and its entities may unfold without end."""
    raise BadFile(Fault(Kind.BAD_WORKBOOK))


def _too_big() -> BadFile:
    return BadFile(Fault(Kind.UNPACKED, details={"most": MAX_UNPACKED // MEGABYTE}))
