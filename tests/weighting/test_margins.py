"""Margins: demo totals, shares, groups, merged categories, and what would mend an empty one."""

import numpy as np
import pytest

from tests.weighting.samples import units_of
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import demo_adults, demo_collapses, demo_margins
from weighting.core.margins import Collapse, Margin, merged_labels, pooled, propose_collapse
from weighting.core.units import Column, initial_weights

AGE = Margin("age", {"1": 10.0, "2": 40.0, "3": 30.0, "4": 20.0})


def test_the_demo_margins_sum_to_the_adults_of_each_sector() -> None:
    adults = demo_adults()

    assert sum(adults.values()) == 170_185
    for sector, margins in demo_margins().items():
        assert len(margins) == 5
        for margin in margins:
            assert margin.total == adults[sector]


def test_every_declared_collapse_names_categories_of_the_demo_margins() -> None:
    margins = demo_margins()

    for collapse in demo_collapses():
        (margin,) = (m for m in margins[str(collapse.stratum)] if m.variable == collapse.variable)
        assert set(collapse.categories) <= set(margin.totals)
        assert collapse.reason


def test_shares_become_totals_of_the_stated_population() -> None:
    margin = Margin.of_shares("sex", {"h": 47.0, "f": 53.0}, 2100.0)

    assert margin.totals == pytest.approx({"h": 987.0, "f": 1113.0})
    assert margin.total == 2100.0


def test_chained_collapses_join_into_one_category() -> None:
    chain = [Collapse("age", ("1", "2")), Collapse("age", ("2", "3"))]

    assert merged_labels(AGE, "S", chain) == {"1": "1+2+3", "2": "1+2+3", "3": "1+2+3", "4": "4"}


def test_a_collapse_of_another_sector_is_not_applied() -> None:
    collapse = Collapse("age", ("1", "2"), stratum="T")

    assert merged_labels(AGE, "S", [collapse])["1"] == "1"


def test_the_proposal_is_the_smaller_neighbour_or_the_given_grouping() -> None:
    proposals = {category: propose_collapse(AGE, category) for category in AGE.totals}

    assert [p.label for p in proposals.values() if p] == ["1+2", "1+2", "3+4", "3+4"]
    grouped = propose_collapse(AGE, "3", grouping=[("1", "2"), ("2", "3")])
    assert grouped is not None
    assert grouped.label == "2+3"


def test_a_module_is_calibrated_on_its_group_of_sectors() -> None:
    margins = {
        "CN": [Margin("sex", {"h": 40.0, "f": 60.0})],
        "CH": [Margin("sex", {"h": 30.0, "f": 20.0})],
    }
    groups = {"CN": "Quartiers Nord", "CH": "Quartiers Nord"}
    units = units_of({"sex": ["h", "f", "h", "f"]}, sector=["CN", "CN", "CH", "CH"])
    module = np.array([True, False, False, True])

    result = calibrate(units.subset(module).grouped(groups), pooled(margins, groups))

    np.testing.assert_allclose(result.weights, [70.0, 80.0])


def test_margins_of_a_group_must_have_the_same_categories() -> None:
    margins = {"A": [AGE], "B": [Margin("age", {"1": 10.0})]}

    with pytest.raises(ValueError, match="age"):
        pooled(margins, {"A": "G", "B": "G"})


def test_initial_weights_grow_with_the_adults_and_fall_with_the_telephones() -> None:
    weights = initial_weights([1, 2, 6, 2], [1, 1, 1, 1], [0, 0, 0, 1])

    np.testing.assert_allclose(weights, [1.0, 2.0, 4.0, 1 / 1.5])
    np.testing.assert_allclose(
        initial_weights([1, 1, 4], [1, 1, 1], [0, 0, 0], trim=2.0), [1.0, 1.0, 2.0]
    )
    with pytest.raises(ValueError, match="neither"):
        initial_weights([1], [0], [0])


def test_a_missing_value_stays_missing_under_a_grouping_of_sectors() -> None:
    units = units_of({"sex": ["h", "f"]}, sector=["CN", None])

    grouped = units.grouped({"CN": "Quartiers Nord"})

    assert grouped.strata.codes.tolist() == [0, -1]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths"):
        units_of({"sex": ["h", "f"], "age": ["1"]})


def test_many_categories_are_grouped_by_sorting_to_the_same_weights() -> None:
    # 40 categories in each of four criteria: 2.8 million combinations for 200 rows.
    random = np.random.default_rng(3)
    names = [f"v{i}" for i in range(4)]
    labels = tuple(f"{i:02}" for i in range(40))
    units = units_of({name: ["00"] * 200 for name in names}, weights=[10.0] * 200)
    drawn = {name: Column(random.permutation(np.arange(200) % 40), labels) for name in names}
    units = type(units)(units.strata, units.weights, drawn)
    margins = {
        "S": [Margin(name, {c: 50.0 + i % 3 for i, c in enumerate(labels)}) for name in names]
    }

    result = calibrate(units, margins, rules=Rules(rule="first"))

    assert result.converged
    sums = np.bincount(drawn["v2"].codes, result.weights)
    np.testing.assert_allclose(sums, [50.0 + i % 3 for i in range(40)], rtol=1e-9)
