"""How a dataset becomes a file: CSV in codes or labels, XLSX with its dictionary.

The same rows give the same bytes (CSV) or the same cells (XLSX). A spreadsheet never takes a text
for a formula: what begins like one is written behind an apostrophe (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from weighting.exports.columns import Cell, Heading
from weighting.exports.dataset import Dataset, dictionary

FORMULA = ("=", "+", "-", "@", "\t", "\r")
# XML has no place for them, and no answer needs them.
UNPRINTABLE = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
LONGEST_IN_XLSX = 32_767
Progress = Callable[[int], None]
Write = Callable[[Dataset, Path, Progress], None]


def harmless(cell: Cell) -> Cell:
    """The cell, its text unable to start a formula or to break the file."""
    if not isinstance(cell, str):
        return cell
    text = cell.translate(UNPRINTABLE)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_codes(dataset: Dataset, path: Path, progress: Progress) -> None:
    _csv(path, _counted(_lines(dataset, _codes), progress))


def csv_labels(dataset: Dataset, path: Path, progress: Progress) -> None:
    _csv(path, _counted(_lines(dataset, _labels), progress))


def csv_dictionary(dataset: Dataset, path: Path, progress: Progress) -> None:
    _csv(path, dictionary(dataset.columns))


def xlsx(dataset: Dataset, path: Path, progress: Progress) -> None:
    """Sheets « données », in codes, and « dictionnaire », written row by row."""
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        made = dataset.run.at.replace(tzinfo=None)
        book.set_properties({"title": f"Calage n° {dataset.run.number}", "created": made})
        _sheet(book, "données", _counted(_lines(dataset, _codes), progress))
        _sheet(book, "dictionnaire", dictionary(dataset.columns))


def _lines(
    dataset: Dataset, said: Callable[[Sequence[Heading], list[Cell]], list[Cell]]
) -> Iterator[list[Cell]]:
    yield [column.name for column in dataset.columns]
    for row in dataset.rows():
        yield said(dataset.columns, row)


def _codes(columns: Sequence[Heading], row: list[Cell]) -> list[Cell]:
    return row


def _labels(columns: Sequence[Heading], row: list[Cell]) -> list[Cell]:
    return [column.words(cell) for column, cell in zip(columns, row, strict=True)]


def _counted(lines: Iterable[list[Cell]], progress: Progress) -> Iterator[list[Cell]]:
    """The same lines; `progress` hears how many rows were written, the heading not counted."""
    for rank, line in enumerate(lines):
        yield line
        progress(rank)


def _csv(path: Path, lines: Iterable[list[Cell]]) -> None:
    """UTF-8 with its mark, by which a spreadsheet knows it; lines end with \\n everywhere."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([harmless(cell) for cell in line] for line in lines)


def _sheet(book: Any, name: str, lines: Iterable[list[Cell]]) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 1)
    for row, line in enumerate(lines):
        for place, cell in enumerate(map(harmless, line)):
            if isinstance(cell, str):
                sheet.write_string(row, place, cell[:LONGEST_IN_XLSX])
            elif cell is not None:
                sheet.write_number(row, place, cell)
