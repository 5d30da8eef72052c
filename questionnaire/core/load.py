"""A questionnaire read from its YAML files, or everything that is wrong with them.

Decides which files make an instrument, and what its manifest says; never what an answer leads to. A
folder has `instrument.yaml` (title, parameters, scales, order of the files) and a file per theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from questionnaire.core.entries import DECLARED, EntryReader
from questionnaire.core.errors import NOWHERE, InstrumentErrors, Mark, Problem, problem, suggestion
from questionnaire.core.expressions import Fault
from questionnaire.core.instrument import SPECIALS, Input, Instrument, Message, Theme
from questionnaire.core.program import Locate, Program, compile_instrument
from questionnaire.core.reading import FREE_NAME, NAME, Getter, Skip
from questionnaire.core.source import Node, read

MANIFEST = "instrument.yaml"
_MANIFEST_KEYS = {
    "instrument", "title", "language", "languages", "specials", "parameters", "preloads", "scales",
    "modules", "roles", "texts", "files",
}  # fmt: skip
_THEME_KEYS = {"theme", "block", "title", "intro", "ask_if", "items"}
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
    """Everything that files given as texts say; the same texts are read once."""
    return _examined(tuple(texts.items()))


# Reading the survey's own 24 files takes a second, and what comes out never changes.
@lru_cache(maxsize=4)
def _examined(texts: tuple[tuple[str, str], ...]) -> Loaded:
    return _Loader(dict(texts)).load()


def _usable(loaded: Loaded) -> Instrument:
    errors = [one for one in loaded.problems if one.severity == "error"]
    if errors or loaded.instrument is None:
        raise InstrumentErrors(errors)
    return loaded.instrument


def _unread(name: str, error: Exception) -> Loaded:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return Loaded(None, None, (problem("Q108", Mark(name, 1, 1), name=name, reason=reason),))


@lru_cache(maxsize=4)
def _listed(manifest: str) -> tuple[str, ...]:
    node = read(manifest, MANIFEST, [])
    files = (node.entries or {}).get("files") if node else None
    if files is None or files[1].items is None:
        return ()
    return tuple(one.scalar for one in files[1].items if isinstance(one.scalar, str))


class _Loader(EntryReader):
    """The files of one questionnaire, manifest first."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self.texts = texts

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
            except Skip:
                return None
            files = given.pop("files")
        themes = [theme for name in files if (theme := self.file(name)) is not None]
        self.roles(given.get("roles", {}), themes)
        fields = {"name": "instrument", "title": "Questionnaire", **given}
        return Instrument(themes=tuple(themes), **fields)

    def manifest(self, root: Node) -> dict[str, Any]:
        entries = self.mapping(root, _MANIFEST_KEYS, ("instrument", "title", "files"))
        get = Getter(self, "", entries)
        self.specials = get.specials("specials", SPECIALS)
        self.languages = tuple(get.texts("languages"))
        self.scales = {
            name: self.choices(name, node) for name, node in get.named("scales", FREE_NAME)
        }
        inputs = {
            kind: tuple(self.input(name, node) for name, node in get.named(kind, NAME))
            for kind in ("parameters", "preloads")
        }
        for name, node in get.named("texts", NAME):
            self.messages[name] = self.message(name, node)
        for name, node in get.named("modules", FREE_NAME):
            self.modules[name] = self.expression(f"module {name}", "module", node)
        return {
            "name": get.text("instrument"),
            "title": get.text("title"),
            "language": get.text("language") or "fr",
            "languages": self.languages,
            **inputs,
            "modules": self.modules,
            "roles": {name: self.a_text(node) for name, node in get.named("roles", FREE_NAME)},
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
            get = Getter(self, "", entries)
            kind = "block" if "block" in entries else "theme"
            if kind not in entries:
                self.report("Q105", root.mark, name="theme")
                raise Skip
            self.theme = self.name(entries[kind][1])
            get = Getter(self, f"theme {self.theme}", entries)
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
        except Skip:
            return None

    # --- parts of the manifest

    def input(self, name: str, node: Node) -> Input:
        entries = self.mapping(node, {"type", "values", "default", "note"}, ("type",))
        self.claim(name, self.places.get((name, ""), node), "")
        get = Getter(self, name, entries)
        values = tuple(get.texts("values"))
        default = get.node("default")
        if default is not None and values and default.scalar not in values:
            self.report("Q212", default.mark, name=default.scalar, values=", ".join(values))
        kind = get.word("type", DECLARED, "Q203")
        return Input(name, kind, values, default.scalar if default else None, get.translations())

    def message(self, name: str, node: Node) -> Message:
        if node.entries is None:
            return Message(name, self.a_text(node))
        entries = self.mapping(node, {"text", "when"}, ("text",))
        get = Getter(self, name, entries)
        return Message(name, get.text("text"), get.text("when"), get.translations())
