"""Intervals of shares: those of R's svyciprop, and what they say where nothing varies."""

import numpy as np
import pytest
from scipy import stats

from tests.weighting.estimated import R, answers, by_r, demo, sectors
from weighting.core.estimation import Estimates, estimate
from weighting.core.intervals import (
    FLASH_2017,
    FLASH_2017_90,
    OF_SHARES,
    Interval,
    Method,
    korn_graubard,
    logit,
    student,
    wilson,
)
from weighting.core.linearised import means, proportions

CODES = ("1", "2", "dk")


def shares_of(*values: float, se: float, n: int = 100, n_eff: float = 80.0) -> Estimates:
    q = len(values)
    return Estimates(
        np.array(values), np.full(q, se), np.full(q, 60.0), np.full(q, n), np.full(q, n_eff)
    )


def matches(interval: Interval, what: str, keys: list[tuple[str, str]]) -> None:
    expected = np.array([R[what, domain, category][2:] for domain, category in keys])
    np.testing.assert_allclose(interval.low, expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(interval.high, expected[:, 1], rtol=1e-6)


def test_logit_and_korn_graubard_by_sector_are_those_of_r() -> None:
    names, domains = sectors()
    shares = by_r(proportions(demo()[1], answers("answer").codes, 3, domains))
    keys = [(name, code) for name in names for code in CODES]

    matches(logit(shares), "logit", keys)
    matches(korn_graubard(shares), "beta", keys)


def test_in_a_filtered_base_too_where_r_counts_all_rows_of_the_design() -> None:
    names, domains = sectors()
    filtered = by_r(proportions(demo()[1], answers("filtered").codes, 2, domains))
    keys = [(name, "2") for name in names]
    seconds = Estimates(
        *(getattr(filtered, f)[1::2] for f in ("values", "se", "freedom", "n", "n_eff"))
    )

    matches(logit(seconds), "logit filtered", keys)
    matches(korn_graubard(seconds, rows=domains.sum(axis=0)), "beta filtered", keys)


def test_over_all_sectors_too() -> None:
    shares = by_r(proportions(demo()[1], answers("answer").codes, 3))

    matches(logit(shares), "logit", [("all", code) for code in CODES])
    matches(korn_graubard(shares), "beta", [("all", code) for code in CODES])


def test_a_mean_has_students_interval_as_in_r() -> None:
    spent = by_r(means(demo()[1], np.array(demo()[2]["spent"], float)))

    matches(student(spent), "mean", [("all", "")])


def test_wilson_solves_the_score_equation_on_the_effective_n() -> None:
    shares = shares_of(0.09, 0.44, se=0.05)

    interval = wilson(shares)

    n, t = shares.values * (1 - shares.values) / shares.se**2, stats.t.ppf(0.975, 60)
    for bound in (interval.low, interval.high):
        np.testing.assert_allclose(
            np.abs(shares.values - bound), t * np.sqrt(bound * (1 - bound) / n)
        )


@pytest.mark.parametrize("method", [logit, wilson, korn_graubard])
def test_nobody_and_everybody_have_the_exact_interval_on_kishs_effective_n(method: Method) -> None:
    interval = method(shares_of(0.0, 1.0, se=0.0, n_eff=80.0), 0.95)

    assert (interval.low[0], interval.high[1]) == (0, 1)
    assert interval.high[0] == pytest.approx(1 - 0.025 ** (1 / 80))
    assert interval.low[1] == pytest.approx(0.025 ** (1 / 80))


@pytest.mark.parametrize("method", [logit, wilson, korn_graubard, student])
def test_a_share_that_calibration_fixed_is_known(method: Method) -> None:
    interval = method(shares_of(0.3, se=0.0), 0.95)

    assert interval.low[0] == interval.high[0] == 0.3


@pytest.mark.parametrize("method", [logit, wilson, korn_graubard, student])
def test_what_does_not_exist_has_no_interval(method: Method) -> None:
    interval = method(shares_of(0.3, se=float("nan")), 0.95)

    assert np.isnan([interval.low[0], interval.high[0]]).all()


@pytest.mark.parametrize("method", OF_SHARES.values(), ids=OF_SHARES)
def test_every_interval_holds_its_share_and_the_margin_of_error_is_the_larger_side(
    method: Method,
) -> None:
    shares = shares_of(0.02, 0.09, 0.44, 0.93, se=0.03)

    interval = method(shares, 0.95)

    assert (interval.low < shares.values).all()
    assert (interval.high > shares.values).all()
    margin = interval.margin(shares.values)
    sides = [shares.values - interval.low, interval.high - shares.values]
    np.testing.assert_array_equal(margin, np.max(sides, axis=0))


@pytest.mark.parametrize("method", [logit, wilson, korn_graubard, student])
def test_a_higher_level_is_wider(method: Method) -> None:
    narrow, wide = (method(shares_of(0.2, se=0.04), level) for level in (0.9, 0.99))

    assert wide.low[0] < narrow.low[0]
    assert wide.high[0] > narrow.high[0]


def test_the_flash_of_2017_reads_the_unweighted_n() -> None:
    """96 people at 50 %: 10 points at z = 1.96; 68 at z = 1.645."""
    shares = shares_of(0.5, se=0.2, n=97)

    assert FLASH_2017(shares, 0.95).margin(shares.values)[0] == pytest.approx(0.0995, abs=1e-4)
    assert FLASH_2017_90(shares, 0.95).margin(shares.values)[0] == pytest.approx(0.0835, abs=1e-4)


def test_intervals_of_the_demo_lie_between_0_and_1() -> None:
    shares = estimate(demo()[1], proportions(demo()[1], answers("answer").codes, 3, sectors()[1]))

    for method in (logit, wilson, korn_graubard):
        interval = method(shares, 0.95)
        assert (interval.low > 0).all()
        assert (interval.high < 1).all()
