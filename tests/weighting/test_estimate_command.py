"""`manage.py estimate` on plain files: a table of figures, without a database."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.weighting.estimated import R, answers, demo
from tests.weighting.samples import REFERENCES
from weighting.core.demo import demo_margins
from weighting.core.plain_results import write_weights

COLUMNS = ["domain", "category", "n", "n_eff", "estimate", "se", "low", "high"]
CODES = ("1", "2", "dk")
MERGED = ("CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA")


class Desk:
    """A folder with the demo's three files, and the command run on them."""

    def __init__(self, folder: Path) -> None:
        self.units, self.margins = folder / "units.csv", folder / "margins.csv"
        self.weights, self.out = folder / "weights.csv", folder / "out.csv"
        self.said = self.error = ""
        self.write_units()
        with self.margins.open("w", encoding="utf-8", newline="") as lines:
            rows = csv.writer(lines)
            rows.writerow(["secteur", "variable", "category", "total"])
            for sector, criteria in demo_margins().items():
                for margin in criteria:
                    rows.writerows(
                        [sector, margin.variable, c, total] for c, total in margin.totals.items()
                    )
        write_weights(self.weights, demo()[0])

    def write_units(self) -> None:
        with (REFERENCES / "units_demo.csv").open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        with self.units.open("w", encoding="utf-8", newline="") as lines:
            mine = ("answer", "filtered", "spent", "earned")
            table = csv.DictWriter(lines, [*rows[0], *mine])
            table.writeheader()
            columns = demo()[2]
            table.writerows(
                row | {name: columns[name][place] for name in mine}
                for place, row in enumerate(rows)
            )

    def estimate(self, *options: str, variable: str = "answer", merged: bool = True) -> int:
        """The exit code."""
        collapses = [f"--collapse={sector}/statut_occupation:3+4" for sector in MERGED]
        try:
            call_command(
                "estimate", str(self.units), "--weights", str(self.weights), "--margins",
                str(self.margins), "--id", "id", "--by", "secteur", "--weight", "d0", "--variable",
                variable, "-o", str(self.out), *(collapses if merged else ()), *options,
                stderr=self, stdout=self,
            )  # fmt: skip
        except CommandError as error:
            self.error = str(error)
            return error.returncode
        return 0

    def write(self, text: str) -> None:
        self.said += text

    def isatty(self) -> bool:
        return False

    def table(self) -> dict[tuple[str, str], dict[str, str]]:
        with self.out.open(encoding="utf-8") as lines:
            rows = csv.DictReader(lines)
            assert rows.fieldnames == COLUMNS
            return {(row["domain"], row["category"]): row for row in rows}

    def replace(self, file: Path, old: str, new: str) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path)


def figures(row: dict[str, str]) -> tuple[float, ...]:
    return tuple(float(row[name]) for name in ("estimate", "se", "low", "high"))


def test_shares_by_sector_and_overall_are_those_of_r_with_its_logit_interval(desk: Desk) -> None:
    assert desk.estimate("--factor", "r") == 0

    table = desk.table()
    assert len(table) == 33
    for sector in (*demo()[0].units.strata.categories, "all"):
        for code in CODES:
            expected = R["logit", sector, code]
            assert figures(table[sector, code]) == pytest.approx(expected, rel=1e-6)
    assert desk.said == "shares of 1500 respondents\n"


def test_n_and_n_eff_are_those_of_the_domains_base(desk: Desk) -> None:
    desk.estimate()

    table = desk.table()
    for sector in demo()[0].strata:
        row = table[sector.name, "1"]
        assert int(row["n"]) == sector.n
        assert float(row["n_eff"]) == pytest.approx(sector.n_eff)
    assert int(table["all", "dk"]["n"]) == 1500


def test_the_residual_factor_is_the_default_and_wider(desk: Desk) -> None:
    desk.estimate()
    ours = float(desk.table()["CN", "1"]["se"])

    assert ours / R["logit", "CN", "1"][1] == pytest.approx((104 / (105 - 16)) ** 0.5)


def test_the_intervals_of_2017_say_how_often_they_hold(desk: Desk) -> None:
    assert desk.estimate("--interval", "flash2017") == 0

    assert "warning: flash2017 is blind to the weights: as few as 87 in 100 hold" in desk.said


@pytest.mark.parametrize(("factor", "centre"), [("r", "mean"), ("residual", "full")])
def test_the_jackknife_is_that_of_r(desk: Desk, factor: str, centre: str) -> None:
    assert desk.estimate("--method", "jackknife", "--factor", factor) == 0

    table = desk.table()
    for sector in demo()[0].units.strata.categories:
        expected = R[f"jackknife {centre}", sector, "1"]
        assert figures(table[sector, "1"])[:2] == pytest.approx(expected[:2], rel=1e-6)


def test_a_filtered_question_has_the_asked_for_its_base(desk: Desk) -> None:
    desk.estimate("--factor", "r", variable="filtered")

    row = desk.table()["CN", "2"]
    assert figures(row) == pytest.approx(R["logit filtered", "CN", "2"], rel=1e-6)
    assert int(row["n"]) < 105
    assert "note: 782 respondents without an answer are outside the base" in desk.said


def test_an_expression_narrows_the_base_as_an_empty_cell_does(desk: Desk) -> None:
    desk.estimate("--factor", "r", variable="filtered")
    by_cells = desk.table()

    desk.estimate("--factor", "r", "--where", "answered(filtered) and filtered in [1, 2]",
                  variable="filtered")  # fmt: skip

    assert desk.table() == by_cells


def test_a_number_has_a_mean_and_no_category(desk: Desk) -> None:
    desk.estimate("--factor", "r", variable="spent")

    table = desk.table()
    assert len(table) == 11
    assert figures(table["all", ""]) == pytest.approx(R["mean", "all", ""], rel=1e-6)
    assert ",,1500," in desk.out.read_text()


def test_codes_can_be_read_as_numbers_on_request(desk: Desk) -> None:
    desk.estimate("--as", "number", variable="age")

    column, weights = demo()[0].units.variables["age"], demo()[0].weights
    mean = np.average(np.array(column.categories, float)[column.codes], weights=weights)
    assert float(desk.table()["all", ""]["estimate"]) == pytest.approx(mean)


def test_specials_are_outside_a_mean(desk: Desk) -> None:
    desk.estimate("--as", "number", variable="answer")

    known = answers("answer").codes < 2
    assert int(desk.table()["all", ""]["n"]) == known.sum()


def test_sectors_can_be_taken_together(desk: Desk) -> None:
    desk.estimate(
        "--group", "Nord=CN+CH", "--group", "everybody=" + "+".join((*MERGED, "T1", "T2"))
    )

    table = desk.table()
    assert int(table["Nord", "1"]["n"]) == 205
    everybody, overall = figures(table["everybody", "1"]), figures(table["all", "1"])
    assert everybody == pytest.approx(overall)


def test_the_bootstrap_agrees_and_its_replicates_can_be_taken_elsewhere(
    desk: Desk, tmp_path: Path
) -> None:
    desk.estimate()
    linearised = figures(desk.table()["T1", "1"])
    files = tmp_path / "replicates.csv", tmp_path / "replicates.scales.csv"

    options = ("--method", "bootstrap", "--replicates", "200", "--replicate-weights", str(files[0]))
    assert desk.estimate(*options) == 0

    drawn = figures(desk.table()["T1", "1"])
    assert drawn[1] == pytest.approx(linearised[1], rel=0.15)
    weights = np.genfromtxt(files[0], delimiter=",", skip_header=1, usecols=range(1, 202))
    scales = np.genfromtxt(files[1], delimiter=",", skip_header=1, usecols=2)
    chosen = (answers("answer").codes == 0) * (demo()[0].units.strata.codes == 7)
    mine = demo()[0].units.strata.codes == 7
    shares = (weights.T @ chosen) / (weights.T @ mine)
    assert np.sqrt(scales @ (shares[1:] - shares[0]) ** 2) == pytest.approx(drawn[1])


READ_BACK = """
suppressPackageStartupMessages(library(survey))
files <- commandArgs(trailingOnly = TRUE)
units <- read.csv(files[1]); w <- read.csv(files[2]); s <- read.csv(files[3])
design <- svrepdesign(data = units[match(w$id, units$id), ], weights = w$weight,
                      repweights = w[, s$replicate], type = "other", scale = 1,
                      rscales = s$scale, combined.weights = TRUE, mse = TRUE)
cat(sprintf("%.12g", SE(svymean(~factor(answer), subset(design, secteur == "CN")))))
"""


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize("method", ["jackknife", "bootstrap"])
def test_r_reads_the_replicates_and_finds_the_same_errors(
    desk: Desk, tmp_path: Path, method: str
) -> None:
    script, files = tmp_path / "read.R", (tmp_path / "r.csv", tmp_path / "r.scales.csv")
    script.write_text(READ_BACK)

    desk.estimate("--method", method, "--replicate-weights", str(files[0]))

    ran = subprocess.run(
        ["Rscript", script, desk.units, *files], check=True, capture_output=True, text=True
    )
    ours = [figures(desk.table()["CN", code])[1] for code in CODES]
    assert [float(error) for error in ran.stdout.split()] == pytest.approx(ours, rel=1e-9)


def test_weights_merged_otherwise_are_used_with_a_warning(desk: Desk) -> None:
    assert desk.estimate("--factor", "r", merged=False) == 0

    assert "warning: CN / statut_occupation / 3: the weights give 189" in desk.said
    row = desk.table()["CN", "1"]
    assert figures(row)[:2] == pytest.approx(R["logit", "CN", "1"][:2], rel=1e-3)


def test_replicates_refuse_weights_that_another_method_made(desk: Desk) -> None:
    code = desk.estimate("--method", "jackknife", "--calibration", "linear")

    assert code == 1
    assert "CN001 has" in desk.error
    assert "--calibration" in desk.error


def test_a_sector_without_weights_is_left_out_and_told(desk: Desk) -> None:
    lines = desk.weights.read_text().splitlines()
    desk.weights.write_text("\n".join(line for line in lines if not line.startswith("CN")))

    assert desk.estimate() == 0

    assert ("CN", "1") not in desk.table()
    assert int(desk.table()["all", "1"]["n"]) == 1395
    assert "note: 105 respondents of sectors without weights" in desk.said


def test_a_table_without_by_is_overall(desk: Desk, tmp_path: Path) -> None:
    desk.units.write_text("id,sex,V\n" + "".join(f"{i},{'hf'[i % 2]},{i % 3}\n" for i in range(30)))
    desk.margins.write_text("variable,category,total\nsex,h,60\nsex,f,90\n")
    desk.weights.write_text("id,weight\n" + "".join(f"{i},{4 + 2 * (i % 2)}\n" for i in range(30)))

    call_command(
        "estimate", str(desk.units), "--weights", str(desk.weights), "--margins",
        str(desk.margins), "--id", "id", "--variable", "V", "-o", str(desk.out),
    )  # fmt: skip

    assert list(desk.table()) == [("all", "0"), ("all", "1"), ("all", "2")]


def test_a_replicate_that_does_not_converge_is_told(desk: Desk) -> None:
    """Without its only person of age 2, the sector cannot reach that total."""
    rows = [f"{i},N,{1 + (i == 5)},{i % 2}\n" for i in range(6)]
    desk.units.write_text("id,secteur,age,V\n" + "".join(rows))
    desk.margins.write_text("secteur,variable,category,total\nN,age,1,50\nN,age,2,10\n")
    desk.weights.write_text("id,weight\n" + "".join(f"{i},10\n" for i in range(6)))

    call_command(
        "estimate", str(desk.units), "--weights", str(desk.weights), "--margins",
        str(desk.margins), "--id", "id", "--by", "secteur", "--variable", "V", "-o", str(desk.out),
        "--method", "jackknife", stderr=desk, stdout=desk,
    )  # fmt: skip

    assert "warning: N: 1 of 6 replicates did not converge and are left out" in desk.said
    assert float(desk.table()["N", "1"]["se"]) > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--where", "nobody == 1"), "nothing is called nobody"),
        (("--where", "age = 1"), "age = 1\n        ^"),
        (("--where", "sexe == 'h'"), "sexe holds numbers"),
        (("--where", "age"), "a yes or no is needed"),
        (("--where", "age == 9"), "true for no respondent"),
        (("--group", "Nord=CN+XX"), "no sector XX"),
        (("--group", "Nord"), "NAME=A+B"),
        (("--group", "CN=CN+CH"), "two domains are called 'CN'"),
        (("--level", "95"), "between 0 and 1"),
        (("--replicates", "1"), "two at least"),
        (("--replicate-weights", "r.csv"), "--method jackknife"),
        (("--method", "jackknife", "--bounds", "0.2,4"), "raking"),
        (("--method", "jackknife", "--calibration", "logit", "--bounds", "4"), "two numbers"),
        (("--as", "number", "--variable", "id"), "line 2: id = 'CN001' is not a number"),
        (("--variable", "unknown"), "no column unknown"),
        (("--margins", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_options_that_make_no_sense_exit_1_and_say_how_to_mend_them(
    desk: Desk, options: tuple[str, ...], says: str
) -> None:
    assert desk.estimate(*options) == 1
    assert says in desk.error
    assert not desk.out.exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("weights", "CN002,", "CN001,", "weights.csv, line 3: id 'CN001' is given twice"),
        ("weights", "CN002,", "XX,", "line 3: id 'XX' is not among the respondents"),
        ("weights", "CN002,30.5", "CN002,NA\nCN002,30.5", "line 3: the weight of CN002 is missing"),
        ("weights", "CN002,30.5", "CN002,much", "line 3: weight = 'much"),
        ("weights", "weight", "poids", "no column weight"),
        ("weights", "id,", "number,", "no column id"),
        ("weights", "CN002,", "\nCN0020,", "line 4: id 'CN0020' is not among"),
        ("units", "CN002", "CN001", "'CN001' is given twice"),
        ("units", "CN001,CN,2,4", "CN001,CN,2,", "CN / age: 1 of 105 respondents"),
        ("units", "CN001,CN,2,4", "CN001,CN,2,7", "CN / age / 7"),
        ("units", "CN001,CN,2,4,3,2,1,20.5445", "CN001,CN,2,4,3,2,1,-1", "not positive"),
        ("margins", "CN,sexe,1", "CN,sexe,one", "CN / sexe"),
    ],
)
def test_files_that_do_not_fit_exit_1_and_say_where(
    desk: Desk, file: str, old: str, new: str, says: str
) -> None:
    desk.replace(getattr(desk, file), old, new)

    assert desk.estimate() == 1
    assert says in desk.error
    assert not desk.out.exists()


def test_part_of_a_sector_is_refused_since_a_variance_is_that_of_the_whole(desk: Desk) -> None:
    lines = desk.weights.read_text().splitlines()
    desk.weights.write_text("\n".join(lines[:1] + lines[2:]))

    assert desk.estimate() == 1
    assert "CN: 1 of 105 respondents have no weight, first: CN001" in desk.error
    assert "--where" in desk.error


def test_nobody_with_an_answer_has_nothing_to_estimate(desk: Desk) -> None:
    assert desk.estimate("--where", "not answered(filtered)", variable="filtered") == 1
    assert "none of these respondents has an answer" in desk.error


@pytest.mark.slow
def test_it_runs_without_a_database_or_settings_of_its_own(desk: Desk) -> None:
    """A process without any of the variables that the product is given, beside its own PATH."""
    manage = Path(__file__).parents[2] / "manage.py"
    command = [
        sys.executable, manage, "estimate", desk.units, "--weights", desk.weights, "--margins",
        desk.margins, "--id", "id", "--by", "secteur", "--weight", "d0", "--variable", "answer",
        "-o", desk.out, "--unknown-option",
    ]  # fmt: skip
    bare = {"PATH": os.environ["PATH"], "DATA_DIR": str(desk.out.parent / "none")}

    refused = subprocess.run(command, env=bare, capture_output=True, check=False)
    written = subprocess.run(command[:-1], env=bare, capture_output=True, check=False)

    assert (refused.returncode, written.returncode) == (1, 0)
    assert len(desk.table()) >= 33
