"""What the weights cost: Kish's design effect, effective n, quantiles of g, the demo wave."""

import numpy as np
import pytest

from tests.weighting.samples import REFERENCES, SIX, SIX_MARGINS, units_of
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import demo_adults, demo_collapses, demo_margins
from weighting.core.diagnostics import kish, quantiles
from weighting.core.plain_files import read_units


def test_equal_weights_cost_nothing() -> None:
    assert (kish([3.0] * 50).deff, kish([3.0] * 50).n_eff) == (1.0, 50.0)


def test_the_effective_n_of_unequal_weights_is_the_squared_sum_over_the_sum_of_squares() -> None:
    assert kish([1.0, 3.0]).n_eff == pytest.approx(16 / 10)


def test_quantiles_count_each_value_as_often_as_it_occurs() -> None:
    found = quantiles(np.array([3.0, 1.0, 2.0]), [1, 1, 8], (0.0, 0.1, 0.5, 0.9, 1.0))

    assert found == {0.0: 1.0, 0.1: 1.0, 0.5: 2.0, 0.9: 2.0, 1.0: 3.0}


def test_the_demo_wave_is_weighted_to_its_adults_and_pays_for_its_allocation() -> None:
    margins = demo_margins()
    units = read_units(REFERENCES / "units_demo.csv", margins, id_column="id", by="secteur",
                       weight=None)  # fmt: skip

    result = calibrate(units, margins, rules=Rules(collapses=demo_collapses()))

    assert result.converged
    assert result.weights.sum() == pytest.approx(170_185)
    for sector, adults in demo_adults().items():
        assert result[sector].design is not None
        assert result[sector].design.total == pytest.approx(adults)
    assert result.design.n == 1500
    assert result.design.deff > 1.88  # the allocation alone, without calibration
    assert result.design.n_eff == pytest.approx(1500 / result.design.deff)


def test_margins_and_g_are_told_over_all_sectors_that_have_weights() -> None:
    people = {"sex": SIX["sex"] * 3, "age": SIX["age"] * 3}
    units = units_of(people, sector=["R"] * 6 + ["S"] * 6 + ["T"] * 6)
    doubled = [margin.scaled_to(240.0) for margin in SIX_MARGINS["S"]]
    margins = SIX_MARGINS | {"R": doubled}  # T has none, and no weights

    result = calibrate(units, margins)

    overall = result.overall
    men = overall.margins[0]
    assert (men.variable, men.category, men.n, men.before, men.target) == ("sex", "h", 6, 6.0, 150)
    assert men.after == pytest.approx(150.0)
    assert np.isnan(men.multiplier)
    assert overall.design == result.design
    assert overall.design.n == 12
    assert overall.g_quantiles[0.0] == np.nanmin(result.g)
    assert overall.g_quantiles[1.0] == np.nanmax(result.g)


def test_there_is_nothing_overall_where_every_sector_is_refused() -> None:
    overall = calibrate(units_of(SIX), {}).overall

    assert (overall.design.n, overall.g_quantiles, overall.margins) == (0, {}, ())


def test_the_design_effect_by_profile_is_that_of_the_rows() -> None:
    result = calibrate(units_of(SIX, weights=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), SIX_MARGINS)

    assert result["S"].deff == pytest.approx(kish(result.weights).deff)
    assert result["S"].g_min == pytest.approx(result.g.min())
    assert result["S"].g_max == pytest.approx(result.g.max())


def test_margins_are_told_before_and_after_with_their_respondents() -> None:
    result = calibrate(units_of(SIX), SIX_MARGINS)

    men = result["S"].margins[0]
    assert (men.variable, men.category, men.n, men.before, men.target) == ("sex", "h", 3, 3.0, 50.0)
    assert men.after == pytest.approx(50.0)
    assert result["S"].rank == 3


def test_the_multipliers_give_back_the_weights() -> None:
    result = calibrate(units_of(SIX), SIX_MARGINS)

    multiplier = {(row.variable, row.category): row.multiplier for row in result["S"].margins}
    u = [
        multiplier["sex", sex] + multiplier["age", age]
        for sex, age in zip(SIX["sex"], SIX["age"], strict=True)
    ]
    np.testing.assert_allclose(np.exp(u), result.g)


def test_the_digest_changes_with_a_margin_and_not_with_the_encoding() -> None:
    units = units_of(SIX)
    narrow = type(units)(
        units.strata,
        units.weights,
        {name: type(c)(c.codes.astype(np.int8), c.categories)
         for name, c in units.variables.items()},
    )  # fmt: skip
    other = {"S": [SIX_MARGINS["S"][0].scaled_to(121.0), SIX_MARGINS["S"][1].scaled_to(121.0)]}

    digest = calibrate(units, SIX_MARGINS).digest

    assert calibrate(narrow, SIX_MARGINS).digest == digest
    assert calibrate(units, other).digest != digest
