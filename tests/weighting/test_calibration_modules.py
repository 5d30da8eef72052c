"""A module that half the sample was asked has weights of its own, by group of sectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.weighting.samples import REFERENCES, units_of
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import demo_adults, demo_margins
from weighting.core.margins import Collapse, Margin
from weighting.core.modules import calibrate_module
from weighting.core.plain_files import read_units

QPV = ("CN", "CH", "VE", "FB")


def test_the_weights_of_a_module_are_those_of_its_groups_margins() -> None:
    margins = demo_margins()
    units = read_units(
        REFERENCES / "units_demo.csv", margins, id_column="id", by="secteur", weight=None
    )
    groups = {sector: "QPV" if sector in QPV else "others" for sector in margins}
    asked = np.arange(len(units)) % 2 == 0

    # Nobody in the file is of category 4.
    rare = tuple(Collapse("statut_occupation", ("3", "4"), group) for group in ("QPV", "others"))

    result = calibrate_module(units, margins, asked, groups, rules=Rules(collapses=rare))

    assert result.converged
    assert len(result.weights) == asked.sum()
    adults = demo_adults()
    assert result["QPV"].population == pytest.approx(sum(adults[sector] for sector in QPV))
    codes = units.variables["sexe"].codes[asked]
    men = codes == units.variables["sexe"].categories.index("1")
    target = sum(margins[sector][0].totals["1"] for sector in margins)
    assert result.weights[men].sum() == pytest.approx(target)


def test_a_sector_that_was_sampled_more_densely_does_not_outweigh_the_others() -> None:
    # 4 of 40 people in A, 4 of 400 in B; the margin of the group alone says nothing of that.
    units = units_of({"sex": ["h", "f"] * 4}, sector=["A"] * 4 + ["B"] * 4)
    margins = {
        "A": [Margin("sex", {"h": 20.0, "f": 20.0})],
        "B": [Margin("sex", {"h": 200.0, "f": 200.0})],
    }
    asked = np.array([True, True, False, False] * 2)

    result = calibrate_module(units, margins, asked, {"A": "G", "B": "G"})

    np.testing.assert_allclose(result.weights, [20.0, 20.0, 200.0, 200.0])


def test_the_weights_of_the_full_sample_are_not_those_of_the_module() -> None:
    units = units_of({"sex": ["h", "h", "f", "f"]})
    margins = {"S": [Margin("sex", {"h": 40.0, "f": 60.0})]}
    asked = np.array([True, False, True, True])

    module = calibrate_module(units, margins, asked, {"S": "G"})

    np.testing.assert_allclose(module.weights, [40.0, 30.0, 30.0])
    np.testing.assert_allclose(calibrate(units, margins).weights, [20.0, 20.0, 30.0, 30.0])


def test_faults_of_a_module_are_named_at_its_group() -> None:
    units = units_of({"sex": ["h", "f", "h", "f"]}, sector=["A", "A", "B", None])
    margins = {sector: [Margin("sex", {"h": 40.0, "f": 60.0})] for sector in "AB"}
    only_men = np.array([True, False, True, False])

    result = calibrate_module(units, margins, only_men, {"A": "G", "B": "G"}, rules=Rules())

    (problem,) = result.problems
    assert (problem.code, problem.stratum, problem.category) == ("empty_category", "G", "f")


def test_respondents_of_no_sector_stay_so() -> None:
    units = units_of({"sex": ["h", "f", "h"]}, sector=["A", "A", None])
    margins = {"A": [Margin("sex", {"h": 40.0, "f": 60.0})]}

    result = calibrate_module(units, margins, np.ones(3, np.bool_), {"A": "G"})

    assert result["G"].converged
    assert [problem.code for problem in result[""].problems] == ["missing_stratum"]
