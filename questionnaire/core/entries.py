"""The entries of a theme, read from its file: items, grids, computes, ends, quotas, draws, rosters.

Decides which keys an entry has and what they hold; never what an answer leads to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from questionnaire.core.errors import Mark, suggestion
from questionnaire.core.instrument import (
    CHOSEN,
    NUMBERS,
    TYPES,
    Check,
    Choice,
    Compute,
    Draw,
    End,
    Entry,
    Group,
    Item,
    Message,
    Milestone,
    QuotaPoint,
)
from questionnaire.core.reading import FREE_NAME, NAME, Getter, Reader, Skip
from questionnaire.core.source import Node

MAX_CODE = 96  # 97 to 99 are what exports write for the specials
_OUTCOME = re.compile(r"[A-Za-z0-9._]{1,20}\Z")
_ORDERS = ("source", "random")
DECLARED = ("boolean", "integer", "decimal", "text")
_ITEM_KEYS = {
    "code", "type", "text", "theme", "short", "choices", "specials", "instruction", "probes",
    "ask_if", "module", "prefill", "bounds", "max", "max_length", "checks", "order", "fixed",
    "table_order", "base", "store", "per_contact", "read", "share", "note",
}  # fmt: skip
_ENTRY_KEYS: dict[str, set[str]] = {
    "code": _ITEM_KEYS,
    "compute": {"compute", "type", "value", "note"},
    "end": {"end"},
    "draw": {"draw", "values", "stratum", "ask_if", "note"},
    "quota": {"quota", "cell", "ask_if", "note"},
    "milestone": {"milestone", "note"},
    "grid": {
        "grid", "type", "text", "choices", "specials", "instruction", "probes", "ask_if", "module",
        "order", "fixed", "share", "note", "rows",
    },
    "block": {"block", "ask_if", "module", "order", "fixed", "note", "items"},
    "roster": {"roster", "count", "max", "ask_if", "module", "note", "items"},
}  # fmt: skip


class EntryReader(Reader):
    """One method per kind of entry; each reports what is wrong and goes on where it can."""

    def __init__(self) -> None:
        super().__init__()
        self.scales: dict[str, tuple[Choice, ...]] = {}
        self.messages: dict[str, Message] = {}
        self.theme = ""
        self.roster = ""
        self.module = ""
        self.counts: dict[str, int] = {}

    def entries(self, nodes: Iterable[Node]) -> tuple[Entry, ...]:
        read: list[Entry] = []
        for node in nodes:
            try:
                read.append(self.entry(node))
            except Skip:
                continue
        return tuple(read)

    def entry(self, node: Node) -> Entry:
        if node.entries is None:
            self.expected("an entry such as {code: …, type: …}", node)
        kinds = [kind for kind in _ENTRY_KEYS if kind in (node.entries or {})]
        if not kinds:
            first = next(iter((node.entries or {}).values()), (node, node))[0]
            self.report("Q104", first.mark, name=first.scalar,
                        hint="An entry begins with " + ", ".join(_ENTRY_KEYS) + ".")  # fmt: skip
            raise Skip
        kind = kinds[0]
        act: Callable[[Node], Entry] = getattr(self, f"_{kind}")
        return act(node)

    def _code(self, node: Node) -> Item:
        entries = self.mapping(node, _ITEM_KEYS, ("code", "type", "text"))
        return self.item(entries, {})

    def item(self, entries: Mapping[str, tuple[Node, Node]], shared: dict[str, Any]) -> Item:
        """One item; `shared` is what a grid gives to its rows."""
        code = self.define(entries["code"][1], NAME)
        get = Getter(self, code, entries)
        self.places[code, ""] = entries["code"][1]
        kind = shared.get("type") or get.word("type", TYPES, "Q203")
        choices = shared.get("choices", ())
        if "choices" in entries:
            choices = self.choices(code, entries["choices"][1])
        self.matches(code, kind, choices, entries)
        item = Item(
            code=code, type=kind, text=get.text("text"), theme=get.text("theme") or self.theme,
            choices=choices, short=get.text("short"), ask_if=get.expression("ask_if"),
            specials=self.item_specials(get, kind, shared),
            instruction=get.text("instruction") or shared.get("instruction", ""),
            probes=tuple(get.texts("probes")) or shared.get("probes", ()),
            module=get.module() or self.module, prefill=self.prefill(code, get),
            bounds=self.bounds(get), max=get.whole("max", 0),
            max_length=get.whole("max_length", 2000),
            checks=self.checks(code, get), order=get.word("order", _ORDERS, "Q211", "source"),
            fixed=get.codes("fixed", choices), table_order=get.codes("table_order", choices, True),
            base=get.expression("base"), store=get.word("store", ("journal", "contact"), "Q211",
            "journal"), per_contact=get.flag("per_contact", False), read=get.flag("read", True),
            grid=shared.get("grid", ""), stem=shared.get("stem", ""), roster=self.roster,
            share=get.share(shared.get("share", 1.0)), note=get.text("note"),
            translations=_with_stem(get.translations(), shared),
        )  # fmt: skip
        if item.max and item.max >= len(choices):
            self.report("Q214", entries["max"][1].mark, max=item.max, count=len(choices))
        if item.store == "contact" and item.type not in ("text", "address"):
            self.report("Q216", entries["store"][1].mark)
        return item

    def item_specials(self, get: Getter, kind: str, shared: dict[str, Any]) -> tuple[str, ...]:
        if kind == "info":
            return ()
        return get.specials("specials", shared.get("specials", self.specials))

    def matches(
        self, code: str, kind: str, choices: tuple[Choice, ...], entries: Mapping[Any, Any]
    ) -> None:
        """Whether the keys of an item go with its type."""
        mark = self.places[code, ""].mark
        if kind in CHOSEN and not choices:
            self.report("Q205", mark, name=kind, verb="needs",
                        hint="Add choices: the name of a scale, or {1: …, 2: …}.")  # fmt: skip
        if kind not in CHOSEN and choices:
            self.report("Q205", entries["choices"][0].mark, name=kind, verb="takes no",
                        hint="Remove them, or change the type.")  # fmt: skip
        allowed = {
            "max": kind == "multiple", "bounds": kind in NUMBERS,
            "max_length": kind in ("text", "address"), "table_order": kind in CHOSEN,
            "fixed": kind in CHOSEN, "order": kind in CHOSEN,
        }  # fmt: skip
        for key, right in allowed.items():
            if key in entries and not right:
                self.report("Q209", entries[key][0].mark, name=key, type=kind)

    def checks(self, code: str, get: Getter) -> tuple[Check, ...]:
        checks = []
        for number, node in enumerate(get.nodes("checks"), 1):
            entries = self.mapping(node, {"must", "message", "hard"}, ("must", "message"))
            name = f"{code}_CHECK{number}"
            inner = Getter(self, name, entries)
            self.places[name, ""] = node
            checks.append(
                Check(name, inner.expression("must"), inner.text("message"),
                      inner.flag("hard", False), inner.translations())
            )  # fmt: skip
        return tuple(checks)

    def prefill(self, code: str, get: Getter) -> str | tuple[tuple[int, str], ...]:
        """An expression, or a table of code: condition."""
        node = get.node("prefill")
        if node is None:
            return ""
        if node.entries is None:
            return get.expression("prefill")
        return tuple(
            (key, self.expression(code, "prefill", value))
            for key, (_, value) in node.entries.items()
            if isinstance(key, int)
        )

    def bounds(self, get: Getter) -> tuple[int | float | str, ...]:
        nodes = get.nodes("bounds")
        if not nodes:
            return ()
        if len(nodes) != 2:
            self.expected("two bounds, [low, high],", get.node("bounds") or nodes[0])
        values: list[int | float | str] = []
        for node in nodes:
            if isinstance(node.scalar, bool) or not isinstance(node.scalar, int | float | str):
                self.expected("a number or an expression", node)
            else:
                values.append(node.scalar)
            self.places[get.owner, "bounds"] = node
        low, high = values
        if isinstance(low, int | float) and isinstance(high, int | float):
            if low > high:
                self.report("Q208", nodes[0].mark, low=low, high=high)
            elif low <= 98 <= high:
                self.report("Q507", nodes[1].mark, value=98)
        return (low, high)

    def _compute(self, node: Node) -> Compute:
        entries = self.mapping(node, _ENTRY_KEYS["compute"], ("type", "value"))
        name = self.define(entries["compute"][1], NAME)
        get = Getter(self, name, entries)
        kind = get.word("type", DECLARED, "Q203")
        return Compute(name, kind, get.expression("value"))

    def _end(self, node: Node) -> End:
        inner = self.mapping(node, {"end"}, ())["end"][1]
        entries = self.mapping(inner, {"if", "outcome", "text", "temporary"}, ("if", "outcome"))
        name = self.numbered("END")
        get = Getter(self, name, entries)
        self.places[name, "when"] = entries["if"][1]
        outcome = str(entries["outcome"][1].scalar)
        if not _OUTCOME.match(outcome):
            self.expected("an outcome such as '40' or QUOTA", entries["outcome"][1])
        text = get.text("text")
        if not text:
            self.report("Q508", inner.mark)
        message = self.messages.get(text)
        if message is None and NAME.match(text):
            mark = entries["text"][1].mark
            self.report("Q304", mark, name=text, hint=suggestion(text, self.messages))
        return End(
            name, self.expression(name, "when", entries["if"][1]), outcome,
            message.text if message else text, get.flag("temporary", False),
            message.translations if message else get.translations(),
        )  # fmt: skip

    def _draw(self, node: Node) -> Draw:
        entries = self.mapping(node, _ENTRY_KEYS["draw"], ("values",))
        name = self.define(entries["draw"][1], NAME)
        get = Getter(self, name, entries)
        values = tuple(get.texts("values"))
        if len(set(values)) < 2:
            self.report("Q215", entries["values"][1].mark)
        return Draw(name, values, get.expression("stratum"), get.expression("ask_if"))

    def _quota(self, node: Node) -> QuotaPoint:
        entries = self.mapping(node, _ENTRY_KEYS["quota"], ("cell",))
        name = self.define(entries["quota"][1], NAME, "quota ")
        get = Getter(self, name, entries)
        return QuotaPoint(name, get.expression("cell"), get.expression("ask_if"))

    def _milestone(self, node: Node) -> Milestone:
        entries = self.mapping(node, _ENTRY_KEYS["milestone"], ())
        return Milestone(self.define(entries["milestone"][1], FREE_NAME, "milestone "))

    def _grid(self, node: Node) -> Group:
        entries = self.mapping(node, _ENTRY_KEYS["grid"], ("text", "choices", "rows"))
        name = self.define(entries["grid"][1], NAME, "grid ")
        get = Getter(self, name, entries)
        translations = get.translations()
        shared: dict[str, Any] = {
            "type": get.word("type", ("scale", "single"), "Q203", "scale"),
            "choices": self.choices(name, entries["choices"][1]), "grid": name,
            "stem": get.text("text"), "specials": get.specials("specials", self.specials),
            "instruction": get.text("instruction"), "probes": tuple(get.texts("probes")),
            "share": get.share(1.0),
            "stems": {lang: fields.get("text", "") for lang, fields in translations.items()},
        }  # fmt: skip
        rows = []
        with self.within(get):
            for row in get.nodes("rows"):
                try:
                    keys = self.mapping(row, _ITEM_KEYS - {"type", "order"}, ("code", "text"))
                    rows.append(self.item(keys, shared))
                except Skip:
                    continue
        return self.group("grid", name, get, tuple(rows), shared["stem"])

    def _block(self, node: Node) -> Group:
        entries = self.mapping(node, _ENTRY_KEYS["block"], ("items",))
        name = self.define(entries["block"][1], NAME, "block ")
        get = Getter(self, name, entries)
        with self.within(get):
            inside = self.entries(get.nodes("items"))
        return self.group("block", name, get, inside)

    @contextmanager
    def within(self, get: Getter, roster: str = "") -> Iterator[None]:
        """Items inside belong to the group's module and roster."""
        before = self.module, self.roster
        self.module, self.roster = get.module() or self.module, roster or self.roster
        try:
            yield
        finally:
            self.module, self.roster = before

    def group(
        self, kind: str, name: str, get: Getter, inside: tuple[Entry, ...], text: str = ""
    ) -> Group:
        order = get.word("order", _ORDERS, "Q211", "source")
        known = [entry.code for entry in inside if isinstance(entry, Item)]
        if order == "random":
            for entry in inside:
                if isinstance(entry, Group | Compute):
                    what = entry.tag if isinstance(entry, Compute) else entry.kind
                    mark = (get.node(kind) or get.node("order") or Node(Mark("", 0, 0))).mark
                    self.report("Q213", mark, name=what, where="a block in random order")
        fixed = tuple(get.texts("fixed"))
        for node, code in zip(get.nodes("fixed"), fixed, strict=True):
            if code not in known:
                self.report("Q212", node.mark, name=code, values=", ".join(known))
        return Group(
            kind, name, inside, text, get.expression("ask_if"), order, fixed,
            translations=get.translations(),
        )  # fmt: skip

    def _roster(self, node: Node) -> Group:
        entries = self.mapping(node, _ENTRY_KEYS["roster"], ("count", "max", "items"))
        name = self.define(entries["roster"][1], NAME, "roster ")
        get = Getter(self, name, entries)
        if self.roster:
            self.report("Q213", entries["roster"][1].mark, name="roster", where="a roster")
            raise Skip
        with self.within(get, name):
            inside = self.entries(get.nodes("items"))
        return Group(
            "roster", name, inside, ask_if=get.expression("ask_if"),
            count=get.expression("count"), max=get.whole("max", 1),
        )  # fmt: skip

    # --- choices

    def choices(self, owner: str, node: Node) -> tuple[Choice, ...]:
        """The name of a scale, or a table of code: label."""
        if isinstance(node.scalar, str):
            if node.scalar not in self.scales:
                hint = suggestion(node.scalar, self.scales)
                self.report("Q204", node.mark, name=node.scalar, hint=hint)
            return self.scales.get(node.scalar, ())
        if node.entries is None:
            self.expected("a scale, or a table such as {1: Oui, 2: Non},", node)
        self.places[owner, "choices"] = node
        choices = []
        for code, (key, value) in (node.entries or {}).items():
            if not isinstance(code, int) or not 0 <= code <= MAX_CODE:
                self.report("Q206", key.mark, name=code)
                continue
            choices.append(self.choice(owner, code, value))
        self.distinct(owner, node, choices)
        return tuple(choices)

    def choice(self, owner: str, code: int, node: Node) -> Choice:
        if node.entries is None:
            return Choice(code, self.a_text(node))
        entries = self.mapping(node, {"label", "exclusive", "other"}, ("label",))
        get = Getter(self, owner, entries)
        labels = {lang: fields.get("label", "") for lang, fields in get.translations().items()}
        return Choice(
            code, get.text("label"), get.flag("exclusive", False), get.flag("other", False), labels
        )

    def distinct(self, owner: str, node: Node, choices: list[Choice]) -> None:
        labels: set[str] = set()
        for before, choice in zip([None, *choices], choices, strict=False):
            key = (node.entries or {})[choice.code][0]
            if choice.label in labels:
                self.report("Q207", key.mark, name=choice.label)
            labels.add(choice.label)
            if before is not None and choice.code != before.code + 1:
                self.report("Q506", key.mark, low=before.code, high=choice.code)

    def numbered(self, what: str) -> str:
        self.counts[self.theme] = self.counts.get(self.theme, 0) + 1
        return f"{self.theme}_{what}{self.counts[self.theme]}"


def _with_stem(
    translations: dict[str, dict[str, str]], shared: dict[str, Any]
) -> dict[str, dict[str, str]]:
    for language, stem in shared.get("stems", {}).items():
        if stem:
            translations[language] = {**translations.get(language, {}), "stem": stem}
    return translations
