"""Names and labels that every program takes, and what was cut to make them so.

Decides how a name or a label is shortened, never in silence: each cut is listed in full.
SPSS takes names of 64 bytes whatever their case, labels of 256 bytes and labels of codes of 120;
Stata names of 32 characters and labels of 80; both, and R, keep some words for themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_NAME = 32
# SPSS's, Stata's and R's, in lower case: none of them may be a variable in all three.
RESERVED = frozenset([
    "all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with", "_all",
    "_b", "_coef", "_cons", "_n", "_pi", "_pred", "_rc", "_se", "_skip", "byte", "double",
    "float", "if", "in", "int", "long", "strl", "using", "break", "else", "false", "for",
    "function", "inf", "na", "nan", "next", "null", "repeat", "true", "while",
])  # fmt: skip
STATA_STRING = re.compile(r"str[0-9]+\Z", re.IGNORECASE)
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Cut:
    """What was shortened: a name, or the label of a variable or of one of its codes."""

    variable: str
    code: int | None
    kept: str
    full: str


def valid_names(names: Iterable[str]) -> list[str]:
    """One name for each, in order: valid in SPSS, Stata and R, and unlike any other in any case.

    A name that is valid stays as it is. A longer one keeps its beginning and ends with a mark made
    from the whole of it, so that it is the same whatever stands around it.
    """
    taken: set[str] = set()
    valid = []
    for name in names:
        wanted = _valid(name)
        rank = 2
        while wanted.lower() in taken:
            wanted = f"{_valid(name)[: LONGEST_NAME - 3]}_{rank}"
            rank += 1
        taken.add(wanted.lower())
        valid.append(wanted)
    return valid


def _valid(name: str) -> str:
    plain = NOT_IN_NAMES.sub("_", name)
    if not plain[:1].isalpha():
        plain = f"v{plain}"
    if plain.lower() in RESERVED or STATA_STRING.match(plain):
        plain = f"{plain}_"
    if len(plain) <= LONGEST_NAME:
        return plain
    mark = hashlib.sha256(name.encode()).hexdigest()[:5]
    return f"{plain[: LONGEST_NAME - 6]}_{mark}"


def cut_bytes(text: str, most: int) -> str:
    """The text in at most `most` bytes of UTF-8, « … » at its end where words are missing."""
    if len(text.encode()) <= most:
        return text
    return text.encode()[: most - 3].decode(errors="ignore").rstrip() + "…"


def cut_characters(text: str, most: int) -> str:
    """The text in at most `most` characters, « … » at its end where words are missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
