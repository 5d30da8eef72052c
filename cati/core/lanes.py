"""Decides in which order equal cases are handed out: lanes of a sector, a part and a try, scored.

Never reads a case: within a lane the seeded draw decides, which the index of the database holds.
Theory: docs/scheduling.md; sectors in turn by Sainte-Laguë's divisors, per interviewer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cati.core.day_parts import fresh_range
from cati.core.dispositions import FRESH, RETRY
from cati.core.retries import ANY
from cati.core.rules import Rules

# From this number of calls on, the tries of a case weigh the same.
MANY = 6
MOST = 32767


@dataclass(frozen=True)
class Lane:
    """Cases that are equal but for their draw: tries in [low, high], draws in [first, last)."""

    tier: int
    part: int
    sector: int
    low: int
    high: int
    first: float
    last: float
    score: float


@dataclass(frozen=True)
class Score:
    """The score of a case and what it is made of, each already weighted; `total` in [0, 1]."""

    sector: float
    part: float
    attempts: float

    @property
    def total(self) -> float:
        return self.sector + self.part + self.attempts


def needs(missing: Mapping[int, float], rung: Mapping[int, int], seed: int) -> dict[int, float]:
    """{sector: need in [0, 1]} of an interviewer: what it misses, over what she has rung there.

    missing: interviews still wanted by sector. rung: her calls by sector. Calls are divided as
    seats are, so that each interviewer rings every sector in the proportion of what it misses,
    and interviewers and sectors are not confounded. `seed` keeps two of them out of step.
    """
    draw = random.Random(seed)  # noqa: S311 (an order of service, not a secret)
    wanted = {
        sector: missing[sector] / (rung.get(sector, 0) + 0.25 + 0.5 * draw.random())
        for sector in sorted(missing)
    }
    most = max(wanted.values(), default=0) or 1
    return {sector: want / most for sector, want in wanted.items()}


def score(rules: Rules, need: float, part: int, attempts: int) -> Score:
    """What the rules give to a case of a sector with this need, due in `part`, so often rung."""
    weights = rules.weights
    whole = (weights.sector + weights.part + weights.attempts) or 1
    return Score(
        sector=weights.sector * need / whole,
        part=weights.part * (part != ANY) / whole,
        attempts=weights.attempts * (1 - min(attempts, MANY) / MANY) / whole,
    )


def retry_lanes(rules: Rules, part: int, needs: Mapping[int, float]) -> list[Lane]:
    """The lanes of cases that were rung before, the highest score first."""
    lanes = [
        Lane(RETRY, due, sector, tries, tries if tries < MANY else MOST,
             float("-inf"), float("inf"), score(rules, need, due, tries).total)
        for sector, need in needs.items()
        for due in (ANY, part)
        for tries in range(MANY + 1)
    ]  # fmt: skip
    return _ranked(lanes)


def fresh_lanes(rules: Rules, part: int, needs: Mapping[int, float]) -> list[Lane]:
    """The lanes of numbers that nobody has rung, whose part of the week it is."""
    first, last = fresh_range(rules, part)
    lanes = [
        Lane(FRESH, ANY, sector, 0, MOST, first, last, score(rules, need, part, 0).total)
        for sector, need in needs.items()
    ]
    return _ranked(lanes)


def _ranked(lanes: Sequence[Lane]) -> list[Lane]:
    return sorted(lanes, key=lambda lane: (-lane.score, lane.sector, lane.part, lane.low))
