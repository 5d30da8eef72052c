"""Decides what counts and a share of eligibility mean as they are typed, and where they are wrong.

It never computes a rate. The letters are those of the AAPOR Standard Definitions (10th ed.).
"""

from __future__ import annotations

import re

from cati.core.rates import CLASSES, UNKNOWN, Counts, Share

# No sample has more cases than twelve digits can count.
_COUNT = re.compile(r"([A-Za-z]+)\s*=\s*(\d{1,12})")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[.,]\d+")
_BY_CLASS = re.compile(rf"([A-Za-z]+)\s*=\s*({_NUMBER.pattern})")
_NEXT = re.compile(r"\s*(?:[,;]|\s|$)\s*")


class Mistyped(ValueError):
    """A text that is not understood; the message points at the place and says how to mend it."""

    def __init__(self, text: str, place: int, mend: str) -> None:
        super().__init__(f"{mend}\n  {text}\n  {' ' * place}^")


def read_counts(text: str) -> Counts:
    """Cases by class. Raises Mistyped.

    counts = CLASS "=" whole number { ("," | ";" | space) CLASS "=" whole number }

    A class that is not named has no case; none is named twice.
    """
    return Counts(**{name: int(n) for name, n in _pairs(text, _COUNT, CLASSES, "I=4,P=2").items()})


def read_share(text: str) -> Share:
    """The share of the unknown cases that is eligible. Raises Mistyped.

    share = number | CLASS "=" number { ("," | ";" | space) CLASS "=" number }

    A number lies in [0, 1], with a point or a comma; the classes are UH, UR and UO.
    """
    if "=" not in text:
        if not _NUMBER.fullmatch(text.strip()):
            raise Mistyped(text, 0, "a share is a number from 0 to 1, such as 0.9")
        return _within(text, 0, text.strip())
    pairs = _pairs(text, _BY_CLASS, UNKNOWN, "UH=0.4,UR=0.9")
    return {name: _within(text, text.index(number), number) for name, number in pairs.items()}


def _within(text: str, place: int, number: str) -> float:
    share = float(number.replace(",", "."))
    if share > 1:
        raise Mistyped(text, place, f"{number} is not a share; give a number from 0 to 1")
    return share


def _pairs(
    text: str, pair: re.Pattern[str], classes: tuple[str, ...], example: str
) -> dict[str, str]:
    found: dict[str, str] = {}
    place = len(text) - len(text.lstrip())
    while place < len(text) or not found:
        read = pair.match(text, place)
        if read is None or (after := _NEXT.match(text, read.end())) is None:
            raise Mistyped(text, place, f"CLASS=number is expected here, as in {example}")
        name = read[1].upper()
        if name not in classes:
            raise Mistyped(text, place, f"{read[1]} is no class; use {', '.join(classes)}")
        if name in found:
            raise Mistyped(text, place, f"{name} comes twice; keep one of them")
        found[name] = read[2]
        place = after.end()
    return found
