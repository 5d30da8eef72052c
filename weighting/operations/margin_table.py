"""Margins as a table: read from CSV or XLSX, cell by cell as they stand, and written back.

Nothing is judged here but the file itself; `margin_checks` says what is wrong with the cells.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from hashlib import sha256
from itertools import islice

import xlsxwriter
from django.utils.translation import gettext as _

from cati.core.sample_faults import BadFile
from cati.core.sample_workbook import workbook_records
from cati.core.spreadsheets import harmless
from cati.operations.errors import Refused
from cati.operations.sample_faults import in_words

# The columns as a template has them, each with the other headings by which it is known.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sector": ("secteur", "sector"),
    "criterion": ("critère", "criterion"),
    "category": ("code", "category_code"),
    "label": ("modalité", "category", "libellé"),
    "share": ("part", "pct", "%"),
    "total": ("total",),
    "unit": ("unité", "unit"),
    "universe": ("univers", "universe"),
    "source": ("source", "status"),
}
NEEDED = ("sector", "criterion", "category")
FIGURES = ("share", "total")
MOST_BYTES, MOST_LINES, MOST_IN_A_CELL = 1_000_000, 2_000, 300
MOST_COLUMNS = 100
ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
Numbered = tuple[int, list[str]]


@dataclass(frozen=True)
class Line:
    """One line of the file as it was typed; `number` is the one that a spreadsheet shows."""

    number: int
    sector: str
    criterion: str
    category: str
    label: str = ""
    share: str = ""
    total: str = ""
    unit: str = ""
    universe: str = ""
    source: str = ""

    @property
    def cells(self) -> list[str]:
        """In the order of COLUMNS."""
        return list(astuple(self)[1:])


def read_table(content: bytes) -> list[Line]:
    """The lines of a CSV or XLSX file. Refused, for the whole file, where it cannot be read."""
    if len(content) > MOST_BYTES:
        said = _("Le fichier pèse plus de %(n)s ko. Un jeu de marges en pèse quelques dizaines.")
        raise Refused({"": said % {"n": MOST_BYTES // 1000}})
    if content.startswith(OLD_EXCEL):
        raise Refused({"": _("C’est un ancien fichier Excel. Enregistrez-le en .xlsx ou en CSV.")})
    rows = _xlsx(content) if content.startswith(ZIP) else _csv(content)
    numbered = [(at, cells) for at, cells in rows if any(cells)]
    if not numbered:
        raise Refused({"": _("Le fichier est vide.")})
    (_at, header), *rest = numbered
    places = _places(header)
    if not rest:
        raise Refused({"": _("Le fichier n’a que ses titres : il faut une ligne par modalité.")})
    if len(rest) > MOST_LINES:
        raise Refused({"": _("Le fichier a plus de %(n)s lignes.") % {"n": MOST_LINES}})
    filled = [(at, cells + [""] * len(header)) for at, cells in rest]
    return [
        Line(at, **{name: cells[place] for name, place in places.items()}) for at, cells in filled
    ]


def csv_of(lines: Iterable[Line], extra: Mapping[int, str] | None = None) -> bytes:
    """The table as a French spreadsheet opens it: UTF-8 with its mark, « ; ».

    `extra` is a last column « à corriger », by the number of the line; it is not read again.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    for row in _rows(lines, extra):
        writer.writerow([_harmless(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def xlsx_of(lines: Iterable[Line], extra: Mapping[int, str] | None = None) -> bytes:
    """The same as a workbook; figures are numbers where they can be read as such."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("marges")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(COLUMNS), 16)
        sheet.set_row(0, None, book.add_format({"bold": True}))
        for at, row in enumerate(_rows(lines, extra)):
            for place, (name, cell) in enumerate(zip([*COLUMNS, ""], row, strict=False)):
                number = figure(cell) if at and name in FIGURES else None
                if number is None:
                    sheet.write_string(at, place, cell)
                else:
                    sheet.write_number(at, place, number)
    return file.getvalue()


def digest_of(lines: Iterable[Line]) -> str:
    """SHA-256 of the table's CSV file."""
    return sha256(csv_of(lines)).hexdigest()


def figure(text: str) -> float | None:
    """« 1 234,5 », « 47 % » or « 47.0 » as a number; None where it is none, or not finite."""
    bare = re.sub(r"[\s\u00a0\u202f]|%$", "", text.strip()).replace(",", ".")
    return float(bare) if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", bare) else None


def plain(text: str) -> str:
    """Without accents, case or blanks around: how headings and criteria are compared."""
    bare = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def _places(header: Sequence[str]) -> dict[str, int]:
    """{column: where it stands}. Refused where a needed one is missing."""
    headings = [plain(cell) for cell in header]
    places = {
        column: headings.index(plain(known))
        for column, names in COLUMNS.items()
        for known in reversed(names)
        if plain(known) in headings
    }
    missing = [COLUMNS[column][0] for column in NEEDED if column not in places]
    if not missing and not any(column in places for column in FIGURES):
        missing = [_("part (ou total)")]
    if missing:
        said = _("Il manque la colonne %(name)s. La première ligne du fichier porte les titres.")
        raise Refused({"": said % {"name": ", ".join(f"« {name} »" for name in missing)}})
    return places


def _csv(content: bytes) -> list[Numbered]:
    if b"\0" in content:
        raise Refused({"": _("Ce fichier n’est ni un CSV ni un classeur .xlsx.")})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    separator = max(";,\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise Refused({"": _("Ce fichier n’est ni un CSV ni un classeur .xlsx.")}) from error
    return [(at, [_cell(cell) for cell in row]) for at, row in enumerate(rows, start=1)]


def _xlsx(content: bytes) -> list[Numbered]:
    """The first visible sheet, no further than one line too many."""
    try:
        # The headings, the lines, and the one that makes them too many.
        records = islice(workbook_records(io.BytesIO(content), MOST_COLUMNS), MOST_LINES + 2)
        return [(at, [_cell(cell) for cell in row]) for at, row in records]
    except BadFile as bad:
        told = [in_words(fault) for fault in bad.faults]
        said = " ".join(f"{one.reason} {one.mend}" for one in told)
        raise Refused({"": said}) from bad


def _cell(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:MOST_IN_A_CELL]


def _rows(lines: Iterable[Line], extra: Mapping[int, str] | None) -> Iterator[list[str]]:
    header = [names[0] for names in COLUMNS.values()]
    yield header if extra is None else [*header, _("à corriger")]
    for line in lines:
        yield line.cells if extra is None else [*line.cells, extra.get(line.number, "")]


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is kept as text; figures are none."""
    return cell if figure(cell) is not None else str(harmless(cell))
