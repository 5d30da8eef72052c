"""Every bad case is refused by name, with its mend; nothing comes out that misses a margin.

 1 empty category            2 zero target            3 conflicting totals     4 missing values
 5 infeasible bounds         6 infeasible margins     7 bad initial weights    8 unknown category
 9 duplicate id             10 no margins            11 no respondents        12 no sector
13 criterion absent         14 too few respondents   15 household margin      16 universes
17 unknown collapse, rule   18 invalid total         19 vanishing weights    20 missing id
21 weights below zero
"""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from tests.weighting.samples import SIX, SIX_MARGINS, of_sector, units_of
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.margins import Collapse, Margin, Margins
from weighting.core.methods import Linear, Logit, Method, Raking, Truncated
from weighting.core.preflight import attainable_ranges, preflight
from weighting.core.problems import MENDS, Problem
from weighting.core.units import Units

SEX = Margin("sex", {"h": 50.0, "f": 70.0})
AGE = Margin("age", {"1": 54.0, "2": 66.0})


def refusal(
    units: Units, margins: Margins, method: Method | None = None, rules: Rules | None = None
) -> Problem:
    """The only refusal; the sector has no weights, and the same is said before solving."""
    result = calibrate(units, margins, method, rules)
    (problem,) = (p for p in result.problems if p.severity == "refusal")
    assert not result.converged
    assert np.isnan(result.weights[units.strata.codes == units.strata.codes[0]]).all()
    assert problem in preflight(units, margins, method, rules)
    assert MENDS[problem.code] == problem.mend
    return problem


def named(problem: Problem) -> tuple[str, str, str, str]:
    return problem.code, problem.stratum, problem.variable, problem.category


def test_1_a_category_that_nobody_is_in_is_named_with_the_merger_that_mends_it() -> None:
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 60.0, "3": 6.0}))

    problem = refusal(units_of(SIX), margins)

    assert named(problem) == ("empty_category", "S", "age", "3")
    assert "2+3" in problem.message
    mended = Rules(collapses=(Collapse("age", ("2", "3")),))
    assert calibrate(units_of(SIX), margins, rules=mended).converged


def test_2_respondents_in_a_category_without_a_population_are_named() -> None:
    margins = of_sector(SEX, Margin("age", {"1": 120.0, "2": 0.0}))

    assert named(refusal(units_of(SIX), margins)) == ("zero_target", "S", "age", "2")


def test_2_a_category_without_population_or_respondents_is_no_fault() -> None:
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 66.0, "3": 0.0}))

    assert calibrate(units_of(SIX), margins).converged


def test_3_criteria_of_different_totals_are_refused_until_one_rules() -> None:
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 75.0}))

    assert named(refusal(units_of(SIX), margins)) == ("conflicting_totals", "S", "age", "")
    for rule, total in (("first", 120.0), ("sex", 120.0), ("age", 129.0)):
        result = calibrate(units_of(SIX), margins, rules=Rules(rule=rule))
        assert result.converged
        assert result.weights.sum() == pytest.approx(total)
        assert [problem.code for problem in result.problems] == ["totals_scaled"]


def test_4_an_unanswered_criterion_is_refused_or_set_apart_with_its_share() -> None:
    units = units_of(SIX | {"age": ["1", "2", None, "1", "1", "2"]})
    margins = of_sector(SEX, AGE)

    assert named(refusal(units, margins)) == ("missing_values", "S", "age", "")
    apart = calibrate(units, margins, rules=Rules(missing={"age": "category"}))
    assert apart.converged
    assert apart.weights[2] == pytest.approx(120 / 6)
    assert [problem.code for problem in apart.problems] == ["missing_as_category"]


def test_4_the_hot_deck_is_seeded_flagged_and_blind_to_the_order_of_rows() -> None:
    ids = [f"u{i}" for i in range(12)]
    ages: list[str | None] = ["1", "2", "2", "1", "1", None] * 2
    units = units_of({"sex": SIX["sex"] * 2, "age": ages}, ids=ids)
    backwards = units_of({"sex": SIX["sex"][::-1] * 2, "age": ages[::-1]}, ids=ids[::-1])
    rules = Rules(missing={"age": "hot_deck"}, seed=7)

    result = calibrate(units, SIX_MARGINS, rules=rules)
    again = calibrate(backwards, SIX_MARGINS, rules=rules)

    assert result.converged
    assert result.imputed["age"].tolist() == [5, 11]
    assert [problem.code for problem in result.problems] == ["imputed_values"]
    np.testing.assert_allclose(again.weights[::-1], result.weights)


@pytest.mark.parametrize("bounded", [Logit, Truncated])
@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (0.2, 1.15), (0.95, 3.0)])
def test_5_bounds_too_tight_are_refused_with_bounds_that_would_do(
    bounded: type[Logit] | type[Truncated], low: float, high: float
) -> None:
    units = units_of(SIX, weights=[20.0] * 6)
    margins = of_sector(Margin("sex", {"h": 40.0, "f": 80.0}), AGE)

    problem = refusal(units, margins, bounded(low, high))

    assert named(problem)[:2] == ("infeasible_bounds", "S")
    assert problem.variable in {"sex", "age"}
    assert problem.attainable is not None
    wider = (problem.attainable[0] * 0.99, problem.attainable[1] * 1.01)
    assert calibrate(units, margins, bounded(*wider)).converged


def test_5_bounds_a_hair_tighter_than_the_attainable_ones_are_refused() -> None:
    units = units_of(SIX, weights=[20.0] * 6)
    margins = of_sector(Margin("sex", {"h": 40.0, "f": 80.0}), AGE)
    reaching = refusal(units, margins, Truncated(0.2, 1.15)).attainable
    assert reaching is not None
    assert reaching[0] == 0.2

    assert refusal(units, margins, Truncated(0.2, reaching[1] * 0.999)).attainable == reaching


def test_5_bounds_on_weights_that_were_not_brought_to_the_population_say_so() -> None:
    problem = refusal(units_of(SIX), SIX_MARGINS, Logit(0.3, 3.0))

    assert "rescale" in problem.message
    assert calibrate(units_of(SIX), SIX_MARGINS, Logit(0.3, 3.0), Rules(rescale=True)).converged


# Every man is young, so more men than young people cannot be had, though no category is empty.
MANY_MEN = Margin("sex", {"h": 80.0, "f": 40.0})
EVEN_AGES = Margin("age", {"1": 60.0, "2": 60.0})
NESTED = {"sex": ["h", "h", "f", "f", "f"], "age": ["1", "1", "1", "2", "2"]}


@pytest.mark.parametrize("method", [Raking(), Logit(0.01, 50.0), Truncated(0.01, 50.0)])
def test_6_margins_at_odds_are_named_though_no_category_is_empty(method: Method) -> None:
    margins = of_sector(
        MANY_MEN,
        EVEN_AGES,
        Margin("tenure", {"x": 60.0, "y": 60.0}),
    )
    units = units_of(NESTED | {"tenure": ["x", "y", "x", "y", "x"]}, weights=[24.0] * 5)

    problem = refusal(units, margins, method)

    assert problem.code == "infeasible_margins"
    assert "sex and age" in problem.message
    assert "tenure" not in problem.message
    assert (problem.variable, problem.attainable) in [
        ("sex", pytest.approx((0.0, 60.0))),
        ("sex", pytest.approx((60.0, 120.0))),
        ("age", pytest.approx((80.0, 120.0))),
        ("age", pytest.approx((0.0, 40.0))),
    ]


def test_6_the_linear_method_meets_them_with_negative_weights() -> None:
    margins = of_sector(MANY_MEN, EVEN_AGES)

    result = calibrate(units_of(NESTED, weights=[24.0] * 5), margins, Linear())

    assert result.converged
    assert result["S"].g_min < 0


@pytest.mark.parametrize("weight", [-1.0, 0.0, nan, inf, -inf, 1e300, 1e-300])
def test_7_initial_weights_that_are_not_positive_and_finite_are_refused(weight: float) -> None:
    units = units_of(SIX, weights=[1.0, 1.0, weight, 1.0, 1.0, 1.0], ids=list("abcdef"))

    problem = refusal(units, SIX_MARGINS)

    assert named(problem) == ("invalid_weight", "S", "", "")
    assert problem.message.endswith(": c")


@pytest.mark.parametrize("weight", [-1.0, 0.0, nan, inf, 1e300])
def test_7_initial_weights_that_are_all_bad_are_refused_alike(weight: float) -> None:
    units = units_of(SIX, weights=[weight] * 6)

    assert refusal(units, SIX_MARGINS, rules=Rules(rescale=True)).code == "invalid_weight"


def test_8_an_answer_that_the_margin_does_not_know_is_named() -> None:
    units = units_of(SIX | {"age": ["1", "2", "2", "1", "1", "9"]})

    assert named(refusal(units, SIX_MARGINS)) == ("unknown_category", "S", "age", "9")


def test_9_a_repeated_id_is_named() -> None:
    units = units_of(SIX, ids=["a", "b", "c", "d", "e", "b"])

    problem = refusal(units, SIX_MARGINS)

    assert named(problem) == ("duplicate_id", "S", "", "")
    assert problem.message.endswith(": b")


def test_10_a_sector_without_margins_is_refused_and_the_others_are_weighted() -> None:
    units = units_of({"sex": SIX["sex"] * 2, "age": SIX["age"] * 2}, sector=["R"] * 6 + ["S"] * 6)

    result = calibrate(units, SIX_MARGINS)

    assert named(refusal(units, SIX_MARGINS)) == ("no_margins", "R", "", "")
    assert result["S"].converged
    assert result.weights[6:].sum() == pytest.approx(120.0)


def test_11_margins_of_a_sector_where_nobody_was_interviewed_are_named() -> None:
    margins = {"S": [SEX, AGE], "T": [SEX, AGE]}

    result = calibrate(units_of(SIX), margins)

    assert [named(problem) for problem in result["T"].problems] == [("no_respondents", "T", "", "")]
    assert result["S"].converged
    assert not result.converged


def test_12_respondents_of_no_sector_are_refused() -> None:
    units = units_of(SIX, sector=[None, "S", "S", "S", "S", "S"])

    assert "missing_stratum" in [problem.code for problem in calibrate(units, SIX_MARGINS).problems]


def test_13_a_criterion_that_was_not_collected_is_never_dropped() -> None:
    margins = of_sector(SEX, AGE, Margin("tenure", {"x": 60.0, "y": 60.0}))

    assert named(refusal(units_of(SIX), margins)) == ("criterion_absent", "S", "tenure", "")


def test_14_fewer_respondents_than_free_constraints_are_refused() -> None:
    units = units_of({"sex": ["h", "f"], "age": ["1", "2"]})
    margins = of_sector(SEX, AGE)

    problem = refusal(units, margins)

    assert named(problem) == ("too_few_respondents", "S", "", "")
    assert "2 respondents for 3" in problem.message


def test_15_a_household_margin_needs_the_number_of_adults() -> None:
    tenure = Margin("tenure", {"own": 30.0, "rent": 40.0}, unit="household")
    people = SIX | {"tenure": ["own", "own", "rent", "rent", "own", "rent"]}
    adults = [2.0, 1.0, 2.0, 1.0, 3.0, 1.0]
    units = units_of(people, numeric={"adults": adults})

    assert named(refusal(units, of_sector(SEX, tenure))) == (
        "household_margin", "S", "tenure", "",
    )  # fmt: skip
    result = calibrate(units, of_sector(SEX, replace(tenure, per="adults")))
    assert result.converged
    owners = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    assert result.weights @ (owners / np.array(adults)) == pytest.approx(30.0)
    assert result.weights.sum() == pytest.approx(120.0)


def test_16_margins_of_different_universes_are_refused() -> None:
    margins = of_sector(replace(SEX, universe="18+"), replace(AGE, universe="15+"))

    assert refusal(units_of(SIX), margins).code == "different_universes"


def test_17_a_collapse_or_a_rule_that_names_nothing_is_refused() -> None:
    collapse = Rules(collapses=(Collapse("age", ("1", "7")),))

    assert named(refusal(units_of(SIX), SIX_MARGINS, rules=collapse)) == (
        "unknown_collapse", "S", "age", "7",
    )  # fmt: skip
    assert refusal(units_of(SIX), SIX_MARGINS, rules=Rules(rule="tenure")).code == "unknown_rule"


@pytest.mark.parametrize("total", [-1.0, nan, inf])
def test_18_a_total_that_is_negative_or_not_finite_is_named(total: float) -> None:
    margins = of_sector(SEX, Margin("age", {"1": total, "2": 66.0}))

    assert named(refusal(units_of(SIX), margins)) == ("invalid_total", "S", "age", "1")


def test_19_a_raking_that_would_weight_people_out_of_the_sample_is_refused() -> None:
    # Men are all young, and as many as the young: the young woman can only weigh nothing.
    margins = of_sector(Margin("sex", {"h": 60.0, "f": 60.0}), EVEN_AGES)

    problem = refusal(units_of(NESTED), margins)

    assert (problem.code, problem.stratum) == ("no_positive_solution", "S")
    assert "sex and age" in problem.message


def test_margins_missed_on_request_say_by_how_much() -> None:
    margins = of_sector(MANY_MEN, replace(EVEN_AGES, soft=0.05))

    result = calibrate(units_of(NESTED, weights=[24.0] * 5), margins)

    assert result.converged
    assert {problem.code for problem in result.problems} == {"soft_margin_missed"}
    misses = {row.category: row.relative_error for row in result["S"].margins if row.soft}
    assert min(misses.values()) > 1 / 3
    assert result["S"].max_relative_margin_error < 1e-10


def test_6_a_numeric_total_out_of_reach_is_refused_with_the_totals_that_are_in_reach() -> None:
    units = units_of(SIX, weights=[20.0] * 6, numeric={"children": [0.0, 1.0, 2.0, 0.0, 3.0, 1.0]})
    margins = of_sector(SEX, Margin("children", {"": 1000.0}))

    problem = refusal(units, margins)

    assert named(problem) == ("infeasible_margins", "S", "children", "")
    assert problem.attainable == pytest.approx((0.0, 50 * 2 + 70 * 3))


def test_7_bad_weights_that_cancel_out_are_still_refused() -> None:
    units = units_of({"sex": ["h", "h", "f"]}, weights=[1.0, -1.0, 2.0])

    assert refusal(units, of_sector(SEX)).code == "invalid_weight"


def test_11_no_respondents_at_all_is_a_refusal_of_every_sector() -> None:
    nobody = units_of(SIX).subset(np.zeros(6, np.bool_))

    result = calibrate(nobody, SIX_MARGINS)

    assert [problem.code for problem in result.problems] == ["no_respondents"]
    assert len(result.weights) == 0


def test_5_the_criteria_that_no_g_within_the_bounds_can_meet_are_named() -> None:
    margins = of_sector(
        Margin("sex", {"h": 30.0, "f": 90.0}),
        AGE,
        Margin("tenure", {"x": 60.0, "y": 60.0}),
    )
    units = units_of(SIX | {"tenure": ["x", "y", "x", "y", "x", "y"]}, weights=[20.0] * 6)

    problem = refusal(units, margins, Truncated(0.6, 1.6))

    assert "meets sex;" in problem.message


def test_5_the_tightest_range_of_g_is_told_before_any_run_and_is_the_tightest() -> None:
    units = units_of(SIX, weights=[20.0] * 6)
    margins = of_sector(Margin("sex", {"h": 40.0, "f": 80.0}), AGE)

    reach = attainable_ranges(units, margins)["S"]

    assert reach is not None
    low, high = reach
    assert low < 1 < high
    assert calibrate(units, margins, Truncated(low * 0.999, high * 1.001)).converged
    assert not calibrate(units, margins, Truncated(low, high * 0.999)).converged
    assert not calibrate(units, margins, Truncated(low * 1.001, high)).converged


def test_5_no_range_is_told_where_no_positive_g_meets_the_margins() -> None:
    units = units_of(NESTED, weights=[24.0] * 5)

    assert attainable_ranges(units, of_sector(MANY_MEN, EVEN_AGES)) == {"S": None}
    assert attainable_ranges(units, of_sector(SEX, Margin("tenure", {"x": 120.0}))) == {"S": None}


def test_6_a_sector_refused_by_its_margins_keeps_the_population_they_state() -> None:
    result = calibrate(units_of(NESTED, weights=[24.0] * 5), of_sector(MANY_MEN, EVEN_AGES))

    assert result["S"].status == "refused"
    assert result["S"].population == pytest.approx(120.0)


def test_9_an_id_that_repeats_in_two_sectors_refuses_both() -> None:
    people = {"sex": SIX["sex"] * 2, "age": SIX["age"] * 2}
    units = units_of(people, sector=["R"] * 6 + ["S"] * 6, ids=[*"abcdef", *"ghijka"])

    result = calibrate(units, SIX_MARGINS | {"R": SIX_MARGINS["S"]})

    assert {p.stratum: p.code for p in result.problems} == dict.fromkeys("RS", "duplicate_id")


def test_15_those_who_did_not_answer_keep_their_share_of_the_households() -> None:
    tenure = Margin("tenure", {"own": 30.0, "rent": 40.0}, unit="household", per="adults")
    people = SIX | {"tenure": ["own", "own", "rent", "rent", None, "rent"]}
    adults = [2.0, 1.0, 2.0, 1.0, 4.0, 1.0]
    units = units_of(people, numeric={"adults": adults})

    result = calibrate(units, of_sector(tenure), rules=Rules(missing="category"))

    targets = {row.category: row.target for row in result["S"].margins if row.variable == "tenure"}
    households = 1 / 2 + 1 + 1 / 2 + 1 + 1 / 4 + 1
    assert targets["(missing)"] == pytest.approx(70 * 0.25 / households)
    assert sum(targets.values()) == pytest.approx(70.0)


def test_20_a_respondent_without_an_id_is_refused() -> None:
    units = units_of(SIX, ids=["a", "b", "", "d", "", "f"])

    problem = refusal(units, SIX_MARGINS)

    assert named(problem) == ("missing_id", "S", "", "")
    assert problem.message == "2 rows have no id, first: row 3"


def test_21_weights_below_zero_are_counted_and_not_passed_over() -> None:
    result = calibrate(
        units_of(NESTED, weights=[24.0] * 5), of_sector(MANY_MEN, EVEN_AGES), Linear()
    )

    (problem,) = result.problems
    assert (problem.code, problem.severity) == ("negative_weights", "warning")
    assert (
        problem.message == f"{(result.weights < 0).sum()} of 5 respondents have a weight below zero"
    )
