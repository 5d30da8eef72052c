"""The columns of the dataset: what each one is called, means, and takes from an interview.

An item gives one column; a multiple one per choice and a list; an "other" its words; a text a
second column for its specials. What is stored with the contact data gives none, and neither do
wave parameters and preloads. Empty is: not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from questionnaire.core.instrument import NUMBERS, Choice, Item
from questionnaire.core.program import Node, Program
from questionnaire.core.routing import Walker
from questionnaire.core.state import State
from questionnaire.core.validation import SPECIAL_LABELS

Cell = int | float | str | None
SPECIAL_CODES = {"na": 97, "dk": 98, "refused": 99}
YES_NO = {1: "Oui", 0: "Non"}


@dataclass(frozen=True)
class Heading:
    """What a column is called and means; `labels` say its codes in words."""

    name: str
    label: str
    kind: str
    labels: Mapping[int, str] = field(default_factory=dict)

    def words(self, cell: Cell) -> Cell:
        """The cell as people read it; a list of codes, code by code."""
        if self.kind == "list" and isinstance(cell, str):
            return " | ".join(self.labels[int(code)] for code in cell.split())
        return self.labels.get(cell, cell) if isinstance(cell, int) else cell


@dataclass(frozen=True)
class Column(Heading):
    """A column that is read from an interview, as a code."""

    read: Callable[[Reading], Cell] = field(kw_only=True)


class Reading:
    """One interview on its route: the answers that count, computed variables, draws."""

    def __init__(self, program: Program, answers: Mapping[str, Any]) -> None:
        walker = Walker(program, State.from_json(answers))
        route = walker.route()
        asked = set(route.asked)
        self.answers = {key: value for key, value in walker.state.answers.items() if key in asked}
        self.computed, self.draws = route.computed, walker.state.draws

    def special(self, key: str) -> int | None:
        return SPECIAL_CODES.get(self.answers.get(key, {}).get("special", ""))

    def value(self, key: str) -> Any:
        return self.answers.get(key, {}).get("v")

    def other(self, key: str, code: int) -> str | None:
        words = self.answers.get(key, {}).get("other", {}).get(str(code))
        return None if words is None else str(words)


def columns_of(programs: Iterable[Program]) -> list[Column]:
    """Every column of the versions in use, the latest first, in the order of the first that has it.

    A code keeps its label where only an earlier version has it: its answers are in the file too.
    """
    columns: dict[str, Column] = {}
    for program in programs:
        for node in program.nodes:
            for column in _of_node(node):
                later = columns.setdefault(column.name, column)
                if column.labels.keys() - later.labels.keys():
                    labels = {**column.labels, **later.labels}
                    columns[column.name] = replace(later, labels=labels)
    return list(columns.values())


def _of_node(node: Node) -> Iterator[Column]:
    if node.kind == "item":
        if node.entry.type != "info" and node.entry.store != "contact":
            yield from _of_item(node.name, node.entry)
    elif node.kind == "compute":
        yield _computed(node)
    elif node.kind == "draw":
        name = node.name
        yield Column(name, f"Tirage {name}", "draw", read=lambda r: r.draws.get(name))


def _of_item(key: str, item: Item) -> Iterator[Column]:
    name, label = key.replace("@", "_"), _label(item)
    specials = {SPECIAL_CODES[one]: SPECIAL_LABELS[one] for one in item.specials}
    if item.type == "multiple":
        yield from _multiple(key, name, item, specials)
    elif item.choices:
        labels = {choice.code: choice.label for choice in item.choices} | specials
        yield Column(name, label, item.type, labels, read=lambda r: _code(r, key))
    else:
        kind = item.type if item.type in NUMBERS else "text"
        yield Column(name, label, kind, read=lambda r: r.value(key))
        if specials:
            # Beside the value: a number may be 98, and somebody may say « 98 ».
            said = f"{label} : sans réponse"
            yield Column(
                f"{name}_special", said, "special", specials, read=lambda r: r.special(key)
            )
    for choice in item.choices:
        if choice.other:
            yield _words(key, name, label, choice)


def _multiple(key: str, name: str, item: Item, specials: Mapping[int, str]) -> Iterator[Column]:
    codes = {choice.code: choice.label for choice in item.choices} | dict(specials)
    yield Column(name, _label(item), "list", codes, read=lambda r: _list(r, key))
    for choice in item.choices:
        label = f"{_label(item)} : {choice.label}"
        chosen = _chooser(key, choice.code)
        yield Column(f"{name}_{choice.code}", label, "choice", YES_NO | dict(specials), read=chosen)


def _chooser(key: str, code: int) -> Callable[[Reading], Cell]:
    def chosen(reading: Reading) -> Cell:
        codes = reading.value(key)
        return reading.special(key) if codes is None else int(code in codes)

    return chosen


def _words(key: str, name: str, label: str, choice: Choice) -> Column:
    code = choice.code
    said = f"{label} : {choice.label}, en clair"
    return Column(f"{name}_{code}_texte", said, "text", read=lambda r: r.other(key, code))


def _computed(node: Node) -> Column:
    name, kind = node.name, node.entry.type
    labels = YES_NO if kind == "boolean" else {}

    def read(reading: Reading) -> Cell:
        value = reading.computed.get(name)
        return int(value) if isinstance(value, bool) else value

    return Column(name.replace("@", "_"), f"Calculée : {node.entry.value}", kind, labels, read=read)


def _code(reading: Reading, key: str) -> Cell:
    value = reading.value(key)
    return reading.special(key) if value is None else int(value)


def _list(reading: Reading, key: str) -> Cell:
    codes = reading.value(key)
    if codes is not None:
        return " ".join(map(str, codes))
    special = reading.special(key)
    return None if special is None else str(special)


def _label(item: Item) -> str:
    stem = f"{item.stem} " if item.stem else ""
    return f"{stem}{item.text}"
