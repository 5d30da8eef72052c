"""Linearised standard errors: those of R (references/make_variances.R), and their laws."""

import csv
import shutil
import subprocess
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.weighting.samples import REFERENCES, SIX, of_sector, units_of
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import DEMO, demo_adults, demo_collapses, demo_margins
from weighting.core.estimation import (
    Estimates,
    Linearised,
    Sample,
    domains_of,
    estimate,
    means,
    proportions,
    ratios,
    totals,
)
from weighting.core.margins import Margin
from weighting.core.plain_files import read_units
from weighting.core.results import Calibration
from weighting.core.units import Column

Reference = dict[tuple[str, str, str], tuple[float, float]]


def read_reference(path: Path) -> Reference:
    """{(what, domain, category): (estimate, standard error)}."""
    with path.open(encoding="utf-8") as lines:
        return {
            (row["what"], row["domain"], row["category"]): (
                float(row["estimate"]),
                float(row["se"]),
            )
            for row in csv.DictReader(lines)
        }


R = read_reference(REFERENCES / "expected_variances.csv")


@cache
def demo() -> tuple[Calibration, Sample, dict[str, list[str]]]:
    """The demo wave, raked, and its answers by column."""
    margins = demo_margins()
    units = read_units(
        REFERENCES / "units_demo.csv", margins, id_column="id", by="secteur", weight="d0"
    )
    result = calibrate(units, margins, rules=Rules(collapses=demo_collapses()))
    with (REFERENCES / "answers_demo.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["id"] for row in rows] == list(units.ids or [])
    return result, Sample.of(result), {name: [row[name] for row in rows] for name in rows[0]}


def answers(name: str) -> Column:
    return Column.of([value or None for value in demo()[2][name]])


def amounts(name: str) -> np.ndarray:
    return np.array(demo()[2][name], float)


def sectors() -> tuple[tuple[str, ...], np.ndarray]:
    strata = demo()[0].units.strata
    return strata.categories, domains_of(strata.codes, [[i] for i in range(10)])


def agrees(found: Estimates, expected: list[tuple[float, float]]) -> None:
    values, errors = zip(*expected, strict=True)
    np.testing.assert_allclose(found.values, values, rtol=1e-8)
    np.testing.assert_allclose(found.se, errors, rtol=1e-6)


def by_r(linearised: Linearised) -> Estimates:
    return estimate(demo()[1], linearised, factor="r")


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
    low, high = trend.interval()
    assert low[0] == -high[0] < -1.96 * trend.se[0]


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


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_makes_the_same_standard_errors_again(tmp_path: Path) -> None:
    script = REFERENCES / "make_variances.R"
    subprocess.run(["Rscript", script, DEMO, REFERENCES, tmp_path], check=True, timeout=300)

    again = read_reference(tmp_path / "expected_variances.csv")

    assert again.keys() == R.keys()
    for key, figures in again.items():
        assert figures == pytest.approx(R[key], rel=1e-9)
