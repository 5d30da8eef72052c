"""Each format read by another program than the one that wrote it, as rows of codes.

Python's csv, openpyxl, ReadStat (by pyreadstat), pandas, Arrow and R (its package `foreign` for
SPSS, since pyreadstat wrote that file): all give the same rows, {name: code, number or text}, None
where a question was not asked. SPSS and Stata know no empty cell of text: their empty texts are
None too.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet
import pyreadstat
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from weighting.exports.columns import Heading
from weighting.exports.stata import LETTERS

Rows = list[dict[str, Any]]
CODE_OF_LETTER = {letter: code for code, letter in LETTERS.items()}
# Writes the codes of every data frame that the script makes.
IN_R = """
source(commandArgs(TRUE)[1], chdir = TRUE)
frame <- get(commandArgs(TRUE)[2])
for (name in names(frame)) {
  code <- attr(frame[[name]], "code")
  frame[[name]] <- if (is.null(code)) as.vector(frame[[name]]) else code
}
options(digits = 15)
write.csv(frame, commandArgs(TRUE)[3], row.names = FALSE, na = "", fileEncoding = "UTF-8")
"""
# Longer texts come in pieces, of which only the first has the name that was asked for.
IN_R_FROM_SPSS = """
frame <- foreign::read.spss(commandArgs(TRUE)[1], use.value.labels = FALSE, use.missings = FALSE)
frame <- lapply(frame, function(column) {
  if (!is.character(column)) return(as.vector(column))
  trimws(iconv(column, "UTF-8", "UTF-8", sub = ""), "right", " ")
})
options(digits = 15)
frame <- as.data.frame(frame[strsplit(commandArgs(TRUE)[2], " ")[[1]]], optional = TRUE)
write.csv(frame, commandArgs(TRUE)[3], row.names = FALSE, na = "", fileEncoding = "UTF-8")
"""
# Of a text, in bytes.
FIRST_PIECE = 255


def from_csv(path: Path, columns: Sequence[Heading]) -> Rows:
    lines = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    kinds = {column.name: column for column in columns}
    return [{name: _typed(kinds[name], cell) for name, cell in line.items()} for line in lines]


def _typed(column: Heading, cell: str) -> Any:
    if cell == "":
        return None
    return cell if column.measure != "scale" and not column.coded else float(cell)


def from_xlsx(path: Path, columns: Sequence[Heading], sheet: str = "données") -> Rows:
    lines = load_workbook(path)[sheet].iter_rows(values_only=True)
    heading = [str(name) for name in next(lines)]
    return [
        {
            name: unescape(cell) if isinstance(cell, str) else cell
            for name, cell in zip(heading, line, strict=True)
        }
        for line in lines
    ]


def from_sav(path: Path, columns: Sequence[Heading]) -> Rows:
    frame, _meta = pyreadstat.read_sav(path, user_missing=True, output_format="dict")
    return _rows(frame)


def from_sav_by_r(path: Path, columns: Sequence[Heading]) -> Rows:
    out = path.parent / "from_spss.csv"
    _in_r(IN_R_FROM_SPSS, path, " ".join(column.name for column in columns), out)
    return from_csv(out, columns)


def from_dta(path: Path, columns: Sequence[Heading]) -> Rows:
    frame, _meta = pyreadstat.read_dta(path, user_missing=True, output_format="dict")
    coded = {column.name for column in columns if column.coded}
    return [
        {
            name: CODE_OF_LETTER.get(cell, cell) if name in coded else cell
            for name, cell in r.items()
        }
        for r in _rows(frame)
    ]


def from_dta_by_pandas(path: Path, columns: Sequence[Heading]) -> Rows:
    with pandas.read_stata(path, iterator=True) as reader:
        frame = reader.read(convert_categoricals=False, convert_missing=True)
    return [
        {name: _of_pandas(cell) for name, cell in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def _of_pandas(cell: Any) -> Any:
    letter = getattr(cell, "string", None)
    if letter is not None:
        return CODE_OF_LETTER.get(letter.lstrip("."))
    return cell or None if isinstance(cell, str) else cell


def from_parquet(path: Path, columns: Sequence[Heading]) -> Rows:
    rows: Rows = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def from_r(path: Path, columns: Sequence[Heading], frame: str = "interviews") -> Rows:
    out = path.parent / "from_r.csv"
    _in_r(IN_R, path, frame, out)
    return from_csv(out, columns)


def _in_r(script: str, *arguments: object) -> None:
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", script, *map(str, arguments)],
        env=os.environ | {"LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@cache
def r_has(package: str) -> bool:
    """Whether R is here, and the package in it."""
    if shutil.which("Rscript") is None:
        return False
    there = f"quit(status = !requireNamespace({package!r}, quietly = TRUE))"
    return subprocess.run(["Rscript", "--vanilla", "-e", there], check=False).returncode == 0


def _rows(frame: Mapping[str, Sequence[Any]]) -> Rows:
    names = list(frame)
    return [
        {name: _none(cell) for name, cell in zip(names, line, strict=True)}
        for line in zip(*frame.values(), strict=True)
    ]


def _none(cell: Any) -> Any:
    """NaN and the empty text as None."""
    if cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    return cell


Read = Callable[[Path, Sequence[Heading]], Rows]
# Format → which of its files holds the interviews, and each program that reads it.
READERS: Mapping[str, tuple[str, Sequence[Read]]] = {
    "csv-codes": ("-codes.csv", [from_csv]),
    "xlsx": (".xlsx", [from_xlsx]),
    "sav": (".sav", [from_sav, from_sav_by_r]),
    "dta": (".dta", [from_dta, from_dta_by_pandas]),
    "parquet": (".parquet", [from_parquet]),
    "r": (".R", [from_r]),
}
# What a reader needs of R, beside R itself.
PACKAGE: Mapping[Read, str] = {from_r: "base", from_sav_by_r: "foreign"}
