"""Measure calibration from encoded columns: median time and peak memory, as a table."""

import tracemalloc
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandParser

from weighting.core.calibration import calibrate
from weighting.core.demo import demo_margins
from weighting.core.margins import Margins
from weighting.core.methods import Linear, Logit, Method, Raking, Truncated
from weighting.core.units import Column, Units

METHODS: tuple[Method, ...] = (Raking(), Linear(), Logit(0.1, 6.0), Truncated(0.1, 6.0))
CASES = ((1_500, 10), (100_000, 1), (1_000_000, 1), (1_000_000, 10))
MEGABYTE = 1e6


class Command(BaseCommand):
    help = "Times calibration on five criteria of the demo margins, from encoded columns."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repeat", type=int, default=15)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, repeat: int, seed: int, **options: Any) -> None:
        self.stdout.write("| rows | sectors | method | median ms | peak MB | margin error |")
        self.stdout.write("|---:|---:|---|---:|---:|---:|")
        for n, sectors in CASES:
            units, margins = _survey(n, sectors, seed)
            for method in METHODS:
                self.stdout.write(_row(units, margins, method, repeat))


def _row(units: Units, margins: Margins, method: Method, repeat: int) -> str:
    times = []
    for _ in range(repeat):
        start = perf_counter()
        result = calibrate(units, margins, method)
        times.append(1000 * (perf_counter() - start))
    tracemalloc.start()
    result = calibrate(units, margins, method)
    peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()
    error = f"{result.max_relative_margin_error:.0e}" if result.converged else "refused"
    figures = f"{method.name} | {median(times):.1f} | {peak:.1f} | {error} |"
    return f"| {len(units):,} | {len(margins)} | {figures}"


def _survey(n: int, sectors: int, seed: int) -> tuple[Units, Margins]:
    """A sample of the last demo sectors: shares off by up to 30 %, unequal initial weights."""
    random = np.random.default_rng(seed)
    margins = dict(list(demo_margins().items())[-sectors:])
    names = tuple(margins)
    strata = np.arange(n, dtype=np.int8) % len(names)
    columns = {}
    for place, margin in enumerate(margins[names[0]]):
        labels = tuple(margin.totals)
        codes = np.empty(n, np.int8)
        for stratum, name in enumerate(names):
            chosen = np.flatnonzero(strata == stratum)
            codes[chosen] = _drawn(list(margins[name][place].totals.values()), len(chosen), random)
        columns[margin.variable] = Column(codes, labels)
    d = random.uniform(0.5, 1.5, n)
    population = np.array([margins[name][0].total for name in names])
    d *= (population / np.bincount(strata, d))[strata]
    return Units(Column(strata, names), d, columns), margins


def _drawn(totals: list[float], n: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Codes of n people, two of each category for certain, so that none is empty."""
    shares = np.array(totals) * random.uniform(0.7, 1.3, len(totals))
    sure = np.repeat(np.arange(len(totals)), 2)
    rest = random.choice(len(totals), n - len(sure), p=shares / shares.sum())
    return random.permutation(np.concatenate([sure, rest]))
