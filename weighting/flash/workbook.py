"""Tables as a workbook: as they are printed, theme by theme, and every figure in full beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _

from weighting.exports.files import UNPRINTABLE, harmless
from weighting.flash import words
from weighting.flash.build import Made
from weighting.flash.cells import COLUMNS, cells

Progress = Callable[[int, str], None]
# What a spreadsheet takes as the name of a sheet.
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
LONGEST_NAME = 31


def write(path: Path, tables: Iterable[Made], progress: Progress = lambda done, what: None) -> Path:
    """One sheet per theme, its tables one under the other; the last sheet has the exact figures."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        bold = book.add_format({"bold": True})
        sheets: dict[str, _Sheet] = {}
        lines: list[list[Any]] = []
        for done, made in enumerate(tables):
            theme = made.question.theme
            if theme not in sheets:
                name = theme.translate(FORBIDDEN)[:LONGEST_NAME]
                sheets[theme] = _Sheet(book.add_worksheet(name), bold)
            sheets[theme].table(made)
            lines += [[line[name] for name in COLUMNS] for line in cells(made)]
            progress(done + 1, made.question.code)
        every = _Sheet(book.add_worksheet(_("toutes les cases")), bold)
        every.line(list(COLUMNS), strong=True)
        for one in lines:
            every.line(one)
    return path


class _Sheet:
    def __init__(self, sheet: Any, bold: Any) -> None:
        self.sheet, self.bold, self.row = sheet, bold, 0
        sheet.set_column(0, 0, 34)

    def table(self, made: Made) -> None:
        self.line([f"{made.question.code}. {made.question.text}"], strong=True)
        if made.by:
            self.line([_("Selon : %(question)s") % {"question": made.by}])
        if made.among:
            self.line([_("Parmi : %(who)s") % {"who": made.among}])
        heads = [head.label for head in made.table.heads]
        self.line(["", *heads, _("n"), _("n pondéré")], strong=True)
        for r, row in enumerate(made.rows):
            if row.block:
                self.line([row.block], strong=True)
            shown = [words.cell(made, r, c) for c in range(len(heads))]
            printed = made.table.printed[r]
            n = [int(made.table.n[r]), round(float(made.table.weighted[r]))] if printed else []
            self.line([row.label, *shown, *n], strong=row.strong)
        for note in words.under([made]):
            self.line([note])
        self.row += 1

    def line(self, values: list[Any], *, strong: bool = False) -> None:
        for place, value in enumerate(values):
            if isinstance(value, str):
                text = str(harmless(value.translate(UNPRINTABLE)))
                self.sheet.write_string(self.row, place, text, self.bold if strong else None)
            elif value is not None:
                self.sheet.write_number(self.row, place, value)
        self.row += 1
