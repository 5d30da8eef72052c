"""What variances cost on the demo wave: prints seconds by the clock and the processor as JSON.

Run by test_estimation_bench.py in a process of its own, with one thread for linear algebra: these
matrices are small, and on a machine that does other things at the same time threads wait.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from questionnaire.core.load import load_instrument
from tests.weighting.estimated import answers, demo, sectors
from weighting.core.estimation import estimate
from weighting.core.linearised import proportions
from weighting.core.replicates import bootstrap, jackknife

FOLDER = Path(__file__).resolve().parents[2] / "questionnaire" / "instruments" / "allo_quartiers"
REPEATS = 7
# The ten sectors, and four groups of them: two overlapping, the control sectors, everybody.
GROUPS = ([0, 1, 9], [0, 1, 2, 3, 4, 6, 9], [7, 8], list(range(10)))


def every_item() -> list[tuple[np.ndarray, int]]:
    """Answers to each item of the questionnaire: as many categories as it has, and don't know."""
    random = np.random.default_rng(1)
    sizes = [max(len(item.choices), 2) + 1 for item in load_instrument(FOLDER).items]
    asked = random.uniform(0.3, 1.0, len(sizes))
    return [
        (np.where(random.uniform(size=1500) < share, random.integers(0, size, 1500), -1), size)
        for share, size in zip(asked, sizes, strict=True)
    ]


def tables(items: Sequence[tuple[np.ndarray, int]], domains: np.ndarray) -> int:
    """Shares of every item in every domain, with standard errors; how many there are."""
    sample = demo()[1]
    return sum(
        len(estimate(sample, proportions(sample, codes, size, domains)).se) for codes, size in items
    )


def seconds(act: Callable[[], object]) -> tuple[float, float]:
    """Medians: of the clock, which other things on the machine lengthen, and of the processor."""
    act()
    clock, processor = [], []
    for _ in range(REPEATS):
        start = perf_counter(), process_time()
        act()
        clock.append(perf_counter() - start[0])
        processor.append(process_time() - start[1])
    return median(clock), median(processor)


def main() -> None:
    items, (_, alone) = every_item(), sectors()
    domains = np.column_stack([alone, *(alone[:, group].any(axis=1) for group in GROUPS)])
    drawn, codes = bootstrap(demo()[0]), answers("answer").codes
    figures = {
        "500 bootstrap replicates, calibrated again": seconds(lambda: bootstrap(demo()[0])),
        "1,500 jackknife replicates, calibrated again": seconds(lambda: jackknife(demo()[0])),
        "one item × 14 domains by 500 replicates": seconds(
            lambda: drawn.estimate(lambda sample: proportions(sample, codes, 3, domains))
        ),
        f"{len(items)} items × {domains.shape[1]} domains, {tables(items, domains):,} errors": (
            seconds(lambda: tables(items, domains))
        ),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
