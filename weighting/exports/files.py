"""The dataset as CSV, in codes or words, and as a workbook with its dictionary and frequencies.

The same rows give the same bytes (CSV) or the same cells (XLSX). A spreadsheet never takes a text
for a formula: what begins like one is written behind an apostrophe (OWASP, CSV injection), unless
the file is asked for raw, by those who read it with a program.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from django.utils.translation import gettext as _

from cati.operations.jobs import Refusal
from weighting.exports import frequencies
from weighting.exports.columns import Cell, Heading
from weighting.exports.dataset import Dataset, Progress, Table, dictionary, parts_of

FORMULA = ("=", "+", "-", "@", "\t", "\r")
BEGINS_A_FORMULA = r"^[=+\-@\t\r]"
# XML has no place for them, and no answer needs them.
UNPRINTABLE = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
PATTERN_OF_UNPRINTABLE = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
HARM = f"{BEGINS_A_FORMULA}|{PATTERN_OF_UNPRINTABLE}"
# Bytes of one text: what SPSS takes, and what a workbook takes in characters.
LONGEST_TEXT = 32_767
MARK = "\ufeff".encode()


@dataclass(frozen=True)
class Target:
    """Where the files of an export go, and how: `stem` begins their names.

    `raw` leaves texts as they were said; `progress` hears how many rows are written.
    """

    folder: Path
    stem: str
    raw: bool = False
    progress: Progress = lambda rows, size: None

    def path(self, suffix: str, table: str = "") -> Path:
        """« allo-quartiers-2026-calage-1-codes.csv », a roster's with its name before the dot."""
        inside = f"-{table.lower()}" if table else ""
        words, dot, kind = suffix.rpartition(".")
        return self.folder / f"{self.stem}{words}{inside}{dot}{kind}"


Write = Callable[[Any, Target], list[Path]]


def harmless(cell: Cell) -> Cell:
    """The cell, its text unable to start a formula or to break the file."""
    if not isinstance(cell, str):
        return cell
    text = cell.translate(UNPRINTABLE)
    return f"'{text}" if text.startswith(FORMULA) else text


def harmless_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """`harmless`, of every text; one look at a column spares it where there is no harm."""
    harm = frame.select(pl.col(pl.String).str.contains(HARM).any())
    names = [name for name in harm.columns if harm[name].item()]
    text = pl.col(names).str.replace_all(PATTERN_OF_UNPRINTABLE, "")
    formula = text.str.contains(BEGINS_A_FORMULA)
    return frame.with_columns(pl.when(formula).then(pl.lit("'") + text).otherwise(text).name.keep())


def refuse_longer_texts(dataset: Dataset) -> None:
    """Refusal where the format cannot hold a text: better no file than half an answer."""
    for table in dataset.tables:
        for column in table.columns:
            texts = table.frame[column.name]
            if texts.dtype == pl.String and (texts.str.len_bytes() > LONGEST_TEXT).any():
                said = _("Un texte de %(name)s est trop long pour ce format. Choisissez le CSV.")
                raise Refusal(said % {"name": column.name})


# ------------------------------------------------------------------------------- CSV


def csv_codes(dataset: Dataset, to: Target) -> list[Path]:
    return [
        frame_csv(to.path("-codes.csv", table.name), table.frame, to) for table in dataset.tables
    ]


def csv_labels(dataset: Dataset, to: Target) -> list[Path]:
    return [
        frame_csv(to.path("-libelles.csv", table.name), table.frame, to, table.columns)
        for table in dataset.tables
    ]


def csv_dictionary(dataset: Dataset, to: Target) -> list[Path]:
    path = to.path("-dictionnaire.csv")
    lines_csv(path, dictionary(dataset.layout), to)
    return [path]


def csv_all(dataset: Dataset, to: Target) -> list[Path]:
    """Codes, words and the dictionary of both."""
    return [
        path for write in (csv_codes, csv_labels, csv_dictionary) for path in write(dataset, to)
    ]


def frame_csv(path: Path, frame: pl.DataFrame, to: Target, columns: Sequence[Heading] = ()) -> Path:
    """UTF-8 with its mark, by which a spreadsheet knows it; lines end with \\n everywhere.

    With `columns`, in words.
    """
    words = [column.in_words(pl.col(column.name)).alias(column.name) for column in columns]
    written = 0
    with path.open("wb") as file:
        file.write(MARK)
        for part in parts_of(frame):
            shown = part.with_columns(words)
            if not to.raw:
                shown = harmless_frame(shown)
            shown.write_csv(file, include_header=not written)
            written += len(part)
            to.progress(written, len(frame))
    return path


def lines_csv(path: Path, lines: Iterable[list[Cell]], to: Target) -> None:
    """A short file, line by line, as `frame_csv` writes its own."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(line if to.raw else map(harmless, line) for line in lines)


# ------------------------------------------------------------------------------- XLSX


def xlsx(dataset: Dataset, to: Target) -> list[Path]:
    """Sheets « données », in codes, each roster, « dictionnaire » and « fréquences »."""
    path = to.path(".xlsx")
    refuse_longer_texts(dataset)
    options = {
        "constant_memory": True,
        "tmpdir": str(to.folder),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        made = dataset.run.at.replace(tzinfo=None)
        book.set_properties({"title": f"Calage n° {dataset.run.number}", "created": made})
        for table in dataset.tables:
            name = table.name.lower()[:31] or "données"
            _sheet(book, name, _counted(table, to.progress), to)
        _sheet(book, "dictionnaire", dictionary(dataset.layout), to)
        _sheet(book, "fréquences", frequencies.lines(dataset.columns, dataset.frame), to)
    return [path]


def _counted(table: Table, progress: Progress) -> Iterator[Sequence[Cell]]:
    """The heading and the rows; `progress` hears how many rows were taken."""
    yield table.frame.columns
    for rank, line in enumerate(table.frame.iter_rows(), start=1):
        yield line
        progress(rank, len(table.frame))


def _sheet(book: Any, name: str, lines: Iterable[Sequence[Cell]], to: Target) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 1)
    for row, line in enumerate(lines):
        for place, cell in enumerate(line):
            if isinstance(cell, str):
                text = cell.translate(UNPRINTABLE) if to.raw else str(harmless(cell))
                sheet.write_string(row, place, text)
            elif cell is not None:
                sheet.write_number(row, place, cell)
