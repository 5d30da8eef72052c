"""Tables: shares with their bases, marks, sums and gaps.

1. Estimates, standard errors and marks are those of the variance engine, to 1e-9.
2. Figures are rounded one by one; a derived sum is told both ways.
3. A gap is a contrast; marks of chance are Holm's over the whole table.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.weighting.estimated import demo, sectors
from weighting.core.contrasts import holm
from weighting.core.estimation import estimate
from weighting.core.indicators import times, verdict
from weighting.core.intervals import OF_SHARES
from weighting.core.linearised import means, proportions
from weighting.core.rounding import percent, sum_of_rounded
from weighting.core.tables import FLASH_2017, STANDARD, Asked, Head, Preset, tabulate, with_gaps

PLACES = {"1": 1, "2": 2, "dk": 3}
CODES = np.array([PLACES.get(value, 0) for value in demo()[2]["answer"]])
GIVEN = (CODES[:, None] == np.array([1, 2, 3])).astype(float)
ASKED = Asked(tuple(Head(str(code), f"Réponse {code}") for code in (1, 2, 3)), GIVEN, CODES > 0)


def rows() -> np.ndarray:
    """The ten sectors, and a group that holds the first three of them."""
    own = sectors()[1]
    return np.column_stack([own, own[:, :3].any(axis=1)])


@pytest.mark.parametrize("preset", [STANDARD, FLASH_2017])
def test_a_table_says_what_the_variance_engine_says(preset: Preset) -> None:
    sample = demo()[1]
    table = tabulate(sample, ASKED, rows(), preset).table
    expected = estimate(sample, proportions(sample, CODES - 1, 3, rows()))
    interval = OF_SHARES[preset.interval](expected, preset.level)
    for found, wanted in (
        (table.values, expected.values),
        (table.se, expected.se),
        (table.low, interval.low),
        (table.high, interval.high),
    ):
        np.testing.assert_allclose(found.ravel(), wanted, rtol=0, atol=1e-9)
    stars = interval.margin(expected.values) >= 0.10
    np.testing.assert_array_equal(table.stars.ravel(), stars)
    assert stars.any() and not stars.all()
    assert table.n.tolist()[-1] == sum(table.n.tolist()[:3])
    assert table.weighted[-1] == pytest.approx(table.weighted[:3].sum())


def test_a_row_beyond_the_base_has_no_figures_and_a_narrower_base_has_its_own() -> None:
    sample, own = demo()[1], sectors()[1]
    among = ASKED.among(own[:, 1] & (np.arange(len(CODES)) % 2 == 0))
    table = tabulate(sample, among, own).table
    assert table.states[0] == "empty" and np.isnan(table.values[0]).all()
    assert table.n[1] == among.base.sum() > 0
    np.testing.assert_allclose(table.values[1].sum(), 1.0)


def test_a_number_has_its_mean_and_no_mark() -> None:
    sample, own = demo()[1], sectors()[1]
    amount = np.arange(len(CODES), dtype=float) % 7
    asked = Asked((Head("mean", "Moyenne"),), amount[:, None], CODES > 0, mean=True)
    table = tabulate(sample, asked, own).table
    expected = estimate(sample, means(sample, np.where(CODES > 0, amount, np.nan), own))
    np.testing.assert_allclose(table.values.ravel(), expected.values, atol=1e-9)
    np.testing.assert_allclose(table.se.ravel(), expected.se, atol=1e-9)
    assert not table.stars.any()


def test_figures_are_rounded_one_by_one_half_away_from_zero() -> None:
    shares = np.array([[0.285, 0.005, 0.71, -0.115, np.nan]])
    np.testing.assert_array_equal(percent(shares), [[29, 1, 71, -12, np.nan]])
    assert sum_of_rounded(np.array([[0.086, 0.186]]), [0, 1]).tolist() == [28]
    assert percent(0.086 + 0.186) == 27


def test_a_derived_sum_is_of_whoever_gave_either_answer() -> None:
    sample, own = demo()[1], sectors()[1]
    asked = ASKED.with_sum("1 ou 2", ["1", "2"])
    table = tabulate(sample, asked, own).table
    np.testing.assert_allclose(table.values[:, 3], table.values[:, :2].sum(axis=1), atol=1e-12)
    alone = tabulate(sample, asked.only("1+2"), own).table
    np.testing.assert_allclose(alone.se[:, 0], table.se[:, 3], atol=1e-12)
    with pytest.raises(KeyError):
        ASKED.with_sum("9", ["9"])


def test_a_gap_is_a_contrast_and_chance_is_judged_over_the_table() -> None:
    sample = demo()[1]
    estimated = tabulate(sample, ASKED, rows())
    references = [None, *[0] * 10]
    gaps = with_gaps(estimated, estimated.table, references).gaps
    assert gaps is not None and np.isnan(gaps.values[0]).all()
    values = estimated.table.values
    np.testing.assert_allclose(gaps.values[1:], values[1:] - values[0], atol=1e-12)
    np.testing.assert_allclose(gaps.ratios[1:], values[1:] / values[0])
    apart = np.hypot(estimated.table.se[1], estimated.table.se[0])
    np.testing.assert_allclose(gaps.se[1], apart, rtol=1e-9)
    # The last row holds its reference: what they share is counted once.
    assert (gaps.se[10] < np.hypot(estimated.table.se[10], estimated.table.se[0])).all()
    np.testing.assert_array_equal(gaps.holm.ravel(), holm(gaps.p.ravel()))


def test_no_gap_gives_a_hidden_row_away() -> None:
    estimated = tabulate(demo()[1], ASKED, rows())
    states = ["shown"] * 11
    states[3] = "hidden"
    hidden = estimated.table.without(states)  # type: ignore[arg-type]
    assert np.isnan(hidden.values[3]).all() and np.isnan(hidden.weighted[3])
    gaps = with_gaps(estimated, hidden, [3, 0, 0, 0, *[3] * 7]).gaps
    assert gaps is not None
    assert np.isnan(gaps.values[[0, 3, 4, 10]]).all() and np.isfinite(gaps.values[1:3]).all()


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (18 / 7, ("more", 2)),
        (1.9, ("nearly", 2)),
        (2.02, ("about", 2)),
        (3.9, ("nearly", 4)),
        (1.5, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_ratio_is_told_as_times(ratio: float, said: tuple[str, int] | None) -> None:
    assert times(ratio) == said


def test_a_gap_has_a_direction_where_the_indicator_has_one() -> None:
    assert verdict(0.1, "lower") == "worse" and verdict(-0.1, "lower") == "better"
    assert verdict(0.1, "higher") == "better"
    assert verdict(0.1, "") == "" and verdict(0.0, "lower") == ""
