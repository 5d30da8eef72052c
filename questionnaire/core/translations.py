"""Texts that a declared language still lacks.

Decides which texts must be there; never what they say. See docs/language.md, A second language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from questionnaire.core.errors import Problem, problem
from questionnaire.core.instrument import Choice, End, Theme
from questionnaire.core.load import Loaded

# What a respondent hears or an interviewer reads, of whatever may stand in an instrument.
SPOKEN = ("title", "intro", "text", "stem", "short", "instruction", "message", "when")


def untranslated(loaded: Loaded) -> Iterator[Problem]:
    """A warning for every text that is missing in a language of the instrument."""
    assert loaded.instrument is not None
    for language in loaded.instrument.languages:
        for part in (loaded.instrument.themes, loaded.instrument.texts):
            for owner, place, text in _missing(part, language, ""):
                mark = loaded.locate(owner, place, None)
                yield problem("Q503", mark, name=text, language=language)


def _missing(part: Any, language: str, owner: str) -> Iterator[tuple[str, str, str]]:
    """(owner, place, text) of every text of a part that the language lacks."""
    if isinstance(part, tuple):
        for one in part:
            yield from _missing(one, language, owner)
    elif isinstance(part, Choice):
        if not part.translations.get(language):
            yield owner, "choices", f"choice {part.code} of {owner}"
    elif is_dataclass(part):
        own = vars(part)
        owner = own.get("code") or own.get("name") or owner
        owner = f"theme {owner}" if isinstance(part, Theme) else owner
        given = own.get("translations", {}).get(language, {})
        # The `when` of an end is a condition, and nobody reads it.
        names = [name for name in SPOKEN if not (name == "when" and isinstance(part, End))]
        for name in names:
            if own.get(name) and not given.get(name):
                yield owner, name, f"{name} of {owner}"
        for one in fields(part):
            yield from _missing(own[one.name], language, owner)
