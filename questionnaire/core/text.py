"""Texts with piping: `{{ … }}` filled in, with French agreement and elision, typeset.

Decides how a text reads on the screen; never which text is shown. Agreement and elision follow the
usual rules (Grevisse, Le bon usage); the h is taken as mute except in the words of `_ASPIRATE`.

    {{ NAME }}                         the label of a code, or the value
    {{ accord(S09, 'prêt', 'prête') }}  by sex: 1 masculine, 2 feminine, else « prêt(e) »
    {{ pluriel(D01, 'enfant', 'enfants') }}   « 1 enfant », « 3 enfants »
    {{ de(VILLE) }}                    « de Gerzat », « d’Aubière »
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from questionnaire.core.expressions import (
    Compiled,
    Fault,
    Scope,
    compile_expression,
)

NBSP = "\N{NO-BREAK SPACE}"
_BEFORE = re.compile(r"[ \u00a0\u202f]([?!:;»%€])")
_AFTER = re.compile(r"«[ \u00a0\u202f]")
_GROUP = re.compile(r"(?<=\d)[ \u202f](?=\d{3}\b)")
_ASPIRATE = (
    "haut",
    "halle",
    "hameau",
    "hangar",
    "handicap",
    "hérisson",
    "hongr",
    "holland",
    "huit",
)
_BLANK = "…"


def typeset(text: str, language: str = "fr") -> str:
    """Typographic apostrophes, and no-break spaces where French wants them."""
    text = text.replace("'", "’")
    if language != "fr":
        return text
    text = _BEFORE.sub(NBSP + r"\1", text)
    text = _AFTER.sub("«" + NBSP, text)
    return _GROUP.sub(NBSP, text)


def de(name: str) -> str:
    """« de » or « d’ » before `name`."""
    return f"d’{name}" if elides(name) else f"de {name}"


def elides(name: str) -> bool:
    """Whether « le » or « de » loses its vowel before `name`."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFD", name.strip().lower())
        if not unicodedata.combining(letter)
    ).replace("œ", "oe").replace("æ", "ae")  # fmt: skip
    if plain.startswith("h"):
        return not plain.startswith(tuple(_strip(word) for word in _ASPIRATE))
    return plain[:1] in set("aeiou") or (plain[:1] == "y" and plain[1:2] not in set("aeiou"))


def _strip(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def accord(sex: Any, masculine: str, feminine: str) -> str:
    """The form for a man (1) or a woman (2); both where the sex is not known."""
    if sex == 1:
        return masculine
    if sex == 2:
        return feminine
    if feminine.startswith(masculine) and feminine != masculine:
        return f"{masculine}({feminine[len(masculine) :]})"
    return masculine if masculine == feminine else f"{masculine} / {feminine}"


def pluriel(number: Any, singular: str, plural: str) -> str:
    """« 0 enfant », « 1 enfant », « 2 enfants »: French has a plural from two on."""
    if not isinstance(number, int | float):
        return plural
    shown = f"{number:g}".replace(".", ",")
    return f"{shown} {singular if abs(number) < 2 else plural}"


@dataclass(frozen=True)
class Piece:
    """One `{{ … }}`: what to read, and how to say it."""

    compiled: Compiled
    say: Callable[[Any], str]
    name: str  # the name piped, for its label and for warnings; '' when an expression is piped
    raw: bool = False  # it reads the code itself, not its label
    start: int = 0  # where it stands in the text
    end: int = 0


@dataclass(frozen=True)
class Piped:
    """A text cut in literal parts and pieces, alternating."""

    parts: tuple[str | Piece, ...]


_PIPE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def compile_text(text: str, scope: Scope) -> Piped:
    """The pieces of `text`. Raises Fault, whose characters count from the text's beginning."""
    parts: list[str | Piece] = []
    end = 0
    for found in _PIPE.finditer(text):
        parts.append(_literal(text, end, found.start()))
        inner = found.group(1)
        start = found.start(1) + len(inner) - len(inner.lstrip())
        try:
            piece = _piece(inner.strip(), scope)
            parts.append(replace(piece, start=found.start(), end=found.end()))
        except Fault as fault:
            fault.start, fault.end = fault.start + start, fault.end + start
            raise
        end = found.end()
    parts.append(_literal(text, end, len(text)))
    return Piped(tuple(part for part in parts if part))


def _literal(text: str, start: int, end: int) -> str:
    part = text[start:end]
    for braces in ("{{", "}}"):
        if braces in part:
            at = start + part.index(braces)
            raise Fault("Q313", at, at + 2)
    return part


def _piece(text: str, scope: Scope) -> Piece:
    call = _speech(text)
    if call is None:
        compiled = compile_expression(text, scope)
        return Piece(compiled, _plain, text if text.isidentifier() else "")
    function, argument, words = call
    compiled = compile_expression(argument, scope)
    raw = function in ("accord", "pluriel")
    if raw and compiled.type.kind != "number":
        raise Fault("Q311", 0, len(text), found=f"a {compiled.type.kind}", expected="a number",
                    hint=f"{function} wants a number first.")  # fmt: skip
    name = argument if argument.isidentifier() else ""
    return Piece(compiled, _SPEECH[function](words), name, raw)


_SPEECH: Mapping[str, Callable[[tuple[str, ...]], Callable[[Any], str]]] = {
    "accord": lambda words: lambda value: accord(value, *words),
    "pluriel": lambda words: lambda value: pluriel(value, *words),
    "de": lambda words: lambda value: de(_plain(value)),
}
_WORDS = {"accord": 2, "pluriel": 2, "de": 0}


def _speech(text: str) -> tuple[str, str, tuple[str, ...]] | None:
    """The function of speech, its argument and its words, or None for a plain expression."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    name = node.func.id
    if name not in _SPEECH:
        return None
    words = node.args[1:]
    constant = all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in words)
    if node.keywords or len(words) != _WORDS[name] or not constant or not node.args:
        raise Fault("Q309", 0, len(text), name=name, reason="has other arguments",
                    hint="See docs/language.md, Piping.")  # fmt: skip
    return name, ast.unparse(node.args[0]), tuple(one.value for one in words)  # type: ignore[attr-defined]


def _plain(value: Any) -> str:
    if value is True or value is False:
        return "oui" if value else "non"
    if isinstance(value, float):
        return f"{value:g}".replace(".", ",")
    if isinstance(value, frozenset):
        return ", ".join(str(one) for one in sorted(value))
    return str(value)


def say(piece: Piece, value: Any, label: Callable[[str, Any], str | None]) -> str:
    """The words of one piece; `…` where a value is unknown. `label` gives the label of a code."""
    if piece.raw:
        return piece.say(value)
    if not isinstance(value, bool | int | float | str | frozenset):
        return _BLANK
    return piece.say((label(piece.name, value) if piece.name else None) or value)
