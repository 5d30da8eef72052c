"""Intervals hold the truth as often as docs/estimation.md says, sample after sample drawn anew.

`make nightly` draws them all and prints the table; the suite asks a few for gross errors.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.weighting.coverage import QUESTIONS, SIZES, Tallies, covered
from weighting.core.intervals import FALL_SHORT, OF_SHARES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "estimation.md"
METHODS = (
    "logit", "wilson", "beta", "student", "r", "bootstrap", "jackknife", "flash2017",
    "flash2017-90",
)  # fmt: skip
ROW = re.compile(r"^\| (\d+) \| (p = 0\.\d\d|filtered) \| (.+) \|$", re.MULTILINE)
# What methods that the page recommends must reach, and two standard errors of 1,000 samples.
LEAST, MOST, SAMPLING = 0.93, 0.97, 0.015
RECOMMENDED = ("logit", "wilson", "beta", "bootstrap")


def table(tallies: Tallies) -> str:
    head = f"| n | question | {' | '.join(METHODS)} |"
    lines = [head, "|---:|---|" + "---:|" * len(METHODS)]
    for size in SIZES:
        for question in QUESTIONS:
            figures = (tallies[size, question, method].coverage for method in METHODS)
            shown = " | ".join(f"{100 * figure:.1f}" for figure in figures)
            lines.append(f"| {size} | {question} | {shown} |")
    return "\n".join(lines)


def documented() -> dict[tuple[int, str, str], float]:
    return {
        (int(size), question, method): float(figure) / 100
        for size, question, figures in ROW.findall(DOCS.read_text(encoding="utf-8"))
        for method, figure in zip(METHODS, figures.split(" | "), strict=True)
    }


@pytest.mark.nightly
def test_intervals_hold_the_truth_as_often_as_the_docs_say() -> None:
    tallies = covered(4000, replicated=1000)
    print(f"\n{table(tallies)}")

    told = documented()

    assert told.keys() == tallies.keys()
    for key, tally in tallies.items():
        assert tally.coverage == pytest.approx(told[key], abs=SAMPLING), key
        if key[2] in RECOMMENDED:
            assert LEAST <= tally.coverage <= MOST, key


def test_what_the_docs_recommend_covers_between_93_and_97_in_100() -> None:
    told = documented()

    assert len(told) == len(SIZES) * len(QUESTIONS) * len(METHODS)
    for key, coverage in told.items():
        assert key[2] not in RECOMMENDED or LEAST <= coverage <= MOST, key


def test_what_falls_short_is_warned_of_with_the_worst_that_the_docs_tell() -> None:
    worst: dict[str, float] = {}
    for (_size, _question, method), coverage in documented().items():
        worst[method] = min(coverage, worst.get(method, 1.0))

    for method in OF_SHARES.keys() & worst.keys():
        if worst[method] < 0.89:
            assert worst[method] - 0.01 < FALL_SHORT[method] <= worst[method]
        else:
            assert method not in FALL_SHORT


def test_a_few_samples_cover_about_as_often() -> None:
    """Of 80 intervals, fewer than 66 hold the truth once in a hundred thousand times."""
    tallies = covered(80, sizes=[100])

    for question in QUESTIONS:
        tally = tallies[100, question, "logit"]
        assert tally.held >= 66
        assert np.mean(tally.widths) < 0.2
