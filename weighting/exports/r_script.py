"""The dataset for R without any package: the codes as CSV, and a script that labels them.

The script holds ASCII alone, so that it reads the same in every locale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from weighting.exports.columns import MISSING, Heading
from weighting.exports.cuts import cuts_csv
from weighting.exports.dataset import Dataset, Table
from weighting.exports.files import Target, frame_csv

CLASSES = {"integer": "numeric", "decimal": "numeric"}
HEAD = """\
# Reads the dataset, with its labels, from the folder of this script: source("{name}", chdir = TRUE)
# Each coded variable becomes a factor; "code" and "missing" keep its codes and which are missing.
read_codes <- function(file, classes) {{
  read.csv(file, fileEncoding = "UTF-8-BOM", colClasses = classes, na.strings = "",
           check.names = FALSE)
}}
labelled <- function(values, label, codes, words, missing) {{
  if (length(codes)) {{
    said <- factor(values, levels = codes, labels = make.unique(words))
    attr(said, "code") <- values
    attr(said, "missing") <- missing
    values <- said
  }}
  attr(values, "label") <- label
  values
}}
"""


def r_script(dataset: Dataset, to: Target) -> list[Path]:
    """A raw CSV for each table, the script that reads them, a data frame for each, and the names
    that were cut, if any was."""
    raw, written = replace(to, raw=True), []
    script = to.path(".R")
    lines = [HEAD.format(name=script.name)]
    for table in dataset.tables:
        path = frame_csv(to.path("-codes.csv", table.name), table.frame, raw)
        lines += _reads(table, path.name)
        written.append(path)
    script.write_text("\n".join(lines) + "\n", encoding="ascii")
    return [*written, script, *cuts_csv(dataset.cuts, to)]


def _reads(table: Table, file: str) -> Iterator[str]:
    frame = f"roster_{table.name.lower()}" if table.name else "interviews"
    classes = ", ".join(f"{one.name} = {_text(_class(one))}" for one in table.columns)
    yield f"{frame} <- read_codes({_text(file)}, c({classes}))"
    for column in table.columns:
        codes = column.labels if column.coded else {}
        values = f"{frame}[[{_text(column.name)}]]"
        yield (
            f"{values} <- labelled({values}, {_text(column.label)},"
            f" c({', '.join(map(str, codes))}), c({', '.join(map(_text, codes.values()))}),"
            f" c({', '.join(str(code) for code in codes if code in MISSING)}))"
        )


def _class(column: Heading) -> str:
    return "integer" if column.coded else CLASSES.get(column.kind, "character")


def _text(text: str) -> str:
    """A literal of R in ASCII alone."""
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if " " <= letter <= "~":
        return letter
    return f"\\U{{{ord(letter):x}}}"
