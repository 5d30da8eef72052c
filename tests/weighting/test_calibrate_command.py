"""`manage.py calibrate` on plain files: weights, report and exit codes, without a database."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.weighting.samples import REFERENCES

ROOT = Path(__file__).parents[2]
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
    assert json.loads(desk.report.read_text())["rules"]["missing"] == "category"


def test_values_that_a_hot_deck_filled_are_flagged_by_the_ids_of_their_respondents(
    desk: Desk,
) -> None:
    desk.units.write_text(UNITS.replace("a,N,h,1", "a,N,h,") + "h,N,f,1,20\ni,N,h,1,20\n")

    assert desk.calibrate("--missing", "hot_deck", "--seed", "3") == 0

    report = json.loads(desk.report.read_text())
    assert report["imputed"] == {"age": ["a"]}
    assert (report["rules"]["missing"], report["rules"]["seed"]) == ("hot_deck", 3)
    assert [problem["code"] for problem in desk.stratum("N")["problems"]] == ["imputed_values"]


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
    (kept,) = desk.stratum("N")["collapses"]
    assert kept["categories"] == ["2", "3"]
    assert kept["effect"] == [
        {"category": "2", "total": 30.0, "n": 2},
        {"category": "3", "total": 5.0, "n": 0},
    ]


def test_a_total_that_is_missing_from_a_merger_is_refused_and_the_report_is_written(
    desk: Desk,
) -> None:
    desk.margins.write_text(MARGINS.replace("N,age,2,35", "N,age,2,"))

    assert desk.calibrate("--collapse", "age:1+2") == 2

    assert [p["code"] for p in desk.stratum("N")["problems"]] == ["invalid_total"]
    assert desk.stratum("N")["collapses"][0]["effect"][1]["total"] is None


def test_the_mergers_that_would_mend_are_proposed_as_options_to_be_given(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.margins.write_text(MARGINS.replace("N,age,2,35", "N,age,2,30\nN,age,3,5"))

    assert desk.calibrate() == 2

    (proposal,) = json.loads(desk.report.read_text())["proposals"]
    (collapse,) = proposal["collapses"]
    assert collapse["option"] == "N/age:2+3"
    assert "--collapse 'N/age:2+3'" in capsys.readouterr().err
    assert desk.calibrate("--collapse", collapse["option"]) == 0
    assert desk.stratum("N")["deff_kish"] == proposal["effect"]["deff_kish"]


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


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--method", "cubic"), ("--missing", "drop"), ("--what",)])
def test_options_that_do_not_exist_exit_1_since_2_says_refused(
    desk: Desk, options: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [
            sys.executable, "manage.py", "calibrate", desk.units, "--margins", desk.margins,
            "--id", "id", "--by", "secteur", "-o", desk.weights, *options,
        ],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1
    assert "usage:" in done.stderr
    assert not desk.weights.exists()


def test_a_folder_that_does_not_exist_exits_1(desk: Desk) -> None:
    desk.weights = desk.weights.parent / "nowhere" / "weights.csv"

    assert desk.calibrate() == 1


def test_sectors_of_one_file_alone_are_refused_and_the_others_are_written(desk: Desk) -> None:
    desk.units.write_text(UNITS + "h,Q,h,1,20\n")
    desk.margins.write_text(MARGINS + "R,sex,h,10\nR,sex,f,10\n")

    assert desk.calibrate() == 2

    assert list(desk.weighted()) == list("abcdefg")
    codes = {name: [p["code"] for p in desk.stratum(name)["problems"]] for name in "NPQR"}
    assert codes == {"N": [], "P": [], "Q": ["no_margins"], "R": ["no_respondents"]}
    assert (desk.stratum("Q")["n"], desk.stratum("R")["n"]) == (1, 0)


def test_a_file_of_headings_alone_refuses_every_sector(desk: Desk) -> None:
    desk.units.write_text(UNITS.partition("\n")[0] + "\n")

    assert desk.calibrate() == 2

    assert desk.weighted() == {}
    assert desk.stratum("P")["status"] == "refused"
    overall = json.loads(desk.report.read_text())["overall"]
    assert (overall["n"], overall["deff_kish"], overall["g_min"]) == (0, None, None)


def test_two_runs_write_the_same_bytes(desk: Desk) -> None:
    desk.calibrate("--weight", "d0")
    first = desk.weights.read_bytes(), desk.report.read_bytes()

    desk.calibrate("--weight", "d0")

    assert (desk.weights.read_bytes(), desk.report.read_bytes()) == first


def test_a_margin_that_is_soft_on_request_says_what_it_misses(desk: Desk) -> None:
    # Men are as many as the young, but nobody is an old man: age gives way.
    units = UNITS.replace("b,N,h,2,20\n", "").replace("e,P,h", "e,P,f")
    desk.units.write_text(units)
    desk.margins.write_text(
        "secteur,variable,category,total,soft\nN,sex,h,50,\nN,sex,f,30,\n"
        "N,age,1,30,0.05\nN,age,2,50,0.05\n"
    )

    assert desk.calibrate() == 2  # P has no margins here

    stratum = desk.stratum("N")
    assert stratum["status"] == "converged"
    assert {problem["code"] for problem in stratum["problems"]} == {"soft_margin_missed"}
    assert "missed by" in stratum["problems"][0]["message"]
    missed = [row for row in stratum["margins"] if row["soft"]]
    assert all(abs(row["after"] - row["target"]) > 1 for row in missed)


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
        "import sys; from weighting.core import calibration, modules, plain_files, plain_results;"
        "sys.exit('django' in sys.modules)"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=bare, check=False)

    assert done.returncode == 0
