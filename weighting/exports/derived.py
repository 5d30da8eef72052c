"""Computed variables, by the questionnaire's own closures, once per distinct profile of what each
reads.

Decides nothing: the closures of the program do, on values set as the walker would have them; the
cost grows with the profiles and not with the interviews. Only for complete interviews, in which
nothing is pending and no end cuts the route.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from questionnaire.core.expressions import compile_expression
from questionnaire.core.instrument import NUMBERS, Item
from questionnaire.core.kleene import UNKNOWN, Run, Tags, Values, both
from questionnaire.core.program import Node, Program
from weighting.exports import raw

# A code is a number, all else text.
Cells = tuple[Any, ...]
SPECIAL_OF_CODE = {code: special for special, code in raw.SPECIAL_CODES.items()}


class Derivations:
    """What a version computes; `added` gives a raw frame the columns of its computed variables."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._seen: dict[str, dict[Cells, str | None]] = {}
        wanted = {node.slot for node in program.nodes if node.kind in ("compute", "living")}
        self._modules = {
            name: compile_expression(text, program.scope)
            for name, text in program.instrument.modules.items() if text
        }  # fmt: skip
        wanted |= {slot for module in self._modules.values() for slot in module.reads}
        self._slots = sorted(self._with_reads(wanted))

    def added(self, frame: pl.DataFrame) -> pl.DataFrame:
        for slot in self._slots:
            node = self.program.nodes[slot]
            if node.kind not in ("item", "input"):
                frame = self._computed(frame, node)
        for name, module in self._modules.items():
            asked = _of_two(module.run)
            frame = self._by_profile(frame, raw.undrawn(name), sorted(module.reads), (), asked)
            frame = frame.with_columns(pl.col(raw.undrawn(name)) == "false")
        return frame

    def _with_reads(self, slots: set[int]) -> set[int]:
        found, left = set(slots), list(slots)
        while left:
            for slot in self.program.reads[left.pop()]:
                if slot not in found:
                    found.add(slot)
                    left.append(slot)
        return found

    def _computed(self, frame: pl.DataFrame, node: Node) -> pl.DataFrame:
        extra = {
            "draw": (raw.draw(node.name),),
            "quota": (raw.place(node.name),),
            "living": (raw.REMOVED,),
        }.get(node.kind, ())
        reads = self.program.reads[node.slot]

        def value(v: Values, t: Tags, more: Cells) -> Any:
            when = True if node.when is None else node.when(v, t)
            return _value(node, when, v, t, more)

        return self._by_profile(frame, _column(node), reads, extra, value)

    def _by_profile(
        self,
        frame: pl.DataFrame,
        name: str,
        reads: Sequence[int],
        extra: Sequence[str],
        value: Callable[[Values, Tags, Cells], Any],
    ) -> pl.DataFrame:
        """The frame with one more column: `value` of each distinct profile of what is read."""
        nodes = [self.program.nodes[slot] for slot in reads]
        columns = list(dict.fromkeys([*(c for node in nodes for c in _columns(node)), *extra]))
        if not columns:
            return frame.with_columns(pl.lit(_told(value([], [], ())), pl.String).alias(name))
        seen = self._seen.setdefault(name, {})
        profiles = frame.select(columns).unique()
        for cells in profiles.iter_rows():
            if cells not in seen:
                told = dict(zip(columns, cells, strict=True))
                values, tags = self._set(nodes, told)
                seen[cells] = _told(value(values, tags, tuple(told[one] for one in extra)))
        found = pl.Series(name, [seen[cells] for cells in profiles.iter_rows()], pl.String)
        # Joined apart: the frame's other columns need not be gathered again for each variable.
        joined = frame.select(columns).join(
            profiles.with_columns(found), on=columns, how="left", nulls_equal=True,
            maintain_order="left",
        )  # fmt: skip
        return frame.with_columns(joined[name])

    def _set(self, nodes: Sequence[Node], told: dict[str, Any]) -> tuple[Values, Tags]:
        size = len(self.program.nodes)
        values: list[Any] = [UNKNOWN] * size
        tags = [""] * size
        for node in nodes:
            cells = [told[column] for column in _columns(node)]
            values[node.slot], tags[node.slot] = _read(node, cells)
        return values, tags


def _of_two(run: Run) -> Callable[[Values, Tags, Cells], Any]:
    return lambda values, tags, _more: run(values, tags)


def _columns(node: Node) -> list[str]:
    """The raw columns in which the value of a slot stands."""
    if node.kind == "item" and not node.entry.choices:
        kept = node.entry.type == "info" or node.entry.store == "contact"
        answer = raw.answer(node.name)
        return [answer] if kept else [answer, raw.special(node.name)]
    return [_column(node)]


def _column(node: Node) -> str:
    match node.kind:
        case "item":
            one_choice = node.entry.choices and node.entry.type != "multiple"
            return raw.code(node.name) if one_choice else raw.answer(node.name)
        case "input":
            return raw.given(node.name)
        case "living":
            return raw.living(node.name, int(node.instance))
        case "compute":
            return raw.computed(node.name)
        case _:
            return f"slot {node.slot}"


def _read(node: Node, cells: Sequence[Any]) -> tuple[Any, str]:
    """The value and the tag of a slot, as Walker has them."""
    if node.kind == "item":
        return _answer(node.entry, *cells)
    [cell] = cells
    if node.kind == "input":
        return (node.entry.default if cell is None else json.loads(cell)), ""
    if node.kind == "draw" or (node.kind == "compute" and node.entry.type == "text"):
        return cell, ""
    return (UNKNOWN if cell is None else json.loads(cell)), ""


def _answer(item: Item, cell: Any, special: str | None = None) -> tuple[Any, str]:
    if special is not None:
        return UNKNOWN, special
    if cell is None:
        return UNKNOWN, ""
    if isinstance(cell, int):
        special = SPECIAL_OF_CODE.get(cell)
        return (UNKNOWN, special) if special else (cell, "answered")
    if item.type == "info" or item.store == "contact":
        read = cell == "true"
        return (True if read and item.type == "info" else UNKNOWN), "answered" if read else cell
    if item.type == "multiple":
        return (UNKNOWN, cell) if cell.isalpha() else (frozenset(json.loads(cell)), "answered")
    return (json.loads(cell) if item.type in NUMBERS else cell), "answered"


def _value(node: Node, when: Any, v: Values, t: Tags, more: Cells) -> Any:
    if node.kind == "gate":
        return when
    if node.kind == "living":
        return both(when, _lives(node, node.run(v, t) if node.run else UNKNOWN, more[0]))
    if when is not True:
        return False if node.kind == "quota" else UNKNOWN
    if node.kind == "draw":
        return more[0]
    if node.kind == "quota":
        return more[0] == "full"
    return UNKNOWN if node.run is None else node.run(v, t)


def _lives(node: Node, count: Any, removed: str | None) -> Any:
    if count is UNKNOWN:
        return UNKNOWN
    gone = json.loads(removed or "{}").get(node.name, [])
    number = int(node.instance)
    before = number - 1 - sum(1 for one in gone if one < number)
    return number not in gone and before < min(count, node.entry.max)


def _told(value: Any) -> str | None:
    """How a value stands in a frame of text: itself if it is one, JSON otherwise."""
    if value is UNKNOWN or isinstance(value, str):
        return value
    return json.dumps(sorted(value) if isinstance(value, frozenset) else value)
