"""A questionnaire as values: themes that hold items, computes, ends, draws, quotas and groups.

Decides the shape of an instrument and of its canonical JSON; never what an answer leads to.
The language is described in docs/language.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

Special = Literal["dk", "refused", "na"]
SPECIALS: tuple[Special, ...] = ("dk", "refused", "na")
CHOSEN = frozenset({"single", "scale", "multiple", "consent"})
NUMBERS = frozenset({"integer", "decimal"})
TYPES = ("single", "scale", "multiple", "integer", "decimal", "text", "consent", "address", "info")
Translations = Mapping[str, Mapping[str, str]]  # language → field → text


@dataclass(frozen=True)
class Choice:
    """One code of an item. `exclusive` clears the others, `other` takes a few words beside it."""

    code: int
    label: str
    exclusive: bool = False
    other: bool = False
    translations: Mapping[str, str] = field(default_factory=dict)  # language → label


@dataclass(frozen=True)
class Check:
    """What must hold once its last item is answered; a soft one may be confirmed as it is."""

    name: str
    must: str
    message: str
    hard: bool = False
    translations: Translations = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One question. `text` is the row where it stands in a grid, whose `stem` is read once."""

    code: str
    type: str
    text: str
    theme: str
    choices: tuple[Choice, ...] = ()
    specials: tuple[str, ...] = ("dk", "refused")
    short: str = ""
    instruction: str = ""
    probes: tuple[str, ...] = ()
    ask_if: str = ""
    module: str = ""
    prefill: str | tuple[tuple[int, str], ...] = ""  # an expression, or (code, condition) pairs
    bounds: tuple[int | float | str, ...] = ()  # () or (low, high), each a number or an expression
    max: int = 0
    max_length: int = 2000
    checks: tuple[Check, ...] = ()
    order: str = "source"
    fixed: tuple[int, ...] = ()
    table_order: tuple[int | str, ...] = ()
    base: str = ""  # who counts in its tables; '' is everybody asked, refusals out
    store: str = "journal"
    per_contact: bool = False
    read: bool = True
    grid: str = ""
    stem: str = ""
    roster: str = ""
    share: float = 1.0  # expected share of respondents who are asked it
    note: str = ""  # for authors
    translations: Translations = field(default_factory=dict)
    tag: ClassVar[str] = "item"

    def choice(self, code: int) -> Choice | None:
        return next((choice for choice in self.choices if choice.code == code), None)


@dataclass(frozen=True)
class Compute:
    name: str
    type: str  # boolean, integer, decimal, text
    value: str
    tag: ClassVar[str] = "compute"


@dataclass(frozen=True)
class End:
    """Stops the interview where `when` is true. A temporary end is resumed at a later call."""

    name: str
    when: str
    outcome: str
    text: str = ""
    temporary: bool = False
    translations: Translations = field(default_factory=dict)
    tag: ClassVar[str] = "end"


@dataclass(frozen=True)
class Draw:
    """A split ballot: one of `values`, decided outside in permuted blocks within `stratum`."""

    name: str
    values: tuple[str, ...]
    stratum: str = ""
    ask_if: str = ""
    tag: ClassVar[str] = "draw"


@dataclass(frozen=True)
class QuotaPoint:
    """A place is asked for here, in the cell that the expression `cell` names."""

    name: str
    cell: str
    ask_if: str = ""
    tag: ClassVar[str] = "quota"


@dataclass(frozen=True)
class Milestone:
    name: str
    tag: ClassVar[str] = "milestone"


@dataclass(frozen=True)
class Group:
    """Entries that share a condition: a grid, a block (perhaps in random order), or a roster."""

    kind: str  # grid, block, roster
    name: str
    entries: tuple[Entry, ...]
    text: str = ""
    ask_if: str = ""
    order: str = "source"
    fixed: tuple[str, ...] = ()
    count: str = ""  # of a roster: the expression of its number of instances
    max: int = 0
    translations: Translations = field(default_factory=dict)
    tag: ClassVar[str] = "group"


Entry = Item | Compute | End | Draw | QuotaPoint | Milestone | Group


@dataclass(frozen=True)
class Theme:
    """A file of the questionnaire; a `block` is one that is no theme of the survey (S, D, F)."""

    code: str
    title: str
    entries: tuple[Entry, ...]
    kind: str = "theme"
    intro: str = ""
    ask_if: str = ""
    translations: Translations = field(default_factory=dict)
    tag: ClassVar[str] = "theme"


@dataclass(frozen=True)
class Input:
    """A wave parameter or a preloaded variable, frozen with the interview."""

    name: str
    type: str
    values: tuple[str, ...] = ()
    default: str | int | float | bool | None = None
    translations: Translations = field(default_factory=dict)  # of the default; others read as given
    tag: ClassVar[str] = "input"


@dataclass(frozen=True)
class Message:
    """A text beside the questions: a reply to hesitation (`when` names it) or a closing word."""

    name: str
    text: str
    when: str = ""
    translations: Translations = field(default_factory=dict)
    tag: ClassVar[str] = "message"


@dataclass(frozen=True)
class Instrument:
    name: str
    title: str
    themes: tuple[Theme, ...]
    language: str = "fr"
    languages: tuple[str, ...] = ()
    parameters: tuple[Input, ...] = ()
    preloads: tuple[Input, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)  # module → who is asked it
    roles: Mapping[str, str] = field(default_factory=dict)  # sector, sex, age … → name
    texts: tuple[Message, ...] = ()
    tag: ClassVar[str] = "instrument"

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every item, in source order."""
        return tuple(
            entry for theme in self.themes for entry in walk(theme.entries)
            if isinstance(entry, Item)
        )  # fmt: skip

    @cached_property
    def _by_code(self) -> dict[str, Item]:
        return {item.code: item for item in self.items}

    @cached_property
    def codes_by_theme(self) -> dict[str, tuple[str, ...]]:
        """The codes of each theme's items in source order, by the theme's code."""
        return {
            theme.code: tuple(one.code for one in walk(theme.entries) if isinstance(one, Item))
            for theme in self.themes
        }

    @cached_property
    def theme_of(self) -> dict[str, Theme]:
        """The theme in which each item stands, by the item's code."""
        return {code: theme for theme in self.themes for code in self.codes_by_theme[theme.code]}

    def item(self, code: str) -> Item:
        """The item of `code` (of `CODE@instance` too). Raises KeyError."""
        return self._by_code[code.partition("@")[0]]

    def message(self, name: str) -> Message | None:
        return next((message for message in self.texts if message.name == name), None)

    @property
    def replies(self) -> tuple[Message, ...]:
        """What to answer when somebody hesitates, in order."""
        return tuple(message for message in self.texts if message.when)


def walk(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    """Every entry, groups before what they hold."""
    for entry in entries:
        yield entry
        if isinstance(entry, Group):
            yield from walk(entry.entries)


_TAGGED: dict[str, Any] = {
    kind.tag: kind
    for kind in (Item, Compute, End, Draw, QuotaPoint, Milestone, Group, Theme, Input, Message,
                 Instrument)
}  # fmt: skip
_NESTED: dict[str, Any] = {"choices": Choice, "checks": Check}


def to_json(instrument: Instrument) -> dict[str, Any]:
    """The canonical content: defaults left out, every entry tagged with what it `is`."""
    encoded: dict[str, Any] = _encode(instrument)
    return encoded


def from_json(content: Mapping[str, Any]) -> Instrument:
    """The instrument of a canonical content. Raises KeyError or TypeError on anything else."""
    instrument = _decode(content)
    if not isinstance(instrument, Instrument):
        raise TypeError("not the content of an instrument")
    return instrument


def content_hash(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON, in hexadecimal."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = getattr(value, "tag", None)
        fields = {
            one.name: _encode(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if not _is_default(value, one)
        }
        return {"is": tag, **fields} if tag else fields
    if isinstance(value, Mapping):
        return {key: _encode(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_encode(one) for one in value]
    return value


def _is_default(owner: Any, one: dataclasses.Field[Any]) -> bool:
    value = getattr(owner, one.name)
    if one.default is not dataclasses.MISSING:
        return bool(value == one.default and type(value) is type(one.default))
    return one.default_factory is not dataclasses.MISSING and not value


def _decode(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "is" not in value:
            return value  # a choice, a check, translations: texts alone, with nothing to build
        fields = {key: _decode(one) for key, one in value.items() if key != "is"}
        for name, kind in _NESTED.items():
            if name in fields:
                fields[name] = tuple(kind(**one) for one in fields[name])
        return _TAGGED[value["is"]](**fields)
    if isinstance(value, list | tuple):
        return tuple(_decode(one) for one in value)
    return value
