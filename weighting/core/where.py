"""Decides which respondents of a file an expression keeps: those for whom it is true.
Never evaluates the author's text: the questionnaire's own language reads it, in Kleene's logic.
Language: docs/language.md, Expressions; a column is an item, its cells are its answers.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from questionnaire.core.errors import Mark, problem
from questionnaire.core.expressions import (
    NUMBER,
    TEXT,
    Compiled,
    Fault,
    Scope,
    Symbol,
    compile_expression,
)
from questionnaire.core.kleene import UNKNOWN
from weighting.core.sheet import Sheet, Unreadable

SPECIALS = frozenset({"dk", "refused", "na"})
# A code with leading zeros is a text: 01 is not 1.
NUMERIC = re.compile(r"-?(0|[1-9][0-9]*)([.,][0-9]+)?")
QUOTED = re.compile(r"""(['"])(?P<number>-?[0-9]+(\.[0-9]+)?)\1""")


def rows_where(expression: str, sheet: Sheet) -> NDArray[np.bool_]:
    """Which rows (n,) the expression is true for; unknown (an empty cell, a special) is not true.

    A column whose answers are all numbers is a number, else a text; `dk`, `refused` and `na` are
    specials. Files have no types, so a number in quotes is that number too. Raises Unreadable,
    which shows the place of the mistake and how to mend it.
    """
    columns = {name: sheet.texts(name) for name in sheet.cells.columns}
    numeric = {name: _is_numeric(cells) for name, cells in columns.items()}
    compiled = _compiled(expression, numeric)
    read = sorted(compiled.reads)
    names = list(columns)
    values = [_values(columns[names[slot]], numeric[names[slot]]) for slot in read]
    tags = [[_tag(cell) for cell in columns[names[slot]]] for slot in read]
    return np.fromiter(
        (
            compiled.run(_at(read, values, row), _at(read, tags, row)) is True
            for row in range(len(sheet.cells))
        ),
        np.bool_,
        len(sheet.cells),
    )


def _compiled(expression: str, numeric: dict[str, bool]) -> Compiled:
    symbols = {
        name: Symbol(name, slot, NUMBER if is_number else TEXT, specials=True, is_item=True)
        for slot, (name, is_number) in enumerate(numeric.items())
    }
    try:
        compiled = _compile(expression, Scope(symbols))
        if compiled.type.kind != "boolean":
            found = {"found": f"a {compiled.type.kind}", "expected": "a yes or no"}
            raise Fault("Q311", 0, len(expression), **found, hint="Compare it: NAME == 1.")
    except Fault as fault:
        raise Unreadable(_told(expression, fault, numeric)) from fault
    return compiled


def _compile(expression: str, scope: Scope) -> Compiled:
    try:
        return compile_expression(expression, scope)
    except Fault as fault:
        plain = QUOTED.sub(r"\g<number>", expression)
        if fault.code != "Q307" or plain == expression:
            raise
        try:
            return compile_expression(plain, scope)
        except Fault:
            raise fault from None


def _told(expression: str, fault: Fault, numeric: dict[str, bool]) -> str:
    """The mistake, its place underlined, and how to mend it."""
    details = dict(fault.details)
    if fault.code == "Q307":
        named = [name for name in numeric if re.search(rf"\b{re.escape(name)}\b", expression)]
        kinds = [f"{name} holds {'numbers' if numeric[name] else 'texts'}" for name in named]
        details["hint"] = f"{', '.join(kinds)}: write 1 for a number and '1' for a text."
    width = max(fault.end - fault.start, 1)
    found = problem(fault.code, Mark("--where", 1, fault.start + 1, width, expression), **details)
    return f"--where: {found.message}\n{found.excerpt}\n  {found.mend}"


def _is_numeric(cells: Sequence[str | None]) -> bool:
    answered = {cell for cell in cells if cell is not None} - SPECIALS
    return bool(answered) and all(NUMERIC.fullmatch(cell) for cell in answered)


def _values(cells: Sequence[str | None], numeric: bool) -> list[Any]:
    read = {
        cell: float(cell.replace(",", ".")) if numeric else cell
        for cell in set(cells)
        if cell is not None and cell not in SPECIALS
    }
    return [UNKNOWN if cell is None else read.get(cell, UNKNOWN) for cell in cells]


def _tag(cell: str | None) -> str:
    """What the language calls the state of an answer; nothing for an item that was not asked."""
    if cell is None:
        return ""
    return cell if cell in SPECIALS else "answered"


def _at(slots: Sequence[int], columns: Sequence[Sequence[Any]], row: int) -> Any:
    return {slot: column[row] for slot, column in zip(slots, columns, strict=True)}
