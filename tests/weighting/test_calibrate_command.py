"""`manage.py calibrate` on plain files: weights, report and exit codes, without a database."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.weighting.samples import REFERENCES

UNITS = """id,secteur,sex,age,d0
a,N,h,1,20
b,N,h,2,20
c,N,f,1,20
d,N,f,2,20
e,P,h,1,20
f,P,f,2,20
g,P,f,1,20
"""
MARGINS = """secteur,variable,category,total
N,sex,h,50
N,sex,f,30
N,age,1,45
N,age,2,35
P,sex,h,30
P,sex,f,30
P,age,1,35
P,age,2,25
"""


class Desk:
    """A folder with the two files, and the command run on them."""

    def __init__(self, folder: Path) -> None:
        self.units, self.margins = folder / "units.csv", folder / "margins.csv"
        self.weights, self.report = folder / "weights.csv", folder / "report.json"
        self.units.write_text(UNITS)
        self.margins.write_text(MARGINS)

    def calibrate(self, *options: str) -> int:
        """The exit code."""
        try:
            call_command(
                "calibrate", str(self.units), "--margins", str(self.margins), "--id", "id",
                "--by", "secteur", "-o", str(self.weights), "--report", str(self.report), *options,
            )  # fmt: skip
        except SystemExit as exit_code:
            return int(exit_code.code or 0)
        except CommandError as error:
            self.error = str(error)
            return error.returncode
        return 0

    def weighted(self) -> dict[str, dict[str, str]]:
        with self.weights.open() as lines:
            return {row["id"]: row for row in csv.DictReader(lines)}

    def stratum(self, name: str) -> dict[str, Any]:
        strata = json.loads(self.report.read_text())["strata"]
        return dict(strata[name])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_weights_and_report_are_written_and_the_exit_code_is_0(desk: Desk) -> None:
    assert desk.calibrate("--weight", "d0", "--method", "raking") == 0

    rows = desk.weighted()
    assert list(rows) == list("abcdefg")
    assert list(rows["a"]) == ["id", "weight", "g_weight"]
    assert float(rows["a"]["weight"]) == pytest.approx(20 * float(rows["a"]["g_weight"]))
    assert sum(float(rows[i]["weight"]) for i in "ab") == pytest.approx(50)
    stratum = desk.stratum("N")
    assert stratum["status"] == "converged"
    assert (stratum["n"], stratum["population"], stratum["problems"]) == (4, 80.0, [])
    assert stratum["max_relative_margin_error"] < 1e-10
    assert stratum["g_min"] < 1 < stratum["g_max"]
    assert stratum["n_eff"] == pytest.approx(4 / stratum["deff_kish"])
    assert stratum["iterations"] > 0


def test_a_refused_stratum_has_no_weights_and_the_exit_code_is_2(desk: Desk) -> None:
    desk.margins.write_text(MARGINS.replace("P,age,2,25", "P,age,2,20\nP,age,3,5"))

    assert desk.calibrate("--weight", "d0") == 2

    assert list(desk.weighted()) == list("abcd")
    assert desk.stratum("N")["status"] == "converged"
    refused = desk.stratum("P")
    assert (refused["status"], refused["g_min"], refused["n_eff"]) == ("refused", None, None)
    (problem,) = refused["problems"]
    assert (problem["code"], problem["variable"], problem["category"]) == (
        "empty_category", "age", "3",
    )  # fmt: skip
    assert problem["message"]
    assert problem["attainable"] is None


def test_infeasible_bounds_report_bounds_that_would_do(desk: Desk) -> None:
    code = desk.calibrate("--weight", "d0", "--method", "logit", "--bounds", "0.9,1.1")

    assert code == 2
    (problem,) = desk.stratum("N")["problems"]
    assert problem["code"] == "infeasible_bounds"
    low, high = problem["attainable"]
    wider = f"{low * 0.99},{high * 1.01}"
    desk.calibrate("--weight", "d0", "--method", "logit", "--bounds", wider)
    assert desk.stratum("N")["status"] == "converged"


def test_empty_cells_and_na_are_missing_values(desk: Desk) -> None:
    desk.units.write_text(UNITS.replace("a,N,h,1", "a,N,h,NA").replace("c,N,f,1", "c,N,f,"))
    desk.units.write_text(desk.units.read_text() + "h,N,f,1,20\ni,N,h,1,20\n")

    assert desk.calibrate() == 2
    (problem,) = desk.stratum("N")["problems"]
    assert (problem["code"], problem["variable"]) == ("missing_values", "age")
    assert problem["message"].startswith("2 of 6")

    desk.calibrate("--missing", "category")
    stratum = desk.stratum("N")
    assert stratum["status"] == "converged"
    assert [problem["code"] for problem in stratum["problems"]] == ["missing_as_category"]


def test_conflicting_totals_are_refused_until_a_criterion_rules(desk: Desk) -> None:
    desk.margins.write_text(MARGINS.replace("N,age,2,35", "N,age,2,36"))

    desk.calibrate()
    assert desk.stratum("N")["problems"][0]["code"] == "conflicting_totals"
    for rule, population in (("first", 80.0), ("sex", 80.0), ("age", 81.0)):
        desk.calibrate("--rule", rule)
        assert desk.stratum("N")["population"] == pytest.approx(population)


def test_a_collapse_is_applied_and_kept_in_the_report(desk: Desk) -> None:
    desk.margins.write_text(MARGINS.replace("N,age,2,35", "N,age,2,30\nN,age,3,5"))

    desk.calibrate("--collapse", "age:2+3")

    assert desk.stratum("N")["status"] == "converged"
    assert [kept["categories"] for kept in desk.stratum("N")["collapses"]] == [["2", "3"]]


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("margins", "variable,category,total\nsex,h,50\n", "secteur"),
        ("margins", MARGINS.replace("h,50", "h,many"), "line 2"),
        ("margins", MARGINS + "N,sex,h,51\n", "line 10"),
        ("units", UNITS.replace("d0", "d1"), "d0"),
        ("units", UNITS.replace("b,N,h,2,20", "b,N,h,2,twenty"), "line 3"),
    ],
)
def test_what_cannot_be_read_exits_1_and_says_where(
    desk: Desk, file: str, text: str, says: str
) -> None:
    getattr(desk, file).write_text(text)

    assert desk.calibrate("--weight", "d0") == 1
    assert says in desk.error
    assert not desk.weights.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--method", "logit"),
        ("--method", "raking", "--bounds", "0.2,4"),
        ("--method", "logit", "--bounds", "1.2,4"),
        ("--method", "logit", "--bounds", "4"),
        ("--collapse", "age"),
    ],
)
def test_options_that_make_no_sense_exit_1(desk: Desk, options: tuple[str, ...]) -> None:
    assert desk.calibrate(*options) == 1


def test_a_numeric_margin_has_an_empty_category(desk: Desk) -> None:
    desk.margins = REFERENCES / "margins_api.csv"

    call_command(
        "calibrate", str(REFERENCES / "units_api.csv"), "--margins", str(desk.margins),
        "--id", "cds", "--weight", "pw", "-o", str(desk.weights), "--report", str(desk.report),
    )  # fmt: skip

    totals = {row["variable"]: row for row in desk.stratum("all")["margins"]}
    assert totals["api99"]["after"] == pytest.approx(totals["api99"]["target"])


def test_the_core_is_importable_without_django() -> None:
    program = (
        "import sys; import weighting.core.calibration, weighting.core.plain_files;"
        "sys.exit('django' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
