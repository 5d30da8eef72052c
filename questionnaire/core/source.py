"""YAML read with the place of every key and every word.

Decides what text is YAML for us (version 1.2, no duplicates, no aliases) and where each node
stands; never decides what the keys mean. YAML 1.2.2: https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from questionnaire.core.errors import Mark, Problem, problem

Scalar = str | int | float | bool | None
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+\Z")
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Node:
    """One value with its place: a scalar, a list of nodes, or a mapping of key to (key, value)."""

    mark: Mark
    scalar: Scalar = None
    items: tuple[Node, ...] | None = None
    entries: dict[str | int, tuple[Node, Node]] | None = None
    inline: bool = field(default=True, compare=False)  # its text stands on one line, unescaped
    shift: int = 0  # columns between the mark and the first character of the text

    def kind(self) -> str:
        """What it is, in the words of a message."""
        if self.entries is not None:
            return "a mapping"
        if self.items is not None:
            return "a list"
        if self.scalar is None:
            return "nothing"
        if isinstance(self.scalar, bool):
            return str(self.scalar).lower()
        if isinstance(self.scalar, str):
            return f"the text “{self.scalar[:40]}”"
        return f"the number {self.scalar}"

    def inside(self, start: int, end: int) -> Mark:
        """The place of characters `start` to `end` of its text, or of the whole where it folds."""
        if not self.inline:
            return self.mark
        column = self.mark.column + self.shift + start
        return Mark(self.mark.file, self.mark.line, column, max(end - start, 1), self.mark.source)


def read(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The tree of one file, None where nothing is usable; what is wrong joins `problems`."""
    lines = text.splitlines()
    if len(text) > MAX_BYTES:
        problems.append(problem("Q101", Mark(file, 1, 1), reason="the file is too large"))
        return None
    try:
        if _has_alias(text, file, lines, problems):
            return None
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        problems.append(problem("Q101", _error_mark(error, file, lines), reason=_reason(error)))
        return None
    except (YAMLError, ValueError, RecursionError) as error:
        problems.append(problem("Q101", Mark(file, 1, 1), reason=type(error).__name__))
        return None
    if root is None:
        problems.append(problem("Q101", Mark(file, 1, 1), reason="the file is empty"))
        return None
    return _Reader(file, lines, problems).node(root)


def _has_alias(text: str, file: str, lines: list[str], problems: list[Problem]) -> bool:
    if "&" not in text and "*" not in text:
        return False  # the signs of anchors and aliases; spares most files a second reading
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            at = event.start_mark
            mark = Mark(file, at.line + 1, at.column + 1, 1, _line(lines, at.line))
            problems.append(problem("Q103", mark))
            return True
    return False


def _error_mark(error: MarkedYAMLError, file: str, lines: list[str]) -> Mark:
    at = error.problem_mark or error.context_mark
    if at is None:
        return Mark(file, 1, 1)
    return Mark(file, at.line + 1, at.column + 1, 1, _line(lines, at.line))


def _reason(error: MarkedYAMLError) -> str:
    return str(error.problem or error.context or "unreadable").splitlines()[0]


def _line(lines: list[str], index: int) -> str:
    return lines[index] if 0 <= index < len(lines) else ""


class _Reader:
    """Turns the nodes of ruamel.yaml into ours, resolving scalars strictly."""

    def __init__(self, file: str, lines: list[str], problems: list[Problem]) -> None:
        self.file, self.lines, self.problems = file, lines, problems

    def node(self, raw: YamlNode) -> Node:
        start, end = raw.start_mark, raw.end_mark
        source = _line(self.lines, start.line)
        same_line = start.line == end.line
        width = end.column - start.column if same_line else len(source) - start.column
        mark = Mark(self.file, start.line + 1, start.column + 1, max(width, 1), source)
        if isinstance(raw, MappingNode):
            return Node(mark, entries=self.mapping(raw))
        if isinstance(raw, SequenceNode):
            return Node(mark, items=tuple(self.node(one) for one in raw.value))
        assert isinstance(raw, ScalarNode)
        plain = raw.style is None
        inline = same_line and (plain or width == len(raw.value) + 2)
        return Node(mark, self.scalar(raw, plain), inline=inline, shift=0 if plain else 1)

    def mapping(self, raw: MappingNode) -> dict[str | int, tuple[Node, Node]]:
        entries: dict[str | int, tuple[Node, Node]] = {}
        for raw_key, raw_value in raw.value:
            key, value = self.node(raw_key), self.node(raw_value)
            name = key.scalar
            if isinstance(name, bool) or not isinstance(name, str | int):
                self.problems.append(
                    problem("Q106", key.mark, expected="a word or a whole number as a key",
                            found=key.kind(), hint="Quote it if it is meant as text.")
                )  # fmt: skip
            elif name in entries:
                self.problems.append(problem("Q102", key.mark, name=name))
            else:
                entries[name] = (key, value)
        return entries

    @staticmethod
    def scalar(raw: ScalarNode, plain: bool) -> Scalar:
        text = str(raw.value)
        if not plain:
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return text.lower() == "true"
        if _INTEGER.match(text) and len(text) < 16:
            return int(text)
        if _DECIMAL.match(text) and len(text) < 32:
            return float(text)
        return text
