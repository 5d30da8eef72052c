"""« Parmi ceux … »: whom an expression of the questionnaire's language keeps, among the answers.

Decides nothing by itself: the questionnaire's compiler checks and evaluates the expression, once
per distinct profile of what it reads. Unknown keeps nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from cati.operations.errors import Refused
from questionnaire.core.errors import Mark, problem
from questionnaire.core.expressions import Compiled, Fault, compile_expression
from questionnaire.core.kleene import UNKNOWN
from questionnaire.core.program import Node
from weighting.exports.columns import SPECIAL_CODES, UNDRAWN
from weighting.exports.wording import in_words
from weighting.flash.answers import Answers, Flags

TAGS = {code: special for special, code in SPECIAL_CODES.items()}
SPECIAL = "_special"


def kept(answers: Answers, expression: str) -> Flags:
    """Who (n,) the expression is true for. Refused, under `among`, with its place and mending."""
    if not expression.strip():
        return np.ones(len(answers), np.bool_)
    compiled = _compiled(answers, expression)
    nodes = [answers.program.nodes[slot] for slot in sorted(compiled.reads)]
    _refuse_unkept(answers, nodes)
    columns = [column for node in nodes for column in _columns(answers, node)]
    if not columns:
        return np.full(len(answers), compiled.run([], []) is True)
    frame = answers.frame.select(columns)
    verdicts: dict[tuple[Any, ...], bool] = {}
    found = np.zeros(len(answers), np.bool_)
    for row, cells in enumerate(frame.iter_rows()):
        if cells not in verdicts:
            told = dict(zip(columns, cells, strict=True))
            values, tags = {}, {}
            for node in nodes:
                values[node.slot], tags[node.slot] = _read(answers, node, told)
            verdicts[cells] = compiled.run(values, tags) is True  # type: ignore[arg-type]
        found[row] = verdicts[cells]
    return found


def expression_of(answers: Answers, item: str, codes: Iterable[str]) -> str:
    """The expression that keeps who gave one of these answers (codes, "dk" among them)."""
    given = list(codes)
    numbers = [code for code in given if code.isdecimal()]
    parts = [f"dk({item})"] if "dk" in given else []
    asked = answers.items.get(item)
    if asked is not None and asked.type == "multiple":
        parts = [f"{code} in {item}" for code in numbers] + parts
    elif asked is None and answers.columns[item].kind == "boolean":
        parts = [item if code == "1" else f"{item} == False" for code in numbers]
    elif numbers:
        parts = [f"{item} in [{', '.join(numbers)}]", *parts]
    return " or ".join(parts)


def said(answers: Answers, expression: str) -> str:
    """The expression in French words, for titles and notes."""
    return in_words(answers.program.instrument, expression) if expression.strip() else ""


def _compiled(answers: Answers, expression: str) -> Compiled:
    try:
        compiled = compile_expression(expression, answers.program.scope)
        if compiled.type.kind != "boolean":
            found = {"found": f"a {compiled.type.kind}", "expected": "a yes or no"}
            raise Fault("Q311", 0, len(expression), **found, hint="Compare it: NAME == 1.")
    except Fault as fault:
        width = max(fault.end - fault.start, 1)
        mark = Mark(_("Parmi"), 1, fault.start + 1, width, expression)
        told = problem(fault.code, mark, **fault.details)
        raise Refused({"among": f"{told.message} {told.mend}".strip()}) from fault
    return compiled


def _refuse_unkept(answers: Answers, nodes: Sequence[Node]) -> None:
    """What the dataset does not hold (contact data, parameters, rosters) keeps nobody apart."""
    lacking = [node.name for node in nodes if node.name not in answers.columns]
    if lacking:
        said = _(
            "« %(name)s » n’est pas dans les données pondérées. Choisissez une autre question."
        )
        raise Refused({"among": said % {"name": lacking[0]}})


def _columns(answers: Answers, node: Node) -> list[str]:
    names = [answers.columns[node.name].name]
    if node.kind == "item" and not node.entry.choices:
        special = answers.columns.get(node.name + SPECIAL)
        names += [special.name] if special else []
    return names


def _read(answers: Answers, node: Node, told: dict[str, Any]) -> tuple[Any, str]:
    """The value and the tag of a node, as the walker has them."""
    column = answers.columns[node.name]
    cell = told[column.name]
    if node.kind == "item" and not node.entry.choices:
        special = answers.columns.get(node.name + SPECIAL)
        code = told[special.name] if special else None
        if code is not None and code != UNDRAWN:
            return UNKNOWN, TAGS[code]
        return (UNKNOWN, "") if cell is None else (cell, "answered")
    if cell is None:
        return UNKNOWN, ""
    if node.kind != "item":
        return (bool(cell) if column.kind == "boolean" else cell), ""
    return _chosen(node, cell)


def _chosen(node: Node, cell: Any) -> tuple[Any, str]:
    codes = [int(code) for code in str(cell).split()]
    if codes and codes[0] in (*TAGS, UNDRAWN):
        return UNKNOWN, TAGS.get(codes[0], "")
    multiple = node.entry.type == "multiple"
    return (frozenset(codes) if multiple else codes[0]), "answered"
