"""The pieces that every entry of a questionnaire's files is read with.

Decides how a key that is missing, unknown or of the wrong kind is told; never what an entry means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from questionnaire.core.errors import Mark, Problem, problem, suggestion
from questionnaire.core.expressions import RESERVED
from questionnaire.core.instrument import SPECIALS, Choice
from questionnaire.core.source import Node

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}\Z")
FREE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_YES_NO = {"on", "off", "yes", "no", "oui", "non"}


class Skip(Exception):
    """This entry cannot be read any further; its problem is already reported."""


class Reader:
    """What is read so far: names with their places, scales, and everything that is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.places: dict[tuple[str, str], Node] = {}
        self.defined: dict[str, Mark] = {}
        self.specials: tuple[str, ...] = SPECIALS
        self.languages: tuple[str, ...] = ()
        self.modules: dict[str, str] = {}

    def mapping(
        self, node: Node, known: Iterable[str], required: Iterable[str]
    ) -> dict[str, tuple[Node, Node]]:
        """The entries of a mapping whose keys are all known. Raises Skip where one is missing."""
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
            raise Skip
        return entries

    def report(self, code: str, mark: Mark, **details: object) -> None:
        self.problems.append(problem(code, mark, **details))

    def expected(self, wanted: str, node: Node, hint: str = "See docs/language.md.") -> None:
        """Report a value of another kind, and give the entry up."""
        self.report("Q106", node.mark, expected=wanted, found=node.kind(), hint=hint)
        raise Skip

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

    def name(self, node: Node, pattern: re.Pattern[str] = NAME) -> str:
        text = node.scalar
        if not isinstance(text, str) or not pattern.match(text) or text in RESERVED:
            self.report("Q202", node.mark, name=text)
            raise Skip
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

    def expression(self, owner: str, where: str, node: Node) -> str:
        self.places[owner, where] = node
        if isinstance(node.scalar, bool):
            return str(node.scalar)
        if isinstance(node.scalar, int | float):
            return str(node.scalar)
        if not isinstance(node.scalar, str):
            self.expected("an expression", node, "Write it as text: NUM01 == 1.")
        return str(node.scalar).strip()


class Getter:
    """The values of one entry, read by key and checked by kind; a missing key is its default."""

    def __init__(
        self, loader: Reader, owner: str, entries: Mapping[Any, tuple[Node, Node]]
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
            except Skip:
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
            raise Skip
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
