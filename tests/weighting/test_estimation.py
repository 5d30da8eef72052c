"""Linearised standard errors: those of R (references/make_variances.R), and their laws."""

import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.weighting.estimated import (
    R,
    agrees,
    amounts,
    answers,
    by_r,
    demo,
    read_reference,
    sectors,
)
from tests.weighting.samples import REFERENCES, SIX, of_sector, units_of
from weighting.core.calibration import calibrate
from weighting.core.demo import DEMO, demo_adults
from weighting.core.design import Sample
from weighting.core.estimation import covariance, estimate
from weighting.core.intervals import student
from weighting.core.linearised import domains_of, means, proportions, ratios, totals
from weighting.core.margins import Margin
from weighting.core.quantiles import quantiles


@pytest.mark.parametrize("question", ["answer", "filtered"])
def test_proportions_by_sector_have_the_standard_errors_of_r(question: str) -> None:
    column, (names, domains) = answers(question), sectors()

    found = by_r(proportions(demo()[1], column.codes, len(column.categories), domains))

    agrees(found, [R[question, name, c] for name in names for c in column.categories])


def test_proportions_by_age_across_sectors_have_the_standard_errors_of_r() -> None:
    column, age = answers("answer"), demo()[0].units.variables["age"]
    domains = domains_of(age.codes, [[i] for i in range(5)])

    found = by_r(proportions(demo()[1], column.codes, 3, domains))

    agrees(found, [R["answer", f"age{a}", c] for a in age.categories for c in column.categories])


def test_a_filtered_base_across_sectors_has_the_standard_errors_of_r() -> None:
    column = answers("filtered")

    agrees(
        by_r(proportions(demo()[1], column.codes, 2)), [R["filtered", "all", c] for c in ("1", "2")]
    )


def test_totals_ratios_and_means_have_the_standard_errors_of_r() -> None:
    sample, (names, domains) = demo()[1], sectors()
    spent, earned = amounts("spent"), amounts("earned")
    age = demo()[0].units.variables["age"].codes

    agrees(by_r(totals(sample, spent, domains)), [R["total", name, ""] for name in names])
    agrees(by_r(totals(sample, spent)), [R["total", "all", ""]])
    agrees(by_r(ratios(sample, spent, earned, domains)), [R["ratio", name, ""] for name in names])
    agrees(by_r(ratios(sample, spent, earned)), [R["ratio", "all", ""]])
    ages = [R["mean", f"age{a}", ""] for a in range(1, 6)]
    agrees(by_r(means(sample, spent, domains_of(age, [[i] for i in range(5)]))), ages)


def test_the_45_differences_between_sectors_have_the_standard_errors_of_r() -> None:
    column, (names, domains) = answers("answer"), sectors()
    shares = proportions(demo()[1], column.codes, 3, domains)
    pairs = [pair.split("-") for what, pair, _ in R if what == "difference"]
    coefficients = np.zeros((len(pairs), 30))
    for row, (first, second) in zip(coefficients, pairs, strict=True):
        row[3 * names.index(first)], row[3 * names.index(second)] = 1, -1

    assert len(pairs) == len(list(combinations(names, 2)))
    agrees(by_r(shares.contrast(coefficients)), [R["difference", "-".join(p), "1"] for p in pairs])


def test_a_sector_against_a_group_that_contains_it_is_a_contrast_of_disjoint_sectors() -> None:
    _, sample, _ = demo()
    names, domains = sectors()
    column, adults = answers("answer"), demo_adults()
    group = [names.index(name) for name in ("CN", "CH", "VE")]
    overlapping = np.column_stack([domains[:, group[0]], domains[:, group].any(axis=1)])
    shares = np.array([adults[names[i]] for i in group]) / sum(adults[names[i]] for i in group)

    direct = proportions(sample, column.codes, 3, overlapping).contrast([1, 0, 0, -1, 0, 0])
    disjoint = proportions(sample, column.codes, 3, domains[:, group]).contrast(
        np.outer([1, 0, 0] - shares, [1, 0, 0]).ravel()
    )

    one, other = estimate(sample, direct), estimate(sample, disjoint)
    np.testing.assert_allclose([one.values, one.se], [other.values, other.se], rtol=1e-9)


def test_what_calibration_knows_has_no_variance() -> None:
    result, sample, _ = demo()
    sex = result.units.variables["sexe"]

    found = estimate(sample, proportions(sample, sex.codes, 2, sectors()[1]))

    np.testing.assert_allclose(found.se, 0.0, atol=1e-12)


def test_the_residual_factor_spends_a_degree_of_freedom_for_each_constraint() -> None:
    result, sample, _ = demo()
    shares = proportions(sample, answers("answer").codes, 3, sectors()[1])

    ours, rs = estimate(sample, shares), estimate(sample, shares, factor="r")

    for place, sector in enumerate(sample.sectors):
        n, rank = sector.n, result[sector.name].rank
        assert sector.rank == rank
        np.testing.assert_allclose(ours.freedom[3 * place], n - rank)
        ratio = (ours.se / rs.se)[3 * place] ** 2
        assert ratio == pytest.approx((n - 1) / (n - rank))


def test_a_domain_across_sectors_has_degrees_of_freedom_between_the_least_and_the_sum() -> None:
    _, sample, _ = demo()

    found = estimate(sample, proportions(sample, answers("answer").codes, 3))

    each = [sector.freedom("residual") for sector in sample.sectors]
    assert ((found.freedom > min(each)) & (found.freedom < sum(each))).all()


def test_two_waves_are_independent() -> None:
    sample = demo()[1]
    wave = estimate(sample, means(sample, amounts("spent")))

    trend = wave.minus(wave)

    assert trend.values[0] == 0
    assert trend.se[0] == pytest.approx(wave.se[0] * 2**0.5)
    assert trend.freedom[0] == pytest.approx(2 * wave.freedom[0])
    interval = student(trend)
    assert interval.low[0] == -interval.high[0] < -1.96 * trend.se[0]


def test_a_refused_sector_is_outside_the_sample_and_an_empty_domain_has_no_estimate() -> None:
    units = units_of({"sex": SIX["sex"] * 2, "age": SIX["age"] * 2}, sector=["R"] * 6 + ["S"] * 6)
    result = calibrate(units, of_sector(Margin("sex", {"h": 50.0, "f": 70.0})))
    sample = Sample.of(result)
    refused = np.arange(12) < 6

    found = estimate(sample, means(sample, np.arange(12.0), np.stack([~refused, refused], axis=1)))

    assert [sector.name for sector in sample.sectors] == ["S"]
    assert found.n.tolist() == [6, 0]
    assert found.values[0] == pytest.approx((7 * 50 + 10 * 70) / 120)
    assert np.isnan(found.values[1])


def test_as_many_constraints_as_respondents_leave_no_variance_to_state() -> None:
    units = units_of({"sex": ["h", "f"]})
    sample = Sample.of(calibrate(units, of_sector(Margin("sex", {"h": 5.0, "f": 7.0}))))

    assert np.isnan(estimate(sample, means(sample, [1.0, 2.0])).se[0])


def test_a_sector_without_freedom_takes_none_from_a_domain_elsewhere() -> None:
    units = units_of({"sex": ["h", "f"] + ["h", "f"] * 3}, sector=["R"] * 2 + ["S"] * 6)
    margin = Margin("sex", {"h": 5.0, "f": 7.0})
    sample = Sample.of(calibrate(units, {"R": [margin], "S": [margin]}))
    y, elsewhere = np.arange(8.0), np.arange(8) > 1

    found = estimate(sample, means(sample, y, np.column_stack([elsewhere, ~elsewhere])))

    assert found.freedom[0] == pytest.approx(4)
    assert found.se[0] > 0
    assert np.isnan(found.se[1])


@pytest.mark.parametrize("domain", ["sectors", "all"])
def test_quantiles_have_the_standard_errors_and_intervals_of_r(domain: str) -> None:
    names, domains = sectors() if domain == "sectors" else (("all",), None)
    shares = {"0.25": 0.25, "0.5": 0.5, "0.75": 0.75}

    found = quantiles(demo()[1], amounts("spent"), list(shares.values()), domains, factor="r")

    expected = [R["quantile", name, share] for name in names for share in shares]
    agrees(by_r(found.linearised), expected)
    np.testing.assert_array_equal(found.interval.low, [low for _, _, low, _ in expected])
    np.testing.assert_array_equal(found.interval.high, [high for *_, high in expected])


def test_the_difference_of_two_medians_counts_what_they_share_once() -> None:
    sample, (_, domains) = demo()[1], sectors()
    both = np.column_stack([domains[:, 0], domains[:, 0], domains[:, 1]])
    medians = quantiles(sample, amounts("spent"), [0.5], both).linearised

    same, other = (estimate(sample, medians.contrast(c)) for c in ([1, -1, 0], [1, 0, -1]))

    assert same.se[0] == 0
    assert other.se[0] == pytest.approx(np.hypot(*estimate(sample, medians).se[1:]))


def test_a_quantile_of_nobody_does_not_exist() -> None:
    found = quantiles(demo()[1], amounts("spent"), [0.5], np.zeros((1500, 1), bool))

    assert np.isnan(found.linearised.values[0])
    assert np.isnan(found.interval.low[0])


def test_the_covariance_of_estimates_is_that_of_their_contrasts() -> None:
    _, sample, _ = demo()
    shares = proportions(sample, answers("answer").codes, 3)

    v = covariance(sample, shares)

    np.testing.assert_allclose(np.sqrt(np.diag(v)), estimate(sample, shares).se)
    difference = estimate(sample, shares.contrast([1, -1, 0]))
    assert difference.se[0] ** 2 == pytest.approx(v[0, 0] + v[1, 1] - 2 * v[0, 1])
    np.testing.assert_allclose(v.sum(axis=0), 0, atol=1e-12)  # shares sum to 1


def test_the_effective_number_of_a_domain_is_kishs() -> None:
    result, sample, _ = demo()
    column, (names, domains) = answers("answer"), sectors()

    found = proportions(sample, column.codes, 3, domains)

    np.testing.assert_allclose(found.n_eff[::3], [result[name].n_eff for name in names])


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize(
    ("script", "made"),
    [("make_variances.R", "expected_variances.csv"), ("estimates.R", "estimates.csv")],
)
def test_r_makes_the_same_figures_again(tmp_path: Path, script: str, made: str) -> None:
    command = ["Rscript", REFERENCES / script, DEMO, REFERENCES, tmp_path]
    subprocess.run(command, check=True, timeout=600)

    again, before = read_reference(tmp_path / made), read_reference(REFERENCES / made)

    assert again.keys() == before.keys()
    for key, figures in again.items():
        assert figures == pytest.approx(before[key], rel=1e-9, nan_ok=True)
