"""The columns of the dataset: what each one is called, means, and takes from an interview.

An item gives one column; a multiple one per choice and a list; an "other" its words; a number or a
text a second column for its specials. What is stored with the contact data gives none, and neither
do wave parameters and preloads. Empty is: not asked, because the route did not lead there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from questionnaire.core.instrument import NUMBERS, Choice, Item
from questionnaire.core.program import Node, Program
from questionnaire.core.validation import SPECIAL_LABELS
from weighting.exports import raw
from weighting.exports.names import Cut, valid_names

Cell = int | float | str | None
SPECIAL_CODES = raw.SPECIAL_CODES
UNDRAWN = 100
UNDRAWN_LABEL = "Module non tiré pour cet entretien"
MISSING = frozenset({*SPECIAL_CODES.values(), UNDRAWN})
WEIGHT = "weight"
YES_NO = {1: "Oui", 0: "Non"}
TYPES: Mapping[str, type[pl.DataType]] = {
    "integer": pl.Int64, "decimal": pl.Float64, "text": pl.String, "list": pl.String,
    "draw": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """What a column is called and means; `labels` say its codes in words.

    `full` is the name before it was made valid everywhere; `item` the one it comes from, if any;
    `module` the one whose question it is, which has weights of its own.
    """

    name: str
    label: str
    kind: str
    labels: Mapping[int, str] = field(default_factory=dict)
    item: str = ""
    full: str = ""
    module: str = ""

    @property
    def missing(self) -> list[int]:
        """Its codes that are no answer: na, dk, refused, module not drawn."""
        return [] if self.kind == "list" else sorted(self.labels.keys() & MISSING)

    @property
    def coded(self) -> bool:
        return bool(self.labels) and self.kind != "list"

    @property
    def dtype(self) -> type[pl.DataType]:
        """Codes go up to 100: one byte holds them."""
        return TYPES.get(self.kind, pl.Int8)

    @property
    def weight(self) -> str:
        """The column that weighs it: a module's questions have weights of their own."""
        return module_weight(self.module) if self.module else WEIGHT

    @property
    def measure(self) -> str:
        """« scale » in SPSS's sense: a number one may take the mean of."""
        if self.kind in NUMBERS:
            return "scale"
        return "ordinal" if self.kind == "scale" else "nominal"

    def in_words(self, values: pl.Expr) -> pl.Expr:
        """The column as people read it; a list of codes, code by code."""
        words = {str(code): label for code, label in self.labels.items()}
        if self.kind == "list":
            said = values.str.split(" ").list.eval(pl.element().replace(words)).list.join(" | ")
            return pl.when(values.is_not_null()).then(said)
        if not self.coded:
            return values
        return values.cast(pl.String).replace(words)


@dataclass(frozen=True)
class Column(Heading):
    """A column that is taken from the raw frame of the interviews of one version."""

    values: pl.Expr = field(kw_only=True)


def module_weight(module: str) -> str:
    """The name of the column that weighs a module's questions."""
    return valid_names([f"{WEIGHT}_{module.lower()}"])[0]


def columns_of(program: Program, roster: str = "", instance: int = 0) -> list[Column]:
    """The columns of one version, or those of one instance of a roster, under their full names."""
    return [
        column
        for node in _nodes_of(program, roster, instance)
        for column in _of_node(program, node)
    ]


def _nodes_of(program: Program, roster: str, instance: int) -> list[Node]:
    if not roster:
        return [node for node in program.nodes if not node.instance]
    _living, names = program.instances[roster][instance - 1]
    return [program.nodes[symbol.slot] for symbol in names.values()]


def united(versions: Iterable[Sequence[Heading]]) -> list[Heading]:
    """The columns of all versions, the latest first, in the order of the first that has each.

    A code keeps its label where only an earlier version has it: its answers are in the file too.
    """
    columns: dict[str, Heading] = {}
    for version in versions:
        for column in version:
            later = columns.setdefault(column.name, column)
            if column.labels.keys() - later.labels.keys():
                labels = {**column.labels, **later.labels}
                columns[column.name] = replace(later, labels=labels)
    return list(columns.values())


def named(headings: Sequence[Heading]) -> tuple[list[Heading], list[Cut]]:
    """The same under names that are valid everywhere, and the names that had to change."""
    valid = valid_names(heading.name for heading in headings)
    renamed = [
        Heading(name, one.label, one.kind, one.labels, one.item, one.name, one.module)
        for name, one in zip(valid, headings, strict=True)
    ]
    cuts = [Cut(one.name, None, one.name, one.full) for one in renamed if one.name != one.full]
    return renamed, cuts


def _of_node(program: Program, node: Node) -> Iterator[Column]:
    if node.kind == "item":
        item = node.entry
        if item.type != "info" and item.store != "contact":
            module = item.module if program.instrument.modules.get(item.module) else ""
            for column in _of_item(program, node.name, item):
                yield replace(column, module=module)
    elif node.kind == "compute":
        yield _computed(node)
    elif node.kind == "draw":
        label = f"Tirage {node.name}"
        yield Column(node.name, label, "draw", values=pl.col(raw.draw(node.name)))


def _of_item(program: Program, key: str, item: Item) -> Iterator[Column]:
    name, label, undrawn = item.code, _label(item), _undrawn(program, item)
    specials = {SPECIAL_CODES[one]: SPECIAL_LABELS[one] for one in item.specials}
    if undrawn is not None:
        specials[UNDRAWN] = UNDRAWN_LABEL
    if item.type == "multiple":
        yield from _multiple(key, item, specials, undrawn)
    elif item.choices:
        labels = {choice.code: choice.label for choice in item.choices} | specials
        codes = pl.col(raw.code(key))
        if undrawn is not None:
            silent = codes.is_null() & undrawn
            codes = pl.when(silent).then(pl.lit(UNDRAWN, pl.Int8)).otherwise(codes)
        yield Column(name, label, item.type, labels, name, values=codes)
    else:
        yield from _open(key, item, specials, undrawn)
    for choice in item.choices:
        if choice.other:
            yield _words(key, item, choice)


def _open(
    key: str, item: Item, specials: Mapping[int, str], undrawn: pl.Expr | None
) -> Iterator[Column]:
    """A number or a text, its specials beside it: somebody may be 98, or say « 98 »."""
    kind, label = (item.type if item.type in NUMBERS else "text"), _label(item)
    answer = pl.col(raw.answer(key))
    values = answer if kind == "text" else answer.cast(TYPES[kind])
    yield Column(item.code, label, kind, {}, item.code, values=values)
    if specials:
        said = _codes(raw.special(key), specials, undrawn, answered=raw.answer(key))
        yield Column(
            f"{item.code}_special", f"{label} : sans réponse", "special", specials, item.code,
            values=said,
        )  # fmt: skip


def _multiple(
    key: str, item: Item, specials: Mapping[int, str], undrawn: pl.Expr | None
) -> Iterator[Column]:
    labels = {choice.code: choice.label for choice in item.choices} | dict(specials)
    answer = pl.col(raw.answer(key))
    told = answer.str.starts_with("[")
    without = _codes(raw.answer(key), specials, undrawn)
    codes = answer.str.strip_chars("[]").str.replace_all(", ", " ", literal=True)
    listed = pl.when(told).then(codes).otherwise(without.cast(pl.String))
    yield Column(item.code, _label(item), "list", labels, item.code, values=listed)
    for choice in item.choices:
        label = f"{_label(item)} : {choice.label}"
        among = answer.str.contains(rf"[\[ ]{choice.code}[\],]").cast(pl.Int8)
        chosen = pl.when(told).then(among).otherwise(without)
        yield Column(
            f"{item.code}_{choice.code}", label, "choice", YES_NO | dict(specials), item.code,
            values=chosen,
        )  # fmt: skip


def _words(key: str, item: Item, choice: Choice) -> Column:
    said = f"{_label(item)} : {choice.label}, en clair"
    values = pl.col(raw.other(key, choice.code))
    return Column(f"{item.code}_{choice.code}_texte", said, "text", {}, item.code, values=values)


def _computed(node: Node) -> Column:
    kind, label = node.entry.type, f"Calculée : {node.entry.value}"
    values, labels = pl.col(raw.computed(node.name)), {}
    if kind == "boolean":
        labels = YES_NO
        values = values.replace_strict({"true": 1, "false": 0}, default=None, return_dtype=pl.Int8)
    return Column(
        node.entry.name, label, kind, labels, values=values.cast(TYPES.get(kind, pl.Int8))
    )


def _codes(
    column: str,
    labels: Mapping[int, str],
    undrawn: pl.Expr | None,
    *,
    answered: str = "",
) -> pl.Expr:
    """The codes of a raw column; where it says nothing, that the module was not drawn."""
    known = {str(code): code for code in labels} | {
        special: code for special, code in SPECIAL_CODES.items() if code in labels
    }
    codes = pl.col(column).replace_strict(known, default=None, return_dtype=pl.Int8)
    if undrawn is None:
        return codes
    silent = pl.col(column).is_null() & pl.col(answered or column).is_null()
    return pl.when(silent & undrawn).then(pl.lit(UNDRAWN, pl.Int8)).otherwise(codes)


def _undrawn(program: Program, item: Item) -> pl.Expr | None:
    """Whether another module was drawn for the interview; None where the item has no module."""
    if not program.instrument.modules.get(item.module):
        return None
    return pl.col(raw.undrawn(item.module))


def _label(item: Item) -> str:
    stem = f"{item.stem} " if item.stem else ""
    return f"{stem}{item.text}"
