"""The weights of R's survey package, made by references/make_references.R, are reproduced."""

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.weighting.samples import REFERENCES
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import DEMO, demo_collapses, demo_margins
from weighting.core.methods import Linear, Logit, Method, Raking, Truncated
from weighting.core.plain_files import read_margins, read_units

DEMO_METHODS = {
    "linear": Linear(),
    "raking": Raking(),
    "logit": Logit(0.3, 3.0),
    "truncated": Truncated(0.3, 3.0),
    "logit_tight": Logit(0.5, 2.0),
    "truncated_tight": Truncated(0.5, 2.0),
}
API_METHODS = {
    "linear": Linear(),
    "raking": Raking(),
    "logit": Logit(0.7, 1.7),
    "truncated": Truncated(0.6, 1.6),
}

SCHOOL_TYPES = {
    "linear": Linear(),
    "raking": Raking(),
    "logit": Logit(0.6, 1.4),
    "truncated": Truncated(0.6, 1.4),
}


def column(path: Path, name: str) -> np.ndarray:
    """A column of numbers; R's NA (no solution) is NaN."""
    with path.open(encoding="utf-8") as lines:
        cells = [row[name] for row in csv.DictReader(lines)]
    return np.array([np.nan if cell == "NA" else float(cell) for cell in cells])


@pytest.mark.parametrize("name", DEMO_METHODS)
def test_ten_sectors_by_five_criteria_have_the_weights_of_r(name: str) -> None:
    margins = demo_margins()
    # R's file already holds collapsed codes: the margins are collapsed, the units have no code 4.
    rules = Rules(collapses=demo_collapses())
    units = read_units(
        REFERENCES / "units_demo.csv", margins, id_column="id", by="secteur", weight="d0"
    )

    result = calibrate(units, margins, DEMO_METHODS[name], rules)

    # NaN equals NaN here: a sector is refused exactly where R found no solution.
    expected = column(REFERENCES / "expected_demo.csv", name)
    np.testing.assert_allclose(result.weights, expected, rtol=1e-8)


def test_the_tight_bounds_are_refused_in_some_sectors_and_met_in_others() -> None:
    expected = column(REFERENCES / "expected_demo.csv", "truncated_tight")

    assert np.isnan(expected).any()
    assert not np.isnan(expected).all()


@pytest.mark.parametrize("name", API_METHODS)
def test_schools_with_a_categorical_and_a_numeric_margin_have_the_weights_of_r(name: str) -> None:
    margins = read_margins(REFERENCES / "margins_api.csv", by=None)
    units = read_units(REFERENCES / "units_api.csv", margins, id_column="cds", by=None, weight="pw")

    result = calibrate(units, margins, API_METHODS[name])

    expected = column(REFERENCES / "expected_api.csv", name)
    np.testing.assert_allclose(result.weights, expected, rtol=1e-8)


@pytest.mark.parametrize("method", [API_METHODS["truncated"]])
def test_the_bounds_of_the_truncated_schools_bind_at_both_ends(method: Method) -> None:
    margins = read_margins(REFERENCES / "margins_api.csv", by=None)
    units = read_units(REFERENCES / "units_api.csv", margins, id_column="cds", by=None, weight="pw")

    result = calibrate(units, margins, method)

    assert (result["all"].g_min, result["all"].g_max) == method.bounds


@pytest.mark.parametrize("name", SCHOOL_TYPES)
def test_three_types_of_schools_with_two_numeric_margins_have_the_weights_of_r(name: str) -> None:
    margins = read_margins(REFERENCES / "margins_apistrat.csv", by="stype")
    path = REFERENCES / "units_apistrat.csv"
    units = read_units(path, margins, id_column="cds", by="stype", weight="pw")

    result = calibrate(units, margins, SCHOOL_TYPES[name])

    expected = column(REFERENCES / "expected_apistrat.csv", name)
    np.testing.assert_allclose(result.weights, expected, rtol=1e-8)
    refused = [stratum.name for stratum in result.strata if not stratum.converged]
    assert refused == (["M"] if name in ("logit", "truncated") else [])
    if name == "truncated":
        assert result["E"].g_max == 1.4


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_makes_the_same_references_again(tmp_path: Path) -> None:
    script = REFERENCES / "make_references.R"
    subprocess.run(["Rscript", script, DEMO, REFERENCES, tmp_path], check=True, timeout=300)

    made = {"demo": DEMO_METHODS, "api": API_METHODS, "apistrat": SCHOOL_TYPES}
    for survey, methods in made.items():
        kept = f"expected_{survey}.csv"
        for name in methods:
            again = column(tmp_path / kept, name)
            np.testing.assert_allclose(again, column(REFERENCES / kept, name), rtol=1e-9)
