"""Decides who would be interviewed in an invented sector: a systematic sample of its population.

Never invents a total: margins and shares of answers are given, only what ties them is invented.
Theory: Deming & Stephan (1940), fitting a table to margins; Madow (1949), systematic sampling.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Codes = NDArray[np.intp]

CRITERIA = ("age", "emploi", "composition_familiale", "statut_occupation", "sexe")
# The axes of the population, slowest first: along a systematic pass the first ones are met best.
AXES = ("age", "NUM02", "NUM03", *CRITERIA[1:])
SIZES = {"age": 5, "NUM02": 4, "NUM03": 5, "emploi": 5, "composition_familiale": 5,
         "statut_occupation": 4, "sexe": 2}  # fmt: skip
# Until 40, people answer half as often as their elders.
PROPENSITY = (0.5, 0.5, 1.0, 1.0, 1.0)
# No category is left with fewer respondents; rare ones are aimed a little higher.
LEAST, AIM = 3, 4
SHORT = 1e6  # what a missing respondent of a category costs, against all other imbalance
# Passes tried for the best one, and the most where a category is still short.
STARTS, MOST_STARTS = 40, 400

# How often categories of two axes go together, on any scale: rows are those of the first axis.
AFFINITIES: dict[tuple[str, str], tuple[tuple[float, ...], ...]] = {
    ("age", "NUM02"): (
        (0.1, 5, 4, 91), (0.3, 3, 14, 83), (3, 2, 78, 17), (24, 1, 72, 3), (64, 1, 34, 1)),
    ("age", "NUM03"): (
        (62, 28, 4, 4, 2), (56, 30, 5, 6, 3), (40, 34, 8, 10, 8), (22, 28, 12, 15, 23),
        (8, 14, 18, 16, 44)),
    ("NUM02", "NUM03"): (
        (10, 14, 22, 14, 40), (34, 34, 10, 12, 10), (36, 34, 9, 10, 11), (48, 32, 6, 8, 6)),
    ("age", "emploi"): (
        (30, 15, 0.01, 47, 8), (68, 15, 0.01, 4, 13), (70, 11, 2, 0.3, 17), (12, 2, 82, 0.01, 4),
        (0.3, 0.1, 97, 0.01, 3)),
    ("age", "composition_familiale"): (
        (25, 12, 35, 18, 10), (22, 18, 42, 12, 6), (20, 15, 46, 15, 4), (34, 48, 10, 5, 3),
        (55, 36, 3, 3, 3)),
    ("age", "statut_occupation"): (
        (15, 25, 52, 8), (25, 30, 42, 3), (45, 30, 22, 3), (60, 25, 12, 3), (65, 22, 10, 3)),
    ("emploi", "sexe"): ((50, 50), (50, 50), (46, 54), (48, 52), (28, 72)),
    ("composition_familiale", "sexe"): ((45, 55), (50, 50), (49, 51), (20, 80), (50, 50)),
}  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """A respondent by category codes, counted from 1; NUM03 in its published order, dk third."""

    age: int
    internet: int
    ease: int
    employment: int
    household: int
    tenure: int
    sex: int


@dataclass(frozen=True)
class Population:
    """The adults of a sector: `joint` shares over AXES, and categories counted with another one.

    merged: {axis: {index: index into which it is counted}}.
    """

    joint: Table
    merged: Mapping[str, Mapping[int, int]]

    def sample(self, size: int, seed: str) -> list[Profile]:
        """`size` respondents, the same for the same seed; any first part of them is balanced too.

        The best of several systematic passes; more of them while a category has fewer than LEAST
        respondents. Raises ValueError for a size below 1.
        """
        if size < 1:
            raise ValueError("a sample has at least one respondent")
        frame = self._answering(size)
        wanted = {axis: size * _margin(frame, axis) for axis in AXES}
        draw = np.random.default_rng(list(random.Random(seed).randbytes(16)))  # noqa: S311
        best, least = None, np.inf
        for start in range(MOST_STARTS):
            codes = _pass(frame, size, draw)
            cost = self._imbalance(codes, wanted)
            if cost < least:
                best, least = codes, cost
            if start >= STARTS and least < SHORT:
                break
        assert best is not None
        return [Profile(*(int(code) + 1 for code in best[rank])) for rank in _spread(size)]

    def _answering(self, size: int) -> Table:
        """Who answers among those who are reached, with rare categories lifted to the aim."""
        answering = self.joint * np.reshape(PROPENSITY, (-1, *[1] * (len(AXES) - 1)))
        answering /= answering.sum()
        lifted = {}
        for axis in CRITERIA:
            margin = _margin(answering, axis)
            alone = [k for k in range(len(margin)) if k not in self.merged.get(axis, {})]
            floor = min(AIM / size, 1 / len(margin))
            margin[alone] = np.maximum(margin[alone], floor)
            lifted[axis] = margin / margin.sum()
        return fitted(answering, lifted)

    def _imbalance(self, codes: Codes, wanted: Mapping[str, Table]) -> float:
        """How far the counts are from those wanted; a category that is short outweighs all else."""
        cost = 0.0
        for place, axis in enumerate(AXES):
            counts = np.bincount(codes[:, place], minlength=SIZES[axis]).astype(float)
            expected = wanted[axis].copy()
            for index, into in self.merged.get(axis, {}).items():
                counts[into] += counts[index]
                expected[into] += expected[index]
            kept = [k for k in range(len(counts)) if k not in self.merged.get(axis, {})]
            counts, expected = counts[kept], expected[kept]
            cost += float(((counts - expected) ** 2 / expected).sum())
            if axis in CRITERIA:
                cost += SHORT * float(np.maximum(LEAST - counts, 0).sum())
        return cost


def population(
    margins: Mapping[str, Sequence[float]], merged: Mapping[str, Mapping[int, int]]
) -> Population:
    """The population whose margins over AXES are given, on any scale, each in the order of codes.

    Answers depend on age and on each other alone, so that weights which restore the ages of the
    sector restore its published shares as well.
    """
    seed = np.ones([SIZES[axis] for axis in AXES])
    for (first, second), affinity in AFFINITIES.items():
        seed *= _across(np.array(affinity), AXES.index(first), AXES.index(second))
    shares = {axis: np.array(totals, float) for axis, totals in margins.items()}
    shares = {axis: totals / totals.sum() for axis, totals in shares.items()}
    return Population(fitted(seed / seed.sum(), shares), merged)


def fitted(table: Table, margins: Mapping[str, Table]) -> Table:
    """The table nearest to `table` that has these margins. Raises ValueError if there is none."""
    fit = table.copy()
    for _ in range(500):
        miss = 0.0
        for axis, wanted in margins.items():
            found = _margin(fit, axis)
            miss = max(miss, float(np.abs(found - wanted).max()))
            shape = [1] * len(AXES)
            shape[AXES.index(axis)] = -1
            fit *= (wanted / found).reshape(shape)
        if miss < 1e-9:
            return fit
    raise ValueError(f"no population has these margins: {miss:.2g} are missed")


def _margin(table: Table, axis: str) -> Table:
    others = tuple(place for place, name in enumerate(AXES) if name != axis)
    summed: Table = table.sum(axis=others)
    return summed


def _across(affinity: Table, first: int, second: int) -> Table:
    shape = [1] * len(AXES)
    shape[first], shape[second] = affinity.shape
    return affinity.reshape(shape)


def _pass(frame: Table, size: int, draw: np.random.Generator) -> Codes:
    """One systematic pass: a random start, a fixed step, the categories in a random order."""
    orders = [draw.permutation(length) for length in frame.shape]
    running = reduce(lambda table, at: table.take(orders[at], axis=at), range(frame.ndim), frame)
    reached = np.cumsum(running.ravel())
    steps = (draw.random() + np.arange(size)) * (reached[-1] / size)
    cells = np.minimum(np.searchsorted(reached, steps, side="right"), reached.size - 1)
    places = np.unravel_index(cells, frame.shape)
    return np.stack([order[place] for order, place in zip(orders, places, strict=True)], axis=1)


def _spread(size: int) -> list[int]:
    """0 to size - 1 in steps of a golden section: every first part is spread over the whole."""
    step = max(round(size * 0.618), 1)
    while gcd(step, size) > 1:
        step += 1
    return [(rank * step) % size for rank in range(size)]
