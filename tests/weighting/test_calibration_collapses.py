"""Mergers of categories: what the applied ones did, and which ones would mend a refused sector."""

from __future__ import annotations

import pytest

from tests.weighting.samples import SIX, of_sector, units_of
from weighting.core.calibration import calibrate
from weighting.core.collapses import Part
from weighting.core.criteria import Rules
from weighting.core.margins import Collapse, Margin, propose_collapse
from weighting.core.methods import Logit
from weighting.core.proposals import proposals

SEX = Margin("sex", {"h": 50.0, "f": 70.0})
# Nobody of the six is in 3, 4 or 5.
AGES = Margin("age", {"1": 54.0, "2": 50.0, "3": 9.0, "4": 4.0, "5": 3.0})


def test_an_applied_collapse_says_what_each_category_brought_to_it() -> None:
    collapse = Collapse("age", ("2", "3"), reason="declared before fieldwork")
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 50.0, "3": 16.0}))

    (kept,) = calibrate(units_of(SIX), margins, rules=Rules(collapses=(collapse,)))["S"].collapses

    assert (kept.variable, kept.categories, kept.reason) == (
        "age", ("2", "3"), "declared before fieldwork",
    )  # fmt: skip
    assert kept.parts == (Part("2", 50.0, 3), Part("3", 16.0, 0))


def test_a_collapse_of_another_sector_is_not_kept_with_this_one() -> None:
    collapse = Collapse("age", ("1", "2"), stratum="T")

    assert calibrate(units_of(SIX), of_sector(SEX), rules=Rules(collapses=(collapse,)))[
        "S"
    ].collapses == ()  # fmt: skip


def test_mergers_are_proposed_that_together_make_the_sector_converge() -> None:
    refused = calibrate(units_of(SIX), of_sector(SEX, AGES))
    assert not refused.converged

    (proposal,) = proposals(refused)

    assert proposal.stratum == "S"
    (collapse,) = proposal.collapses
    assert (collapse.categories, collapse.stratum) == (("2", "3", "4", "5"), "S")
    assert "no respondent" in collapse.reason
    accepted = calibrate(
        units_of(SIX), of_sector(SEX, AGES), rules=Rules(collapses=proposal.collapses)
    )
    assert accepted.converged
    assert accepted["S"].deff == proposal.effect.deff
    assert accepted["S"].g_max == proposal.effect.g_max


@pytest.mark.parametrize("declared", [("3", "4"), ("4", "3")])
def test_a_proposal_joins_a_declared_group_by_its_first_category(
    declared: tuple[str, ...],
) -> None:
    rules = Rules(collapses=(Collapse("age", declared, "S"),))
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 50.0, "3": 9.0, "4": 7.0}))

    (proposal,) = proposals(calibrate(units_of(SIX), margins, rules=rules))

    (collapse,) = proposal.collapses
    assert collapse.categories == ("2", declared[0])
    both = Rules(collapses=(*rules.collapses, collapse))
    assert calibrate(units_of(SIX), margins, rules=both).converged


def test_collapses_that_were_declared_in_a_circle_end_the_search() -> None:
    circle = (Collapse("age", ("3", "4")), Collapse("age", ("4", "3")))
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 50.0, "3": 9.0, "4": 7.0}))

    assert proposals(calibrate(units_of(SIX), margins, rules=Rules(collapses=circle))) == ()


def test_nothing_is_applied_that_nobody_accepted() -> None:
    refused = calibrate(units_of(SIX), of_sector(SEX, AGES))

    proposals(refused)

    assert refused["S"].collapses == ()
    assert not calibrate(units_of(SIX), of_sector(SEX, AGES)).converged


def test_a_given_grouping_goes_before_the_neighbour() -> None:
    rules = Rules(groupings={"age": [("1", "3")]})
    margins = of_sector(SEX, Margin("age", {"1": 54.0, "2": 50.0, "3": 16.0}))

    (proposal,) = proposals(calibrate(units_of(SIX), margins, rules=rules))

    assert [c.categories for c in proposal.collapses] == [("1", "3")]


def test_bounds_too_tight_for_a_rare_category_are_mended_by_merging_it() -> None:
    people = {
        "sex": ["h", "f"] * 10,
        "age": ["1"] * 10 + ["2"] * 9 + ["3"],
    }
    margins = of_sector(
        Margin("sex", {"h": 100.0, "f": 100.0}),
        Margin("age", {"1": 100.0, "2": 50.0, "3": 50.0}),
    )

    refused = calibrate(units_of(people, weights=[10.0] * 20), margins, Logit(0.3, 3.0))

    (proposal,) = proposals(refused)
    assert [c.categories for c in proposal.collapses] == [("2", "3")]
    assert proposal.effect.converged


@pytest.mark.parametrize(
    "margins",
    [
        of_sector(SEX, Margin("age", {"1": 54.0, "2": 60.0})),  # conflicting totals
        of_sector(SEX, AGES, Margin("tenure", {"x": 120.0})),  # a criterion that nobody answered
        of_sector(Margin("sex", {"h": 110.0, "f": 5.0, "x": 5.0}), Margin("no", {"": 1.0})),
    ],
)
def test_no_merger_is_proposed_where_something_else_is_wrong(margins: object) -> None:
    assert proposals(calibrate(units_of(SIX), margins)) == ()  # type: ignore[arg-type]


def test_a_criterion_is_never_dropped_by_merging_all_of_it() -> None:
    margins = of_sector(
        Margin("sex", {"h": 60.0, "f": 30.0}), Margin("age", {"1": 60.0, "9": 30.0})
    )

    assert propose_collapse(margins["S"][1], "9") is None
    assert propose_collapse(margins["S"][1], "9", grouping=[("1", "9")]) is None
    refused = calibrate(units_of({"sex": ["h", "f"] * 3, "age": ["1"] * 6}), margins)
    assert proposals(refused) == ()
