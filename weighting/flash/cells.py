"""Every cell of a table as a line: for CSV files, and to compare with what was published."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weighting.exports.columns import Cell
from weighting.exports.files import harmless
from weighting.flash import words
from weighting.flash.build import Made
from weighting.flash.page import Page

COLUMNS = (
    "question", "libelle_question", "parmi", "ligne", "libelle_ligne", "modalite",
    "libelle_modalite", "imprime", "arrondi", "somme_des_arrondis", "marque", "part", "erreur_type",
    "borne_basse", "borne_haute", "marge", "base", "base_ponderee", "etat", "ecart", "ecart_p",
)  # fmt: skip


def cells(made: Made) -> Iterator[dict[str, Cell]]:
    """Row by row; figures of rows that are kept back are empty."""
    table = made.table
    for r, row in enumerate(made.rows):
        for c, head in enumerate(table.heads):
            summed = made.rounded_sum(c)[r] if head.parts else None
            gaps = table.gaps
            yield {
                "question": made.question.code,
                "libelle_question": made.question.text,
                "parmi": made.ask.among,
                "ligne": row.code,
                "libelle_ligne": row.label,
                "modalite": head.code,
                "libelle_modalite": head.label,
                "imprime": words.cell(made, r, c),
                "arrondi": _number(made.rounded[r, c]),
                "somme_des_arrondis": _number(summed),
                "marque": words.STAR if table.stars[r, c] else "",
                "part": _number(table.values[r, c]),
                "erreur_type": _number(table.se[r, c]),
                "borne_basse": _number(table.low[r, c]),
                "borne_haute": _number(table.high[r, c]),
                "marge": _number(table.margin[r, c]),
                "base": int(table.n[r]) if table.printed[r] else None,
                "base_ponderee": _number(table.weighted[r]),
                "etat": table.states[r],
                "ecart": _number(gaps.values[r, c]) if gaps else None,
                "ecart_p": _number(gaps.holm[r, c]) if gaps else None,
            }


def of_page(page: Page) -> Iterator[dict[str, Cell]]:
    """The cells of its tables, then the figures of its cards, sentences and charts."""
    for block in page.tables:
        yield from cells(block.made)
    for name, figure in page.figures.items():
        last = figure.made.table.heads[-1].code
        for line in cells(figure.made):
            if line["modalite"] == last and line["somme_des_arrondis"] is not None:
                printed = figure.printed[str(line["ligne"])]
                yield line | {"libelle_modalite": name, "arrondi": _number(printed)}


def write_csv(path: Path, lines: Iterable[Mapping[str, Cell]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([harmless(line[name]) for name in COLUMNS] for line in lines)


def _number(value: Any) -> float | None:
    """A figure with as many digits as mean something; None for what is not shown."""
    if value is None or np.isnan(value):
        return None
    return float(f"{float(value):.12g}")
