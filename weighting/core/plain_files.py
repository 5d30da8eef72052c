"""Decides what a CSV of respondents or margins means, and which of them cannot be understood.
Never judges the figures: an empty cell is a missing value, and calibration names what is wrong.
Formats: docs/calibration.md.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weighting.core.margins import NUMERIC, Collapse, Margin, Margins
from weighting.core.sheet import Sheet, Unreadable, read_sheet
from weighting.core.units import Column, Units

__all__ = ["Unreadable", "collapse_of", "option_of", "read_margins", "read_units"]

ONE_STRATUM = "all"
# Columns of a margins file that may be left out: what `Margin` says of a whole criterion.
OPTIONAL = ("unit", "universe", "source", "per", "soft")


def read_margins(path: Path, by: str | None) -> dict[str, list[Margin]]:
    """{stratum: margins in order of the file}.

    Columns: `by`, variable, category, total; if there, unit, universe, source, per and soft, of
    which a criterion has one value in a stratum. Raises Unreadable.
    """
    sheet = read_sheet(path, [*([by] if by else []), "variable", "category", "total"])
    categories, totals = sheet.texts("category"), sheet.numbers("total").tolist()
    optional = {name: sheet.texts(name) for name in OPTIONAL if name in sheet}
    if "soft" in sheet:
        optional["soft"] = np.nan_to_num(sheet.numbers("soft")).tolist()
    margins: dict[str, list[Margin]] = {}
    for (stratum, variable), rows in _criteria(sheet, by).items():
        where = f"{stratum}, {variable}"
        its = _totals(sheet, where, [(row, categories[row], totals[row]) for row in rows])
        told = {
            name: _agreed(sheet, where, name, {texts[row] for row in rows})
            for name, texts in optional.items()
        }
        given = {name: value for name, value in told.items() if value is not None}
        margins.setdefault(stratum, []).append(Margin(variable, its, **given))
    return margins


def _criteria(sheet: Sheet, by: str | None) -> dict[tuple[str, str], list[int]]:
    """{(stratum, variable): its rows}."""
    variables = sheet.texts("variable")
    strata = sheet.texts(by) if by else [ONE_STRATUM] * len(variables)
    criteria: dict[tuple[str, str], list[int]] = {}
    for row, (stratum, variable) in enumerate(zip(strata, variables, strict=True)):
        if not stratum or not variable:
            raise Unreadable(sheet.at(row, f"no {by if variable else 'variable'}"))
        criteria.setdefault((stratum, variable), []).append(row)
    return criteria


def _totals(
    sheet: Sheet, where: str, rows: Iterable[tuple[int, str | None, float]]
) -> dict[str, float]:
    """{category: total} of one criterion; a total that is missing is NaN, to be refused by name."""
    found: dict[str, float] = {}
    for row, text, total in rows:
        category = text or NUMERIC
        if category in found:
            raise Unreadable(sheet.at(row, f"{where} = {category} is given twice"))
        found[category] = total
    if NUMERIC in found and len(found) > 1:
        raise Unreadable(f"{sheet.name}: {where}: a category is empty")
    return found


def _agreed(sheet: Sheet, where: str, name: str, said: set[Any]) -> Any:
    """The one value that the rows of a criterion have in an optional column, or None."""
    if len(said) > 1:
        raise Unreadable(f"{sheet.name}: {where}: more than one {name}")
    (value,) = said
    if name == "unit" and value not in (None, "person", "household"):
        raise Unreadable(f"{sheet.name}: {where}: unit {value!r} is not person or household")
    return value


def read_units(
    path: Path,
    margins: Mapping[str, Iterable[Margin]],
    *,
    id_column: str,
    by: str | None,
    weight: str | None,
) -> Units:
    """Respondents, with the criteria that the margins use; initial weight 1 unless given.

    Raises Unreadable.
    """
    sheet = read_sheet(path, [name for name in (id_column, by, weight) if name])
    n = len(sheet.cells)
    every = [margin for its in margins.values() for margin in its]
    wanted = {margin.variable: margin.is_numeric for margin in every}
    wanted |= {margin.per: True for margin in every if margin.per is not None}
    there = {name: numeric for name, numeric in wanted.items() if name in sheet}
    return Units(
        strata=sheet.column(by) if by else Column(np.zeros(n, np.intp), (ONE_STRATUM,)),
        weights=sheet.numbers(weight) if weight else np.ones(n),
        variables={name: sheet.column(name) for name, numeric in there.items() if not numeric},
        numeric={name: sheet.numbers(name) for name, numeric in there.items() if numeric},
        ids=[name or "" for name in sheet.texts(id_column)],
    )


def collapse_of(text: str, margins: Margins) -> Collapse:
    """[STRATUM/]VARIABLE:A+B, in all strata unless one is named. Raises ValueError.

    A category of the margins may itself hold a plus: age:50-64+65+.
    """
    place, _, categories = text.partition(":")
    named, slash, rest = place.strip().partition("/")
    stratum, variable = (named, rest) if slash and named in margins else (None, place.strip())
    known = {
        category
        for its in margins.values()
        for margin in its
        if margin.variable == variable
        for category in margin.totals
    }
    pieces = [piece.strip() for piece in categories.split("+")]
    names = _known_parts(pieces, known) or tuple(pieces)
    if not variable or len(names) < 2 or not all(names):
        raise ValueError(f"{text!r} is not VARIABLE:A+B")
    return Collapse(variable, names, stratum, reason="asked for on the command line")


def option_of(collapse: Collapse) -> str:
    """The text that `collapse_of` reads as that collapse."""
    place = f"{collapse.stratum}/" if collapse.stratum else ""
    return f"{place}{collapse.variable}:{collapse.label}"


def _known_parts(pieces: list[str], known: set[str]) -> tuple[str, ...]:
    """The pieces joined again by "+" so that each part is a known category; () where none fits."""
    for end in range(1, len(pieces) + 1):
        head = "+".join(pieces[:end])
        if head not in known:
            continue
        if end == len(pieces):
            return (head,)
        if rest := _known_parts(pieces[end:], known):
            return (head, *rest)
    return ()
