"""The dataset for SPSS: a .sav with its labels, and the syntax of its multiple-response sets.

SPSS takes 255 bytes of a variable's label and 120 of a code's: what is longer is cut, and listed in
full beside the file. Codes 97 to 100 are declared missing; empty is missing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyreadstat
from pyreadstat.pyclasses import MissingRange

from weighting.exports.columns import MISSING, Heading, module_weight
from weighting.exports.cuts import cuts_csv
from weighting.exports.dataset import Dataset, Table
from weighting.exports.files import Target, refuse_longer_texts
from weighting.exports.names import Cut, cut_bytes
from weighting.exports.spss_rows import one_row, put_rows

LONGEST_LABEL = 255
LONGEST_VALUE_LABEL = 120
RANGE: MissingRange = {"lo": min(MISSING), "hi": max(MISSING)}


def sav(dataset: Dataset, to: Target) -> list[Path]:
    """A .sav for each table, the syntax, and the list of what was cut, if anything was."""
    refuse_longer_texts(dataset)
    written, cuts = [], list(dataset.cuts)
    for table in dataset.tables:
        path = to.path(".sav", table.name)
        cuts += _write(table, path, dataset.title)
        to.progress(len(table.frame), len(table.frame))
        written.append(path)
    syntax = to.path(".sps")
    syntax.write_text("\n".join(_syntax(dataset, written[0].name)) + "\n", encoding="utf-8-sig")
    return [*written, syntax, *cuts_csv(cuts, to)]


def _write(table: Table, path: Path, title: str) -> list[Cut]:
    cuts: list[Cut] = []
    labels: list[str | None] = []
    values: dict[str, dict[int | float, str]] = {}
    for column in table.columns:
        labels.append(_cut(column, None, column.label, LONGEST_LABEL, cuts))
        if column.coded:
            values[column.name] = {
                code: _cut(column, code, label, LONGEST_VALUE_LABEL, cuts)
                for code, label in column.labels.items()
            }
    coded = [column for column in table.columns if column.coded]
    formats = {column.name: "F3.0" for column in coded}
    formats |= {c.name: "F12.0" for c in table.columns if c.kind == "integer" and not c.coded}
    # The dictionary, and a row that gives texts their widths.
    pyreadstat.write_sav(
        one_row(table.frame),
        path,
        file_label=cut_bytes(title, 64),
        column_labels=labels,
        variable_value_labels=values,
        missing_ranges={column.name: [RANGE] for column in coded if column.missing},
        variable_measure={column.name: column.measure for column in table.columns},
        variable_format=formats,
    )
    put_rows(path, table.frame)
    return cuts


def _cut(column: Heading, code: int | None, text: str, most: int, cuts: list[Cut]) -> str:
    kept = cut_bytes(text, most)
    if kept != text:
        cuts.append(Cut(column.name, code, kept, text))
    return kept


def _syntax(dataset: Dataset, data: str) -> Iterator[str]:
    """SPSS's own words: open the file, weigh by `weight`, declare the multiple-response sets."""
    yield "* Encoding: UTF-8."
    yield f"GET FILE={_quoted(data)}."
    yield "WEIGHT BY weight."
    for module in dataset.modules:
        yield f"* Questions of module {module}: WEIGHT BY {module_weight(module)}."
    for column in dataset.columns:
        if column.kind == "list":
            yield from _set(column, _choices(dataset.columns, column))


def _choices(columns: Sequence[Heading], of: Heading) -> list[str]:
    return [one.name for one in columns if one.kind == "choice" and one.item == of.item]


def _set(column: Heading, names: Sequence[str]) -> Iterator[str]:
    label = cut_bytes(" ".join(column.label.split()), 100)
    name = f"${column.name[:30]}"
    yield "MRSETS"
    yield f"  /MDGROUP NAME={name} LABEL={_quoted(label)} CATEGORYLABELS=VARLABELS"
    yield "    VARIABLES="
    yield from (f"      {one}" for one in names)
    yield "    VALUE=1"
    yield f"  /DISPLAY NAME=[{name}]."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
