"""Tests of differences: Holm within a table, Rao and Scott over it, and what overlaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weighting.estimated import R, answers, by_r, demo, sectors
from weighting.core.contrasts import differences, holm, p_values, rao_scott
from weighting.core.estimation import Estimates, estimate
from weighting.core.linearised import Linearised, proportions


def first_answers() -> Linearised:
    """The share of the first answer in each sector."""
    shares = proportions(demo()[1], answers("answer").codes, 3, sectors()[1])
    return shares.contrast(np.kron(np.eye(10), [1, 0, 0]))


def test_a_sector_against_the_reference_adds_their_variances() -> None:
    shares = first_answers()

    found = estimate(demo()[1], differences(shares, [(place, 7) for place in range(7)]))

    alone = estimate(demo()[1], shares)
    np.testing.assert_allclose(found.values, alone.values[:7] - alone.values[7])
    np.testing.assert_allclose(found.se, np.hypot(alone.se[:7], alone.se[7]))
    assert (found.freedom > alone.freedom[:7]).all()


def test_a_sector_against_a_group_that_holds_it_is_less_uncertain_than_if_they_were_apart() -> None:
    _, domains = sectors()
    both = np.column_stack([domains[:, 7], domains.any(axis=1)])
    shares = proportions(demo()[1], answers("answer").codes, 3, both)

    found = estimate(demo()[1], differences(shares, [(0, 3)]))

    apart = np.hypot(*estimate(demo()[1], shares).se[[0, 3]])
    assert found.se[0] < apart


def test_a_difference_that_is_exact_needs_no_test() -> None:
    known = Estimates(
        np.array([0.1, 1e-17, np.nan]), np.array([0.0, 0.0, 0.1]), *[np.array([np.nan] * 3)] * 3
    )

    np.testing.assert_array_equal(p_values(known), [0, np.nan, np.nan])


def test_shares_that_the_margins_fix_alike_are_not_told_apart_by_rounding() -> None:
    """CN and CH have one share of women in the demo margins, as T1 has another."""
    result, sample = demo()[0], demo()[1]
    sex = proportions(sample, result.units.variables["sexe"].codes, 2, sectors()[1])
    women = [sum(m.totals["2"] / m.total for m in result.margins[name] if m.variable == "sexe")
             for name in sectors()[0]]  # fmt: skip
    alike = [(i, j) for i in range(10) for j in range(i) if abs(women[i] - women[j]) < 1e-9]
    apart = [(i, j) for i in range(10) for j in range(i) if abs(women[i] - women[j]) > 1e-3]

    assert np.isnan(
        p_values(estimate(sample, differences(sex, [(2 * i, 2 * j) for i, j in alike])))
    ).all()
    assert (
        p_values(estimate(sample, differences(sex, [(2 * i, 2 * j) for i, j in apart]))) == 0
    ).all()
    assert alike and apart


def test_p_values_are_two_sided_with_students_t() -> None:
    """t = 2 with 60 degrees of freedom: 0.0500 in any table."""
    difference = Estimates(
        np.array([0.2, -0.2]), np.full(2, 0.1), np.full(2, 60.0), np.full(2, 90), np.full(2, 70.0)
    )

    assert p_values(difference) == pytest.approx(0.05003, abs=1e-5)


def test_holm_on_the_figures_of_a_table() -> None:
    """As R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p: list[float]) -> None:
    given_p, adjusted = np.array(p), holm(p)

    assert (adjusted >= given_p).all()
    assert (adjusted <= np.minimum(given_p * len(p), 1)).all()
    assert (np.diff(adjusted[np.argsort(given_p, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("against", ["secteur", "age"])
def test_independence_is_tested_as_by_r(against: str) -> None:
    units, sample = demo()[0].units, demo()[1]
    rows = units.strata.codes if against == "secteur" else units.variables["age"].codes

    found = rao_scott(sample, rows, answers("answer").codes, factor="r")

    expected = {
        name: figures[0] for (what, pair, name), figures in R.items() if pair == f"answer+{against}"
    }
    np.testing.assert_allclose(
        [found.f, found.numerator, found.denominator, found.p],
        [expected[name] for name in ("F", "ndf", "ddf", "p")],
        rtol=1e-6,
    )


def test_independence_does_not_depend_on_which_answer_stands_in_the_rows() -> None:
    units, sample = demo()[0].units, demo()[1]
    age, answer = units.variables["age"].codes, answers("answer").codes

    one, other = rao_scott(sample, age, answer), rao_scott(sample, answer, age)

    assert one.p == pytest.approx(other.p)
    assert one.chi2 == pytest.approx(other.chi2)
    assert one.denominator < one.numerator * 1490


def test_an_answer_that_follows_another_is_not_independent() -> None:
    units, sample = demo()[0].units, demo()[1]
    age = units.variables["age"].codes
    follows = np.where(np.arange(1500) % 3 == 0, age > 1, np.arange(1500) % 2).astype(int)

    assert rao_scott(sample, age, follows).p < 1e-6


def test_a_table_of_one_column_has_nothing_to_test() -> None:
    with pytest.raises(ValueError, match="one row or one column"):
        rao_scott(demo()[1], demo()[0].units.strata.codes, np.zeros(1500, int))


def test_people_outside_the_base_are_outside_the_table_and_an_empty_column_is_no_column() -> None:
    sample, asked = demo()[1], answers("filtered").codes
    strata = demo()[0].units.strata.codes

    found = rao_scott(sample, strata, np.where(asked < 0, -1, asked * 2), factor="r")

    assert found.numerator <= 9
    shares = by_r(proportions(sample, asked, 2, sectors()[1]))
    assert np.isfinite(shares.se).all()
    assert 0 < found.p < 1
