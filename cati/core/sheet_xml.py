"""Decides what the entries of a workbook say, each from the events of an XML parser.

It never opens an archive, and of a sheet it holds no more than the rows that were not yet taken.
Formulas give their last value. Format: Office Open XML, ECMA-376 part 1, 18.2 to 18.8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from cati.core.sample_faults import BadFile, Fault, Kind

Attributes = Mapping[str, str]
Record = tuple[int, tuple[str, ...]]
MAX_LETTERS = 32 * 1024 * 1024
MAX_ROW = 16_000
PLACE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
# The built-in formats of days, and what a format of one's own for days has outside its quotes.
DAYS = {14, 15, 16, 17, 22, 27, 30, 36, 50, 57}
DAY_FORMAT = re.compile(r"[dy]", re.IGNORECASE)
QUOTED = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")


class Part:
    """What is taken from one entry while it streams by; prefixes of namespaces are left out."""

    def start(self, name: str, attributes: Attributes) -> None:
        self.opened(name.rpartition(":")[2], attributes)

    def end(self, name: str) -> None:
        self.closed(name.rpartition(":")[2])

    def opened(self, name: str, attributes: Attributes) -> None:
        """An element begins."""

    def closed(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Letters of the element that is open."""


class Index(Part):
    """xl/workbook.xml: the sheets in their order, and from which day days are counted."""

    def __init__(self) -> None:
        self.sheets: list[str] = []
        self.epoch = datetime(1899, 12, 30)  # noqa: DTZ001 (a workbook knows no time zone)

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
            self.epoch = datetime(1904, 1, 1)  # noqa: DTZ001
        if name == "sheet" and attributes.get("state", "visible") == "visible":
            relation = (key for key in attributes if key.rpartition(":")[2] == "id")
            self.sheets.append(attributes[next(relation)])


class Relations(Part):
    """A .rels entry: the target of each relation."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            self.targets[attributes["Id"]] = attributes["Target"]


class Styles(Part):
    """xl/styles.xml: which styles of cells are days."""

    def __init__(self) -> None:
        self.formats: dict[int, str] = {}
        self.used: list[int] = []
        self.cells = False

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self.formats[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif name == "cellXfs":
            self.cells = True
        elif name == "xf" and self.cells:
            self.used.append(int(attributes.get("numFmtId", 0)))

    def closed(self, name: str) -> None:
        self.cells = self.cells and name != "cellXfs"

    def days(self) -> frozenset[int]:
        """The styles, by their number, whose cells are days."""
        return frozenset(style for style, code in enumerate(self.used) if self._is_day(code))

    def _is_day(self, code: int) -> bool:
        return code in DAYS or bool(DAY_FORMAT.search(QUOTED.sub("", self.formats.get(code, ""))))


class Strings(Part):
    """xl/sharedStrings.xml: every text by its number."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.letters: list[str] = []
        self.room = MAX_LETTERS
        self.inside = self.phonetic = False

    def opened(self, name: str, attributes: Attributes) -> None:
        self.phonetic = self.phonetic or name == "rPh"
        self.inside = name == "t" and not self.phonetic

    def closed(self, name: str) -> None:
        self.inside = False
        if name == "rPh":
            self.phonetic = False
        elif name == "si":
            self.all.append("".join(self.letters))
            self.letters.clear()
            # An empty text takes room too.
            self.room -= 8

    def text(self, text: str) -> None:
        if self.inside:
            self.room -= len(text)
            self.letters.append(text)
        if self.room < 0:
            raise BadFile(Fault(Kind.UNPACKED, details={"most": MAX_LETTERS >> 20}))


class Sheet(Part):
    """A worksheet: `rows` holds those that ended since it was last emptied, blank ones left out."""

    def __init__(
        self, strings: Sequence[str], days: frozenset[int], epoch: datetime, columns: int
    ) -> None:
        self.rows: list[Record] = []
        self.strings, self.days, self.epoch, self.columns = strings, days, epoch, columns
        self.number = 0
        self.cells: dict[int, str] = {}
        self.at, self.kind, self.style = -1, "n", 0
        self.letters: list[str] = []
        self.inside = self.phonetic = False

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._cell(attributes)
        elif name == "row":
            self.number = int(attributes.get("r", self.number + 1))
            self.cells, self.at = {}, -1
        elif name == "rPh":
            self.phonetic = True
        self.inside = name in {"v", "t"} and not self.phonetic

    def closed(self, name: str) -> None:
        self.inside = False
        if name == "c":
            self._keep("".join(self.letters))
        elif name == "row" and self.cells:
            self._end_row()
        elif name == "rPh":
            self.phonetic = False

    def text(self, text: str) -> None:
        if self.inside:
            self.letters.append(text)

    def _end_row(self) -> None:
        # A shared text counts wherever it stands: repeated, it would swell what is written out.
        if sum(map(len, self.cells.values())) > MAX_ROW:
            raise BadFile(Fault(Kind.LINE_TOO_LONG, self.number, details={"most": MAX_ROW}))
        width = max(self.cells) + 1
        self.rows.append((self.number, tuple(self.cells.get(at, "") for at in range(width))))

    def _cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self.at = _column(place) if place else self.at + 1
        self.kind, self.style = attributes.get("t", "n"), int(attributes.get("s", 0))
        self.letters.clear()

    def _keep(self, written: str) -> None:
        if not written.strip():
            return
        if self.at >= self.columns:
            details = {"most": self.columns}
            raise BadFile(Fault(Kind.TOO_MANY_COLUMNS, self.number, details=details))
        if self.kind == "s":
            written = self.strings[int(written)]
        elif self.kind == "n":
            written = self._day(written) if self.style in self.days else _number(written)
        self.cells[self.at] = written

    def _day(self, written: str) -> str:
        when = self.epoch + timedelta(days=float(written))
        return f"{when:%Y-%m-%d}" if float(written).is_integer() else f"{when:%Y-%m-%d %H:%M}"


def _column(place: str) -> int:
    """« AB12 » → 27. Raises ValueError."""
    found = PLACE.fullmatch(place)
    if not found:
        raise ValueError(place)
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(written: str) -> str:
    """« 4.7311E8 » → « 473110000 »: a telephone number was a quantity to the spreadsheet."""
    try:
        value = Decimal(written)
    except InvalidOperation:
        return written
    whole = value.is_finite() and value == value.to_integral_value() and abs(value) < 10**15
    return str(int(value)) if whole else written
