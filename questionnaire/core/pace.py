"""How long an interview still takes, by what is usually asked and how long that usually takes.

Decides minutes to expect; never reads a clock or an answer. The seconds of each kind of question
are those with which `questionnaire check` works out the length of the whole (core/check.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from questionnaire.core.check import GRID_ROW, SECONDS
from questionnaire.core.instrument import Item
from questionnaire.core.program import Program


@lru_cache(maxsize=16)
def seconds_left(program: Program) -> Mapping[str, float]:
    """Item → expected seconds from its being asked to the end.

    Each item counts with the share of respondents who are asked it, halved where it belongs to one
    of two modules.
    """
    left, seconds = 0.0, {}
    for item in reversed(program.instrument.items):
        left += _usual(item) / (len(program.instrument.modules) if item.module else 1)
        seconds[item.code] = left
    return seconds


def _usual(item: Item) -> float:
    return item.share * (GRID_ROW if item.grid else SECONDS[item.type])
