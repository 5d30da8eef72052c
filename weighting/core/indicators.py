"""Decides what an indicator is: answers of an item counted together, among whom, and which way is
better. Never computes a share, `tables` does; it says how far two shares are apart, in plain terms.
Source: the agency's own texts, « plus de deux fois plus élevé » (Flash Allô Quartiers 2017).
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["", "higher", "lower"]
Relation = Literal["more", "nearly", "about"]
# A ratio this close to a whole number is "about" it; as far below as NEARLY, "nearly" it.
ABOUT, NEARLY = 0.04, 0.15


@dataclass(frozen=True)
class Indicator:
    """Respondents who gave one of the `answers` (codes as texts, "dk" among them) of `item`.

    among: an expression of the questionnaire's language, '' for everybody asked; better: whether
    a higher or a lower share is the better one, '' where neither is.
    """

    item: str
    answers: tuple[str, ...]
    label: str
    among: str = ""
    better: Direction = ""


def verdict(gap: float, better: Direction) -> Literal["", "better", "worse"]:
    """What a gap to the reference means. '' where the indicator has no direction, or at 0."""
    if not better or gap == 0:
        return ""
    return "better" if (gap > 0) == (better == "higher") else "worse"


def times(ratio: float) -> tuple[Relation, int] | None:
    """How often the reference goes into a share: ("more", 2) is more than twice.

    None below about twice, where points say it better, and for what is no ratio.
    """
    if not ratio >= 2 - NEARLY or ratio == float("inf"):
        return None
    nearest = round(ratio)
    if abs(ratio - nearest) <= ABOUT:
        return "about", nearest
    if nearest - NEARLY <= ratio < nearest:
        return "nearly", nearest
    return "more", int(ratio)
