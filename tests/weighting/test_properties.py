"""Laws of calibration, on surveys drawn at random around a feasible target."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.weighting.samples import weighted_total
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.margins import Margin, Margins
from weighting.core.methods import Linear, Logit, Method, Raking, Truncated
from weighting.core.preflight import preflight
from weighting.core.units import Column, Floats, Units

FEW = settings(max_examples=25, deadline=None)
SIZES = {"sex": 2, "age": 4, "job": 3}
METHODS: list[Method] = [Linear(), Raking(), Logit(0.2, 4.0), Truncated(0.2, 4.0)]
methods = st.sampled_from(METHODS)


def survey(seed: int, n: int = 60, sectors: int = 2) -> tuple[Units, Margins]:
    """Units in sectors, and margins that weights with g between 0.5 and 2 are known to meet."""
    random = np.random.default_rng(seed)
    strata = np.sort(np.arange(n) % sectors)
    d = random.uniform(5.0, 15.0, n)
    codes = {name: random.integers(0, size, n) for name, size in SIZES.items()}
    feasible = d * random.uniform(0.5, 2.0, n)
    categories = {name: tuple(map(str, range(size))) for name, size in SIZES.items()}
    margins = {
        str(sector): [
            Margin(name, _totals(codes[name], feasible, strata == sector, categories[name]))
            for name in SIZES
        ]
        for sector in range(sectors)
    }
    columns = {name: Column(codes[name], categories[name]) for name in SIZES}
    return Units(Column(strata, tuple(map(str, range(sectors)))), d, columns), margins


def _totals(
    codes: np.ndarray, weights: Floats, chosen: np.ndarray, categories: tuple[str, ...]
) -> dict[str, float]:
    sums = np.bincount(codes[chosen], weights[chosen], len(categories))
    return dict(zip(categories, sums.tolist(), strict=True))


def reordered(units: Units, order: np.ndarray) -> Units:
    return Units(
        Column(units.strata.codes[order], units.strata.categories),
        units.weights[order],
        {name: Column(c.codes[order], c.categories) for name, c in units.variables.items()},
    )


seeds = st.integers(0, 10_000)


@given(seeds, methods)
@FEW
def test_every_margin_is_met_whenever_a_stratum_converges(seed: int, method: Method) -> None:
    units, margins = survey(seed, sectors=1)

    result = calibrate(units, margins, method)

    assert result.converged
    for margin in margins["0"]:
        for category, total in margin.totals.items():
            assert weighted_total(result, margin.variable, category) == pytest.approx(total)


@given(seeds, methods)
@FEW
def test_the_order_of_rows_is_irrelevant(seed: int, method: Method) -> None:
    units, margins = survey(seed)
    order = np.random.default_rng(seed + 1).permutation(len(units))

    shuffled = calibrate(reordered(units, order), margins, method)

    expected = calibrate(units, margins, method).weights[order]
    np.testing.assert_allclose(shuffled.weights, expected, rtol=1e-9, atol=1e-9)


@given(seeds, methods)
@FEW
def test_splitting_a_row_into_halves_changes_nothing(seed: int, method: Method) -> None:
    units, margins = survey(seed)
    row = seed % len(units)
    split = reordered(units, np.append(np.arange(len(units)), row))
    split.weights[[row, -1]] /= 2

    weights = calibrate(split, margins, method).weights

    expected = calibrate(units, margins, method).weights
    together = np.append(np.delete(weights[:-1], row), weights[row] + weights[-1])
    wanted = np.append(np.delete(expected, row), expected[row])
    np.testing.assert_allclose(together, wanted, rtol=1e-9, atol=1e-9)


@given(seeds, methods, st.floats(0.01, 1000.0))
@FEW
def test_scaling_the_totals_scales_the_weights(seed: int, method: Method, factor: float) -> None:
    units, margins = survey(seed)
    scaled = {
        name: [margin.scaled_to(margin.total * factor) for margin in its]
        for name, its in margins.items()
    }
    rescale = Rules(rescale=True)

    weights = calibrate(units, scaled, method, rescale).weights

    expected = calibrate(units, margins, method, rescale).weights * factor
    np.testing.assert_allclose(weights, expected, rtol=1e-8, atol=1e-8 * factor)


@given(seeds, methods, st.floats(0.0, 2.0))
@FEW
def test_newton_converges_exactly_where_a_linear_programme_finds_a_solution(
    seed: int, method: Method, strain: float
) -> None:
    units, margins = survey(seed, n=24, sectors=1)
    random = np.random.default_rng(seed)
    strained = [
        Margin(m.variable, {c: t * np.exp(strain * random.normal()) for c, t in m.totals.items()})
        for m in margins["0"]
    ]
    strained = [margin.scaled_to(margins["0"][0].total) for margin in strained]

    result = calibrate(units, {"0": strained}, method)

    assert result.converged == (preflight(units, {"0": strained}, method) == ())
    assert "not_converged" not in [problem.code for problem in result.problems]


@given(seeds, st.floats(0.0, 2.0))
@example(seed=3, strain=2.0)
@FEW
def test_soft_margins_at_odds_with_the_others_do_not_stop_the_search(
    seed: int, strain: float
) -> None:
    units, margins = survey(seed, n=24, sectors=1)
    random = np.random.default_rng(seed)
    hard, *others = margins["0"]
    soft = [
        replace(
            m,
            totals={c: t * np.exp(strain * random.normal()) for c, t in m.totals.items()},
            soft=0.01,
        )
        for m in others
    ]

    result = calibrate(units, {"0": [hard, *soft]}, Truncated(0.2, 4.0))

    assert result.converged
    assert result.max_relative_margin_error < 1e-9


@pytest.mark.slow
@given(seeds)
@FEW
def test_raking_by_newton_equals_iterative_proportional_fitting(seed: int) -> None:
    units, margins = survey(seed, sectors=1)

    weights = units.weights.copy()
    for _ in range(2000):
        for margin in margins["0"]:
            codes = units.variables[margin.variable].codes
            targets = np.array(list(margin.totals.values()))
            achieved = np.bincount(codes, weights, len(targets))
            weights *= (targets / np.where(achieved > 0, achieved, 1.0))[codes]

    np.testing.assert_allclose(calibrate(units, margins).weights, weights, rtol=1e-7)


@given(seeds)
@FEW
def test_logit_tends_to_raking_as_its_bounds_widen(seed: int) -> None:
    units, margins = survey(seed)
    raking = calibrate(units, margins).weights

    gaps = [
        float(np.abs(calibrate(units, margins, Logit(1 / width, width)).weights / raking - 1).max())
        for width in (10.0, 1e3, 1e5)
    ]

    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3


@given(seeds, methods)
@FEW
def test_two_runs_on_one_input_are_identical_to_the_bit(seed: int, method: Method) -> None:
    units, margins = survey(seed)

    first, second = (calibrate(units, margins, method) for _ in range(2))

    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.strata == second.strata
    assert first.digest == second.digest


@given(seeds, methods)
@FEW
def test_g_stays_within_the_bounds_of_the_method(seed: int, method: Method) -> None:
    units, margins = survey(seed)

    result = calibrate(units, margins, method)

    low, high = method.bounds
    assert result.g.min() >= low
    assert result.g.max() <= high
    np.testing.assert_allclose(result.g * units.weights, result.weights)


@given(seeds, methods, st.floats(-3.0, 3.0))
@FEW
def test_a_method_is_the_derivative_of_its_integral(seed: int, method: Method, at: float) -> None:
    step = 1e-6
    if isinstance(method, Truncated) and min(abs(at + 0.8), abs(at - 3.0)) < 1e-5:
        return
    before, here, after = (method.at(np.array([at + h])) for h in (-step, 0.0, step))

    assert (after.integral - before.integral) / (2 * step) == pytest.approx(here.g, abs=1e-7)
    assert (after.g - before.g) / (2 * step) == pytest.approx(here.slope, abs=1e-7, rel=1e-6)
    if method.bounds[0] < here.g[0] < method.bounds[1]:
        assert method.inverse(float(here.g[0])) == pytest.approx(at, abs=1e-6)
