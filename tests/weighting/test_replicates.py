"""Replicates: R's jackknife, what theory says of the other ways, and what fails is told."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.weighting.estimated import R, agrees, amounts, answers, demo, sectors
from tests.weighting.samples import of_sector, units_of, weighted_total
from weighting.core.calibration import calibrate
from weighting.core.contrasts import differences
from weighting.core.criteria import Rules
from weighting.core.design import Factor, Sample
from weighting.core.estimation import estimate
from weighting.core.linearised import Linearised, proportions, ratios, totals
from weighting.core.margins import Margin
from weighting.core.methods import Linear, Logit, Method, Raking, Truncated
from weighting.core.quantiles import quantiles
from weighting.core.replicates import Replicates, bootstrap, jackknife
from weighting.core.units import Floats

pytestmark = pytest.mark.slow

LEFT_OUT, DRAWN = cache(lambda: jackknife(demo()[0])), cache(lambda: bootstrap(demo()[0], 300))
CODES = ("1", "2", "dk")
DOCS = (Path(__file__).resolve().parents[2] / "docs" / "estimation.md").read_text(encoding="utf-8")


def shares(domains: Floats | None) -> Callable[[Sample], Linearised]:
    codes = answers("answer").codes
    return lambda sample: proportions(sample, codes, 3, domains)


def test_the_jackknife_of_shares_is_that_of_r_replicate_by_replicate_raked_again() -> None:
    names, domains = sectors()

    centred_at_mean = LEFT_OUT().estimate(shares(domains), factor="r")
    centred_at_full = LEFT_OUT().estimate(shares(domains))

    agrees(centred_at_mean, [R["jackknife mean", name, c] for name in names for c in CODES])
    agrees(centred_at_full, [R["jackknife full", name, c] for name in names for c in CODES])
    agrees(LEFT_OUT().estimate(shares(None)), [R["jackknife full", "all", c] for c in CODES])


def test_the_jackknife_of_filtered_bases_totals_and_ratios_is_that_of_r() -> None:
    names, domains = sectors()
    spent, earned, asked = amounts("spent"), amounts("earned"), answers("filtered").codes
    statistics: dict[str, Callable[[Sample], Linearised]] = {
        "filtered": lambda sample: proportions(sample, asked, 2, domains),
        "total": lambda sample: totals(sample, spent, domains),
        "ratio": lambda sample: ratios(sample, spent, earned, domains),
    }
    for name, statistic in statistics.items():
        for centre, factor in (("mean", "r"), ("full", "residual")):
            categories = ("1", "2") if name == "filtered" else ("",)
            what = f"jackknife {centre} {name}"
            expected = [R[what, sector, c] for sector in names for c in categories]
            agrees(LEFT_OUT().estimate(statistic, factor), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("factor", "centre"), [("residual", "full"), ("r", "mean")])
def test_the_jackknife_of_the_45_differences_between_sectors_is_that_of_r(
    factor: Factor, centre: str
) -> None:
    """Sectors are independent, so R's variances of both add up."""
    names, domains = sectors()
    pairs = list(combinations(range(10), 2))

    def statistic(sample: Sample) -> Linearised:
        return differences(shares(domains)(sample), [(3 * i, 3 * j) for i, j in pairs])

    found = LEFT_OUT().estimate(statistic, factor)

    alone = np.array([R[f"jackknife {centre}", name, "1"][:2] for name in names])
    expected = [np.hypot(alone[i, 1], alone[j, 1]) for i, j in pairs]
    np.testing.assert_allclose(found.se, expected, rtol=1e-6)
    np.testing.assert_allclose(found.values, [alone[i, 0] - alone[j, 0] for i, j in pairs])


@pytest.mark.parametrize("replicates", [LEFT_OUT, DRAWN], ids=["jackknife", "bootstrap"])
def test_every_replicate_meets_the_margins(replicates: Callable[[], Replicates]) -> None:
    result, (_, domains) = demo()[0], sectors()
    for column in result.units.variables.values():
        for code, category in enumerate(column.categories):
            mine = column.codes == code
            if category == "4":  # merged with another in most sectors
                continue
            found = replicates().weights @ (mine[:, None] & domains)
            merged = np.isclose(found[0], result.weights @ (mine[:, None] & domains))
            np.testing.assert_allclose(found[:, merged], np.tile(found[0, merged], (len(found), 1)))
            assert merged.any()


def test_the_jackknife_leaves_one_out_and_the_bootstrap_nobody() -> None:
    assert ((LEFT_OUT().weights == 0).sum(axis=1) == 1).all()
    assert (DRAWN().weights > 0).all()
    assert set(LEFT_OUT().failed.values()) == set(DRAWN().failed.values()) == {0}
    assert LEFT_OUT().drawn["CN"] == (LEFT_OUT().strata == 1).sum() == 105


def agreement() -> dict[str, list[str]]:
    """{sector: n, p, share, and standard errors in points}, as docs/estimation.md shows them."""
    result, (names, domains) = demo()[0], sectors()
    everywhere = np.column_stack([domains, domains.any(axis=1)])
    statistic = shares(everywhere)
    linearised = statistic(demo()[1])
    ways = [estimate(demo()[1], linearised, factor) for factor in ("r", "residual")]  # type: ignore[arg-type]
    ways += [LEFT_OUT().estimate(statistic), bootstrap(result).estimate(statistic)]
    ranks = [result[name].rank for name in names]
    rows = {}
    for place, (name, p) in enumerate(zip((*names, "all"), (*ranks, sum(ranks)), strict=True)):
        n, errors = int(linearised.n[3 * place]), [way.se[3 * place] for way in ways]
        figures = [f"{100 * figure:.1f}" for figure in [linearised.values[3 * place]]]
        figures += [f"{100 * error:.2f}" for error in errors]
        figures += [f"{errors[2] / errors[1]:.2f}", f"{(n / (n - p)) ** 0.5:.2f}"]
        rows[name] = [str(n), str(p), *figures]
    return rows


def test_the_ways_agree_as_the_docs_say() -> None:
    """A jackknife is larger by the root of n/(n − p); 500 draws tell an error within 3 %."""
    rows = agreement()

    documented = re.findall(r"^\| (\w+) \| (\d+ \| \d+ \| [\d. |]+) \|$", DOCS, re.MULTILINE)
    assert {name: figures.split(" | ") for name, figures in documented} == rows
    for name, (*_, residual, left_out, drawn, ratio, theory) in rows.items():
        assert float(drawn) / float(residual) == pytest.approx(1, abs=0.09), name
        if name != "all":
            assert float(ratio) / float(theory) == pytest.approx(1, abs=0.07), name
        assert float(left_out) > float(residual)


def test_a_median_has_an_error_by_replicates_too() -> None:
    spent = amounts("spent")

    def statistic(sample: Sample) -> Linearised:
        return quantiles(sample, spent, [0.5]).linearised

    drawn = DRAWN().estimate(statistic)

    assert drawn.se[0] == pytest.approx(estimate(demo()[1], statistic(demo()[1])).se[0], rel=0.25)


def test_the_same_seed_draws_the_same_replicates() -> None:
    one, same, other = (bootstrap(demo()[0], 3, seed).weights for seed in (7, 7, 8))

    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


METHODS: list[Method] = [Linear(), Raking(), Logit(0.1, 6.0), Truncated(0.1, 6.0)]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_a_replicate_is_what_calibrating_without_that_respondent_gives(method: Method) -> None:
    result = calibrate(demo()[0].units, demo()[0].margins, method, demo()[0].rules)

    replicates = jackknife(result)

    for place in (0, 700, 1499):
        row = int(np.flatnonzero(replicates.weights[place] == 0)[0])
        without, strata = np.arange(1500) != row, result.units.strata.codes
        n = int((strata == strata[row]).sum())
        rest = replace(
            result.units,
            weights=result.units.weights * np.where(strata == strata[row], n / (n - 1), 1),
        ).subset(without)
        again = calibrate(rest, result.margins, method, result.rules)
        np.testing.assert_allclose(replicates.weights[place][without], again.weights, rtol=1e-7)


def test_soft_margins_are_missed_by_a_replicate_as_calibrating_again_would() -> None:
    units = units_of(
        {"sex": ["h", "f"] * 10, "age": ["1"] * 5 + ["2"] * 15}, weights=list(range(1, 21))
    )
    margins = of_sector(
        Margin("sex", {"h": 90.0, "f": 130.0}), Margin("age", {"1": 60.0, "2": 160.0}, soft=0.1)
    )
    result = calibrate(units, margins)

    replicate = jackknife(result).weights[3]

    d = np.where(np.arange(20) == 3, 0, units.weights * 20 / 19)
    kept = d > 0
    again = calibrate(
        units_of(
            {"sex": (["h", "f"] * 10)[:3] + (["h", "f"] * 10)[4:], "age": ["1"] * 4 + ["2"] * 15},
            weights=d[kept].tolist(),
        ),
        margins,
    )
    assert again["S"].converged
    np.testing.assert_allclose(replicate[kept], again.weights, rtol=1e-7)


def test_a_replicate_that_cannot_meet_its_margins_is_left_out_and_told() -> None:
    """Leaving out the only person of age 2 leaves its total without anybody."""
    units = units_of({"age": ["1", "1", "1", "1", "1", "2"]})
    result = calibrate(units, of_sector(Margin("age", {"1": 50.0, "2": 10.0})))

    replicates = jackknife(result)

    assert (replicates.drawn["S"], replicates.failed["S"]) == (6, 1)
    assert len(replicates.weights) == 5
    np.testing.assert_allclose(replicates.scales, 5 / 5)
    assert weighted_total(result, "age", "1") == pytest.approx(50)
    np.testing.assert_allclose(replicates.weights[:, :5].sum(axis=1), 50)


def test_a_sector_of_which_no_replicate_converges_has_no_jackknife() -> None:
    units = units_of({"age": ["1", "2"]})
    result = calibrate(units, of_sector(Margin("age", {"1": 5.0, "2": 10.0})))

    with pytest.raises(ValueError, match="S: no replicate converged"):
        jackknife(result)
    with pytest.raises(ValueError, match="S: as many constraints as respondents"):
        bootstrap(result)


def test_a_jackknife_that_would_not_fit_in_memory_is_refused() -> None:
    units = units_of({"sex": ["h", "f"] * 4000})
    result = calibrate(units, of_sector(Margin("sex", {"h": 9000.0, "f": 9000.0})), rules=Rules())

    with pytest.raises(ValueError, match="8000 replicates of 8000 respondents do not fit"):
        jackknife(result)
    assert len(bootstrap(result, 5).weights) == 5
