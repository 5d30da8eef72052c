"""The texts of an instrument as one interview reads them.

Decides how labels and piping are filled in; never which question is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from questionnaire.core.instrument import Input, Item
from questionnaire.core.program import Node, permutation
from questionnaire.core.text import Piece, say, typeset

if TYPE_CHECKING:
    from questionnaire.core.walker import Walker


def render(walker: Walker, text: str, node: Node | None = None, lang: str = "fr") -> str:
    """A text with its piping filled in and typeset, as it reads inside `node`'s instance."""
    roster = _roster_of(node)
    instance = node.instance if node is not None and roster else ""
    if "{{" not in text:
        return typeset(text, lang)
    piped = walker.program.piped(text, instance, roster)
    names = walker.program.scope_of(instance, roster).names

    def label(name: str, value: Any) -> str | None:
        symbol = names.get(name)
        if symbol is None:
            return None
        if not symbol.is_item:
            return _default(walker.program.nodes[symbol.slot].entry, value, lang)
        return labels(walker.program.instrument.item(name), value, lang)

    words = [
        say(part, part.compiled.run(walker.values, walker.tags), label)
        if isinstance(part, Piece) else part
        for part in piped.parts
    ]  # fmt: skip
    return typeset("".join(words), lang)


def labels(item: Item, value: Any, lang: str = "fr") -> str | None:
    """The label of a code, those of several joined; None where the item has no choices."""
    if not item.choices:
        return None
    codes = sorted(value) if isinstance(value, frozenset | list | tuple | set) else [value]
    found = [item.choice(code) for code in codes]
    return ", ".join(one.translations.get(lang, one.label) for one in found if one is not None)


def _default(entry: Any, value: Any, lang: str) -> str | None:
    """The default of a parameter in another language; a value that a wave gives reads as given."""
    if not isinstance(entry, Input) or value != entry.default:
        return None
    return entry.translations.get(lang, {}).get("default")


def _roster_of(node: Node | None) -> str:
    entry = None if node is None else node.entry
    return entry.roster if isinstance(entry, Item) else ""


def shown_choices(walker: Walker, item: Item) -> list[int]:
    """The codes of an item in the order in which this interview shows them."""
    codes = [choice.code for choice in item.choices]
    seed = walker.state.seed
    if item.order != "random" or seed is None:
        return codes
    fixed = [rank for rank, code in enumerate(codes) if code in item.fixed]
    ranks = permutation(seed, f"choices {item.code}", len(codes), fixed)
    return [codes[rank] for rank in ranks]
