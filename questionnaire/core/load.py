"""A questionnaire read from its YAML files, or everything that is wrong with them.

Decides which keys may stand where and what they must hold; never what an answer leads to. A folder
has `instrument.yaml` (title, parameters, scales, order of the files) and one file per theme.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from questionnaire.core.errors import NOWHERE, InstrumentErrors, Mark, Problem, problem, suggestion
from questionnaire.core.expressions import RESERVED, Fault
from questionnaire.core.instrument import (
    CHOSEN,
    NUMBERS,
    SPECIALS,
    TYPES,
    Check,
    Choice,
    Compute,
    Draw,
    End,
    Entry,
    Group,
    Input,
    Instrument,
    Item,
    Message,
    Milestone,
    QuotaPoint,
    Theme,
)
from questionnaire.core.program import Locate, Program, compile_instrument
from questionnaire.core.source import Node, read

MANIFEST = "instrument.yaml"
MAX_CODE = 96  # 97 to 99 are what exports write for the specials
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}\Z")
_FREE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_OUTCOME = re.compile(r"[A-Za-z0-9._]{1,20}\Z")
_ORDERS = ("source", "random")
_DECLARED = ("boolean", "integer", "decimal", "text")
_YES_NO = {"on", "off", "yes", "no", "oui", "non"}

_MANIFEST_KEYS = {
    "instrument", "title", "language", "languages", "specials", "parameters", "preloads", "scales",
    "modules", "roles", "texts", "files",
}  # fmt: skip
_THEME_KEYS = {"theme", "block", "title", "intro", "ask_if", "items"}
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
ROLES = ("sector", "sex", "age", "employment", "tenure", "household", "consent")


@dataclass(frozen=True)
class Loaded:
    """What came out of the files. `program` is None where an error stands in the way."""

    instrument: Instrument | None
    program: Program | None
    problems: tuple[Problem, ...]
    locate: Locate = lambda owner, where, fault: NOWHERE


def load_instrument(path: Path) -> Instrument:
    """The instrument of a folder. Raises InstrumentErrors with every error found."""
    return _usable(examine(path))


def load_texts(texts: Mapping[str, str]) -> Instrument:
    """The instrument of files given as texts; without instrument.yaml they follow as they stand."""
    return _usable(examine_texts(texts))


def examine(path: Path) -> Loaded:
    """Everything that the files of a folder say, warnings too."""
    try:
        manifest = (path / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return _unread(MANIFEST, error)
    texts = {MANIFEST: manifest}
    for name in _listed(manifest):
        file = path / name
        try:
            if file.parent == path:
                texts[name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # named by the reader of the manifest, which knows the place
    return examine_texts(texts)


def examine_texts(texts: Mapping[str, str]) -> Loaded:
    return _Loader(texts).load()


def _usable(loaded: Loaded) -> Instrument:
    errors = [one for one in loaded.problems if one.severity == "error"]
    if errors or loaded.instrument is None:
        raise InstrumentErrors(errors)
    return loaded.instrument


def _unread(name: str, error: Exception) -> Loaded:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return Loaded(None, None, (problem("Q108", Mark(name, 1, 1), name=name, reason=reason),))


def _listed(manifest: str) -> list[str]:
    node = read(manifest, MANIFEST, [])
    files = (node.entries or {}).get("files") if node else None
    if files is None or files[1].items is None:
        return []
    return [one.scalar for one in files[1].items if isinstance(one.scalar, str)]


class _Skip(Exception):
    """This entry cannot be read any further; its problem is already reported."""


class _Loader:
    """One method per kind of entry; each reports what is wrong and goes on where it can."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.problems: list[Problem] = []
        self.places: dict[tuple[str, str], Node] = {}
        self.defined: dict[str, Mark] = {}
        self.scales: dict[str, tuple[Choice, ...]] = {}
        self.messages: dict[str, Message] = {}
        self.specials: tuple[str, ...] = SPECIALS
        self.languages: tuple[str, ...] = ()
        self.modules: dict[str, str] = {}
        self.theme = ""
        self.roster = ""
        self.module = ""
        self.counts: dict[str, int] = {}

    def load(self) -> Loaded:
        instrument = self.instrument()
        if instrument is None or any(one.severity == "error" for one in self.problems):
            return Loaded(instrument, None, tuple(self.problems))
        try:
            program = compile_instrument(instrument, self.locate)
        except InstrumentErrors as errors:
            return Loaded(instrument, None, (*self.problems, *errors.problems))
        return Loaded(instrument, program, (*self.problems, *program.problems), self.locate)

    def locate(self, owner: str, where: str, fault: Fault | None) -> Mark:
        node = self.places.get((owner, where)) or self.places.get((owner, ""))
        if node is None:
            return Mark("", 0, 0)
        if fault is None or not isinstance(node.scalar, str) or fault.end <= fault.start:
            return node.mark
        return node.inside(fault.start, fault.end)

    # --- files

    def instrument(self) -> Instrument | None:
        files, given = list(self.texts), {}
        if MANIFEST in self.texts:
            root = read(self.texts[MANIFEST], MANIFEST, self.problems)
            if root is None:
                return None
            try:
                given = self.manifest(root)
            except _Skip:
                return None
            files = given.pop("files")
        themes = [theme for name in files if (theme := self.file(name)) is not None]
        self.roles(given.get("roles", {}), themes)
        fields = {"name": "instrument", "title": "Questionnaire", **given}
        return Instrument(themes=tuple(themes), **fields)

    def manifest(self, root: Node) -> dict[str, Any]:
        entries = self.mapping(root, _MANIFEST_KEYS, ("instrument", "title", "files"))
        get = _Getter(self, "", entries)
        self.specials = get.specials("specials", SPECIALS)
        self.languages = tuple(get.texts("languages"))
        self.scales = {
            name: self.choices(name, node) for name, node in get.named("scales", _FREE_NAME)
        }
        inputs = {
            kind: tuple(self.input(name, node) for name, node in get.named(kind, _NAME))
            for kind in ("parameters", "preloads")
        }
        for name, node in get.named("texts", _NAME):
            self.messages[name] = self.message(name, node)
        for name, node in get.named("modules", _FREE_NAME):
            self.modules[name] = self.expression(f"module {name}", "module", node)
        return {
            "name": get.text("instrument"),
            "title": get.text("title"),
            "language": get.text("language") or "fr",
            "languages": self.languages,
            **inputs,
            "modules": self.modules,
            "roles": {name: self.a_text(node) for name, node in get.named("roles", _FREE_NAME)},
            "texts": tuple(self.messages.values()),
            "files": [self.listed_file(node) for node in get.nodes("files")],
        }

    def listed_file(self, node: Node) -> str:
        name = self.a_text(node)
        if name not in self.texts:
            self.report("Q108", node.mark, name=name, reason="there is no such file here")
        return name

    def roles(self, roles: Mapping[str, str], themes: Iterable[Theme]) -> None:
        for role, name in roles.items():
            key, value = self.places["", "roles"].entries[role]  # type: ignore[index]
            if role not in ROLES:
                self.report(
                    "Q211", key.mark, name=role, what="the roles", hint=suggestion(role, ROLES)
                )
            if name not in self.defined:
                self.report(
                    "Q304", value.mark, name=name, hint=suggestion(name, self.defined)
                )  # fmt: skip

    def file(self, name: str) -> Theme | None:
        if name not in self.texts:
            return None
        root = read(self.texts[name], name, self.problems)
        if root is None:
            return None
        try:
            entries = self.mapping(root, _THEME_KEYS, ("title", "items"))
            get = _Getter(self, "", entries)
            kind = "block" if "block" in entries else "theme"
            if kind not in entries:
                self.report("Q105", root.mark, name="theme")
                raise _Skip
            self.theme = self.name(entries[kind][1])
            get = _Getter(self, f"theme {self.theme}", entries)
            self.places[self.theme, "ask_if"] = entries.get("ask_if", (root, root))[1]
            return Theme(
                code=self.theme,
                title=get.text("title"),
                kind=kind,
                intro=get.text("intro"),
                ask_if=get.expression("ask_if"),
                entries=self.entries(get.nodes("items")),
                translations=get.translations(),
            )
        except _Skip:
            return None

    # --- entries

    def entries(self, nodes: Iterable[Node]) -> tuple[Entry, ...]:
        read: list[Entry] = []
        for node in nodes:
            try:
                read.append(self.entry(node))
            except _Skip:
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
            raise _Skip
        kind = kinds[0]
        act: Callable[[Node], Entry] = getattr(self, f"_{kind}")
        return act(node)

    def _code(self, node: Node) -> Item:
        entries = self.mapping(node, _ITEM_KEYS, ("code", "type", "text"))
        return self.item(entries, {})

    def item(self, entries: Mapping[str, tuple[Node, Node]], shared: dict[str, Any]) -> Item:
        """One item; `shared` is what a grid gives to its rows."""
        code = self.define(entries["code"][1], _NAME)
        get = _Getter(self, code, entries)
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

    def item_specials(self, get: _Getter, kind: str, shared: dict[str, Any]) -> tuple[str, ...]:
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

    def checks(self, code: str, get: _Getter) -> tuple[Check, ...]:
        checks = []
        for number, node in enumerate(get.nodes("checks"), 1):
            entries = self.mapping(node, {"must", "message", "hard"}, ("must", "message"))
            name = f"{code}_CHECK{number}"
            inner = _Getter(self, name, entries)
            self.places[name, ""] = node
            checks.append(
                Check(name, inner.expression("must"), inner.text("message"),
                      inner.flag("hard", False))
            )  # fmt: skip
        return tuple(checks)

    def prefill(self, code: str, get: _Getter) -> str | tuple[tuple[int, str], ...]:
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

    def bounds(self, get: _Getter) -> tuple[int | float | str, ...]:
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
        name = self.define(entries["compute"][1], _NAME)
        get = _Getter(self, name, entries)
        kind = get.word("type", _DECLARED, "Q203")
        return Compute(name, kind, get.expression("value"))

    def _end(self, node: Node) -> End:
        inner = self.mapping(node, {"end"}, ())["end"][1]
        entries = self.mapping(inner, {"if", "outcome", "text", "temporary"}, ("if", "outcome"))
        name = self.numbered("END")
        get = _Getter(self, name, entries)
        self.places[name, "when"] = entries["if"][1]
        outcome = str(entries["outcome"][1].scalar)
        if not _OUTCOME.match(outcome):
            self.expected("an outcome such as '40' or QUOTA", entries["outcome"][1])
        text = get.text("text")
        if not text:
            self.report("Q508", inner.mark)
        message = self.messages.get(text)
        if message is None and _NAME.match(text):
            mark = entries["text"][1].mark
            self.report("Q304", mark, name=text, hint=suggestion(text, self.messages))
        return End(
            name, self.expression(name, "when", entries["if"][1]), outcome,
            message.text if message else text, get.flag("temporary", False),
            message.translations if message else get.translations(),
        )  # fmt: skip

    def _draw(self, node: Node) -> Draw:
        entries = self.mapping(node, _ENTRY_KEYS["draw"], ("values",))
        name = self.define(entries["draw"][1], _NAME)
        get = _Getter(self, name, entries)
        values = tuple(get.texts("values"))
        if len(set(values)) < 2:
            self.report("Q215", entries["values"][1].mark)
        return Draw(name, values, get.expression("stratum"), get.expression("ask_if"))

    def _quota(self, node: Node) -> QuotaPoint:
        entries = self.mapping(node, _ENTRY_KEYS["quota"], ("cell",))
        name = self.define(entries["quota"][1], _NAME, "quota ")
        get = _Getter(self, name, entries)
        return QuotaPoint(name, get.expression("cell"), get.expression("ask_if"))

    def _milestone(self, node: Node) -> Milestone:
        entries = self.mapping(node, _ENTRY_KEYS["milestone"], ())
        return Milestone(self.define(entries["milestone"][1], _FREE_NAME, "milestone "))

    def _grid(self, node: Node) -> Group:
        entries = self.mapping(node, _ENTRY_KEYS["grid"], ("text", "choices", "rows"))
        name = self.define(entries["grid"][1], _NAME, "grid ")
        get = _Getter(self, name, entries)
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
                except _Skip:
                    continue
        return self.group("grid", name, get, tuple(rows), shared["stem"])

    def _block(self, node: Node) -> Group:
        entries = self.mapping(node, _ENTRY_KEYS["block"], ("items",))
        name = self.define(entries["block"][1], _NAME, "block ")
        get = _Getter(self, name, entries)
        with self.within(get):
            inside = self.entries(get.nodes("items"))
        return self.group("block", name, get, inside)

    @contextmanager
    def within(self, get: _Getter, roster: str = "") -> Iterator[None]:
        """Items inside belong to the group's module and roster."""
        before = self.module, self.roster
        self.module, self.roster = get.module() or self.module, roster or self.roster
        try:
            yield
        finally:
            self.module, self.roster = before

    def group(
        self, kind: str, name: str, get: _Getter, inside: tuple[Entry, ...], text: str = ""
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
        name = self.define(entries["roster"][1], _NAME, "roster ")
        get = _Getter(self, name, entries)
        if self.roster:
            self.report("Q213", entries["roster"][1].mark, name="roster", where="a roster")
            raise _Skip
        with self.within(get, name):
            inside = self.entries(get.nodes("items"))
        return Group(
            "roster", name, inside, ask_if=get.expression("ask_if"),
            count=get.expression("count"), max=get.whole("max", 1),
        )  # fmt: skip

    # --- parts of the manifest

    def input(self, name: str, node: Node) -> Input:
        entries = self.mapping(node, {"type", "values", "default", "note"}, ("type",))
        self.claim(name, self.places.get((name, ""), node), "")
        get = _Getter(self, name, entries)
        values = tuple(get.texts("values"))
        default = get.node("default")
        if default is not None and values and default.scalar not in values:
            self.report("Q212", default.mark, name=default.scalar, values=", ".join(values))
        kind = get.word("type", _DECLARED, "Q203")
        return Input(name, kind, values, default.scalar if default else None)

    def message(self, name: str, node: Node) -> Message:
        if node.entries is None:
            return Message(name, self.a_text(node))
        entries = self.mapping(node, {"text", "when"}, ("text",))
        get = _Getter(self, name, entries)
        return Message(name, get.text("text"), get.text("when"), get.translations())

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
        get = _Getter(self, owner, entries)
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

    # --- pieces

    def mapping(
        self, node: Node, known: Iterable[str], required: Iterable[str]
    ) -> dict[str, tuple[Node, Node]]:
        """The entries of a mapping whose keys are all known. Raises _Skip where one is missing."""
        if node.entries is None:
            self.expected("a mapping", node)
        entries: dict[str, tuple[Node, Node]] = {}
        allowed = set(known) | set(self.languages)
        for name, pair in (node.entries or {}).items():
            if name not in allowed:
                hint = suggestion(str(name), known)
                self.report("Q104", pair[0].mark, name=name, hint=hint)
            else:
                entries[str(name)] = pair
        missing = [name for name in required if name not in entries]
        for name in missing:
            self.report("Q105", node.mark, name=name)
        if missing:
            raise _Skip
        return entries

    def report(self, code: str, mark: Mark, **details: object) -> None:
        self.problems.append(problem(code, mark, **details))

    def expected(self, wanted: str, node: Node, hint: str = "See docs/language.md.") -> None:
        """Report a value of another kind, and give the entry up."""
        self.report("Q106", node.mark, expected=wanted, found=node.kind(), hint=hint)
        raise _Skip

    def a_text(self, node: Node) -> str:
        if node.scalar is None and node.items is None and node.entries is None:
            self.report("Q107", node.mark)
            return ""
        if not isinstance(node.scalar, str):
            self.expected("a text", node, "Put it between quotes if it is meant as text.")
        text = str(node.scalar)
        if not text.strip():
            self.report("Q107", node.mark)
        return text.strip()

    def name(self, node: Node, pattern: re.Pattern[str] = _NAME) -> str:
        text = node.scalar
        if not isinstance(text, str) or not pattern.match(text) or text in RESERVED:
            self.report("Q202", node.mark, name=text)
            raise _Skip
        return text

    def define(self, node: Node, pattern: re.Pattern[str], space: str = "") -> str:
        name = self.name(node, pattern)
        self.claim(name, node, space)
        return name

    def claim(self, name: str, node: Node, space: str) -> None:
        """Take a name. Names of items and values share one space; each other kind has its own."""
        taken = self.defined.get(space + name)
        if taken is not None:
            other = f"{taken.file}:{taken.line}"
            self.report("Q201", node.mark, name=name, other=other)
        self.defined[space + name] = node.mark

    def numbered(self, what: str) -> str:
        self.counts[self.theme] = self.counts.get(self.theme, 0) + 1
        return f"{self.theme}_{what}{self.counts[self.theme]}"

    def expression(self, owner: str, where: str, node: Node) -> str:
        self.places[owner, where] = node
        if isinstance(node.scalar, bool):
            return str(node.scalar)
        if isinstance(node.scalar, int | float):
            return str(node.scalar)
        if not isinstance(node.scalar, str):
            self.expected("an expression", node, "Write it as text: NUM01 == 1.")
        return str(node.scalar).strip()


class _Getter:
    """The values of one entry, read by key and checked by kind; a missing key is its default."""

    def __init__(
        self, loader: _Loader, owner: str, entries: Mapping[Any, tuple[Node, Node]]
    ) -> None:
        self.loader, self.owner, self.entries = loader, owner, entries

    def node(self, key: str) -> Node | None:
        pair = self.entries.get(key)
        if pair is None:
            return None
        self.loader.places.setdefault((self.owner, key), pair[1])
        return pair[1]

    def text(self, key: str) -> str:
        node = self.node(key)
        return self.loader.a_text(node) if node else ""

    def expression(self, key: str) -> str:
        node = self.node(key)
        return self.loader.expression(self.owner, key, node) if node else ""

    def nodes(self, key: str) -> tuple[Node, ...]:
        node = self.node(key)
        if node is None:
            return ()
        if node.items is None:
            self.loader.expected("a list", node)
        return node.items or ()

    def texts(self, key: str) -> list[str]:
        return [self.loader.a_text(node) for node in self.nodes(key)]

    def named(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, Node]]:
        """The pairs of a table whose keys are names."""
        node = self.node(key)
        if node is None:
            return []
        if node.entries is None:
            self.loader.expected("a table of names", node)
        pairs = []
        for key_node, value in (node.entries or {}).values():
            try:
                name = self.loader.name(key_node, pattern)
            except _Skip:
                continue
            self.loader.places[name, ""] = key_node
            pairs.append((name, value))
        return pairs

    def whole(self, key: str, default: int) -> int:
        node = self.node(key)
        if node is None:
            return default
        if type(node.scalar) is not int or node.scalar < 1:
            self.loader.expected("a whole number from 1 on", node, "Write digits only.")
        return int(node.scalar)  # type: ignore[arg-type]

    def share(self, default: float) -> float:
        node = self.node("share")
        if node is None:
            return default
        if isinstance(node.scalar, bool) or not isinstance(node.scalar, int | float):
            self.loader.expected("a share between 0 and 1", node)
        if not 0 <= float(node.scalar) <= 1:  # type: ignore[arg-type]
            self.loader.expected("a share between 0 and 1", node)
        return float(node.scalar)  # type: ignore[arg-type]

    def flag(self, key: str, default: bool) -> bool:
        node = self.node(key)
        if node is None:
            return default
        if not isinstance(node.scalar, bool):
            spelt = isinstance(node.scalar, str) and node.scalar.lower() in _YES_NO
            hint = "YAML 1.2 reads it as text." if spelt else "Only true and false say it."
            self.loader.expected("true or false", node, hint)
        return bool(node.scalar)

    def word(self, key: str, known: Iterable[str], code: str, default: str = "") -> str:
        """One word of a list."""
        node = self.node(key)
        if node is None:
            return default
        if node.scalar not in set(known):
            self.loader.report(
                code, node.mark, name=node.scalar, what=f"what {key} may be",
                hint=suggestion(str(node.scalar), known),
            )  # fmt: skip
            raise _Skip
        return str(node.scalar)

    def module(self) -> str:
        node = self.node("module")
        if node is None:
            return ""
        known = self.loader.modules
        if node.scalar not in known:
            self.loader.report("Q211", node.mark, name=node.scalar, what="the modules",
                               hint=suggestion(str(node.scalar), known))  # fmt: skip
            return ""
        return str(node.scalar)

    def specials(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        if self.node(key) is None:
            return default
        given = [(node, self.loader.a_text(node)) for node in self.nodes(key)]
        for node, name in given:
            if name not in SPECIALS:
                self.loader.report("Q210", node.mark, name=name)
        return tuple(name for _, name in given)

    def codes(
        self, key: str, choices: tuple[Choice, ...], specials: bool = False
    ) -> tuple[Any, ...]:
        """Choice codes, and specials where they may stand among them."""
        known: set[Any] = {choice.code for choice in choices}
        known |= set(SPECIALS) if specials else set()
        values = []
        for node in self.nodes(key):
            if node.scalar not in known:
                shown = ", ".join(map(str, sorted(known, key=str)))
                self.loader.report("Q212", node.mark, name=node.scalar, values=shown)
            values.append(node.scalar)
        return tuple(values)

    def translations(self) -> dict[str, dict[str, str]]:
        """The texts of other languages, `en: {text: …}` beside the French ones."""
        found: dict[str, dict[str, str]] = {}
        for language in self.loader.languages:
            node = self.node(language)
            if node is None:
                continue
            if node.entries is None:
                # A label's translation is its text alone.
                found[language] = {"label": self.loader.a_text(node)}
                continue
            found[language] = {
                str(key): self.loader.a_text(value) for key, (_, value) in node.entries.items()
            }
        return found


def _with_stem(
    translations: dict[str, dict[str, str]], shared: dict[str, Any]
) -> dict[str, dict[str, str]]:
    for language, stem in shared.get("stems", {}).items():
        if stem:
            translations[language] = {**translations.get(language, {}), "stem": stem}
    return translations
