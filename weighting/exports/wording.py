"""Conditions of the questionnaire said in French: « NUM01 = « Oui » et AGE au moins 60 ».

Decides how an expression reads, never what it means; what it has no words for it leaves as the
author wrote it. The grammar is that of questionnaire/core/expressions.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from questionnaire.core.instrument import Entry, Group, Instrument, Item

SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=", ast.NotEq: "autre que", ast.Lt: "moins de", ast.LtE: "au plus",
    ast.Gt: "plus de", ast.GtE: "au moins", ast.In: "=", ast.NotIn: "autre que",
}  # fmt: skip
STATES = {
    "dk": "ne se prononce pas", "refused": "refuse de répondre", "na": "non concerné(e)",
    "answered": "a répondu",
}  # fmt: skip


def filter_of(instrument: Instrument, item: Item) -> str:
    """Who is asked the item, in words: the conditions around it, its module's, its own.

    Empty where everybody is whose interview gets that far.
    """
    conditions = [*_around(instrument, item), instrument.modules.get(item.module, ""), item.ask_if]
    return " ; ".join(in_words(instrument, text) for text in conditions if text)


def in_words(instrument: Instrument, text: str) -> str:
    """An expression in French."""
    return _Words(instrument, text).say(ast.parse(text, mode="eval").body)


def _around(instrument: Instrument, item: Item) -> Iterator[str]:
    for theme in instrument.themes:
        path = _path(theme.entries, item)
        if path is not None:
            yield theme.ask_if
            yield from (group.ask_if for group in path)


def _path(entries: Iterable[Entry], item: Item) -> list[Group] | None:
    """The groups in which the item stands, the outermost first; None where it does not."""
    for entry in entries:
        if entry is item:
            return []
        if isinstance(entry, Group):
            inner = _path(entry.entries, item)
            if inner is not None:
                return [entry, *inner]
    return None


class _Words:
    def __init__(self, instrument: Instrument, text: str) -> None:
        self.text = text
        self.items = {item.code: item for item in instrument.items}

    def say(self, node: ast.expr) -> str:
        match node:
            case ast.BoolOp(op=op, values=values):
                sign = " et " if isinstance(op, ast.And) else " ou "
                return sign.join(self._part(one) for one in values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"non ({self.say(operand)})"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._comparison(left, op, right)
            case ast.Call(func=ast.Name(id=state), args=[ast.Name(id=name)]) if state in STATES:
                return f"{name} : {STATES[state]}"
            case _:
                return self._source(node)

    def _part(self, node: ast.expr) -> str:
        said = self.say(node)
        return f"({said})" if isinstance(node, ast.BoolOp) else said

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        among = isinstance(op, ast.In | ast.NotIn)
        if among and isinstance(left, ast.Constant) and isinstance(right, ast.Name):
            sign = "comprend" if isinstance(op, ast.In) else "ne comprend pas"
            return f"{right.id} {sign} {self._value(right, left)}"
        values = right.elts if isinstance(right, ast.List) else [right]
        said = " ou ".join(self._value(left, value) for value in values)
        return f"{self._source(left)} {SIGNS[type(op)]} {said}"

    def _value(self, of: ast.expr, value: ast.expr) -> str:
        """A code by its label where the item is known; any other number as it is."""
        if not isinstance(value, ast.Constant):
            return self._source(value)
        if isinstance(value.value, bool):
            return "« oui »" if value.value else "« non »"
        item = self.items.get(of.id) if isinstance(of, ast.Name) else None
        choice = item.choice(value.value) if item and isinstance(value.value, int) else None
        if choice is None and not isinstance(value.value, str):
            return str(value.value)
        return f"« {choice.label if choice else str(value.value)} »"

    def _source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or ast.unparse(node)
