"""Files as spreadsheets write them: what is read, and what is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from weighting.core.calibration import calibrate
from weighting.core.margins import Collapse, Margin
from weighting.core.plain_files import (
    Unreadable,
    collapse_of,
    option_of,
    read_margins,
    read_units,
)
from weighting.core.plain_results import write_report, write_weights
from weighting.core.units import Units

UNITS = """id,secteur,sex,age,d0
a,N,h,01,20.5
b,N,h,02,20.5
c,N,f,01,20.5
d,N,f,02,20.5
"""
MARGINS = """secteur,variable,category,total
N,sex,h,50.5
N,sex,f,30.0
N,age,01,45.5
N,age,02,35.0
"""


def french(text: str) -> str:
    """As a French spreadsheet saves it: semicolons, decimal commas, carriage returns, a mark."""
    return "\ufeff" + text.replace(",", ";").replace(".", ",").replace("\n", "\r\n")


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def units(self, text: str = UNITS, encoding: str = "utf-8") -> Units:
        path = self.path / "units.csv"
        path.write_bytes(text.encode(encoding))
        margins = self.margins()
        return read_units(path, margins, id_column="id", by="secteur", weight="d0")

    def margins(self, text: str = MARGINS) -> dict[str, list[Margin]]:
        path = self.path / "margins.csv"
        path.write_bytes(text.encode())
        return read_margins(path, by="secteur")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def quoted(text: str) -> str:
    return "".join('"' + line.replace(",", '","') + '"\n' for line in text.splitlines())


def ended_by_nothing(text: str) -> str:
    """Rows of empty cells and of no cells at all."""
    return text + "," * text.partition("\n")[0].count(",") + "\n\n"


WAYS = {
    "French": french,
    "tabs": lambda text: text.replace(",", "\t"),
    "spaces": lambda text: text.replace("\n", " \n").replace(",", " , "),
    "blank rows": ended_by_nothing,
    "quotes": quoted,
    "columns without a name": lambda text: text.replace("\n", ",,\n"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_means_the_same_however_a_spreadsheet_wrote_it(folder: Folder, way: str) -> None:
    units, margins = folder.units(WAYS[way](UNITS)), folder.margins(WAYS[way](MARGINS))

    assert margins == folder.margins()
    assert units.ids == list("abcd")
    assert units.weights.tolist() == [20.5] * 4
    assert units.variables["age"].categories == ("01", "02")


def test_columns_may_stand_in_any_order_and_among_others(folder: Folder) -> None:
    turned = "\n".join(",".join(line.split(",")[::-1]) + ",x" for line in UNITS.splitlines())

    weights = calibrate(folder.units(turned), folder.margins()).weights

    np.testing.assert_array_equal(weights, calibrate(folder.units(), folder.margins()).weights)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column id, secteur, d0"),
        (UNITS.replace("d0", "D0"), "no column d0"),
        (UNITS.replace("sex,age", "sex,sex"), "column sex is given twice"),
        (UNITS.replace("c,N,f,01,20.5", "c,N,f,01,20.5,7"), "line 4: 6 cells under 5 headings"),
        (UNITS.replace("c,N", '"c,N'), "line 5: unexpected end of data"),
        (UNITS.replace("c,N,f,01,20.5", 'c,N,f,01,"20,5"'), "line 4: d0 = '20,5' is not a number"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(folder: Folder, text: str, says: str) -> None:
    with pytest.raises(Unreadable) as refused:
        folder.units(text)

    assert says in str(refused.value)


def test_another_coding_of_characters_is_refused_and_not_guessed(folder: Folder) -> None:
    accented = UNITS.replace("c,N,f", "c,N,é")

    with pytest.raises(Unreadable, match="line 4: not UTF-8"):
        folder.units(accented, "latin-1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MARGINS + "N,age,01,3\n", "line 6: N, age = 01 is given twice"),
        (MARGINS + ",age,03,3\n", "line 6: no secteur"),
        (MARGINS + "N,,03,3\n", "line 6: no variable"),
        (MARGINS + "N,age,,3\n", "N, age: a category is empty"),
        (MARGINS.replace("45.5", "many"), "line 4: total = 'many' is not a number"),
    ],
)
def test_margins_that_cannot_be_understood_say_where(folder: Folder, text: str, says: str) -> None:
    with pytest.raises(Unreadable) as refused:
        folder.margins(text)

    assert says in str(refused.value)


def test_a_total_that_is_missing_is_refused_in_its_sector_alone(folder: Folder) -> None:
    margins = folder.margins(MARGINS.replace("45.5", "NA"))

    (problem,) = calibrate(folder.units(), margins).problems

    assert (problem.code, problem.variable, problem.category) == ("invalid_total", "age", "01")


WITH_UNIT = """secteur,variable,category,total,unit,universe,per,soft
N,sex,h,50,,18+,,
N,sex,f,30,,18+,,
N,tenure,own,20,household,18+,adults,0.01
N,tenure,rent,30,household,18+,adults,0.01
"""


def test_a_margin_may_state_its_unit_universe_divisor_and_softness(folder: Folder) -> None:
    sex, tenure = folder.margins(WITH_UNIT)["N"]

    assert sex == Margin("sex", {"h": 50.0, "f": 30.0}, universe="18+")
    assert tenure == Margin(
        "tenure", {"own": 20.0, "rent": 30.0}, "household", "18+", per="adults", soft=0.01
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("N,sex,f,30,,18+", "N,sex,f,30,,15+", "N, sex: more than one universe"),
        ("household", "dwelling", "unit 'dwelling' is not person or household"),
    ],
)
def test_a_criterion_has_one_unit_and_one_universe(
    folder: Folder, old: str, new: str, says: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        folder.margins(WITH_UNIT.replace(old, new))

    assert says in str(refused.value)


def test_the_divisor_of_a_household_margin_is_read_with_the_respondents(tmp_path: Path) -> None:
    (tmp_path / "margins.csv").write_text(WITH_UNIT)
    (tmp_path / "units.csv").write_text("id,secteur,sex,tenure,adults\na,N,h,own,2\nb,N,f,rent,1\n")
    margins = read_margins(tmp_path / "margins.csv", by="secteur")

    units = read_units(tmp_path / "units.csv", margins, id_column="id", by="secteur", weight=None)

    assert units.numeric["adults"].tolist() == [2.0, 1.0]
    assert set(units.variables) == {"sex", "tenure"}


AGES = {"N": [Margin("age", {"18-49": 5.0, "50-64": 3.0, "65+": 2.0})]}


@pytest.mark.parametrize(
    ("text", "collapse"),
    [
        ("age:18-49+50-64", Collapse("age", ("18-49", "50-64"))),
        ("age:50-64+65+", Collapse("age", ("50-64", "65+"))),
        ("age:65++50-64", Collapse("age", ("65+", "50-64"))),
        ("N/age:50-64+65+", Collapse("age", ("50-64", "65+"), "N")),
        ("P/age:1+2", Collapse("P/age", ("1", "2"))),
    ],
)
def test_a_collapse_is_read_even_where_categories_hold_a_plus(
    text: str, collapse: Collapse
) -> None:
    read = collapse_of(text, AGES)

    assert (read.variable, read.categories, read.stratum) == (
        collapse.variable,
        collapse.categories,
        collapse.stratum,
    )
    assert option_of(read) == text


@pytest.mark.parametrize("text", ["age", "age:65+", "age:1+", ":1+2"])
def test_a_collapse_of_less_than_two_categories_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not VARIABLE:A"):
        collapse_of(text, AGES)


def test_the_weights_that_are_written_are_read_back_to_the_bit(
    folder: Folder, tmp_path: Path
) -> None:
    result = calibrate(folder.units(), folder.margins())

    write_weights(tmp_path / "weights.csv", result)

    lines = (tmp_path / "weights.csv").read_text().splitlines()
    assert lines[0] == "id,weight,g_weight"
    assert [float(line.split(",")[1]) for line in lines[1:]] == result.weights.tolist()


def test_the_report_says_overall_what_it_says_by_sector(folder: Folder, tmp_path: Path) -> None:
    result = calibrate(folder.units(), folder.margins())

    write_report(tmp_path / "report.json", result, "d0")

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["initial_weights"] == "d0"
    assert report["proposals"] == []
    sector = report["strata"]["N"]
    for figure in ("n", "population", "g_min", "g_max", "g_quantiles"):
        assert report["overall"][figure] == sector[figure]
    assert report["overall"]["n_eff"] == pytest.approx(sector["n_eff"])
    assert [row["after"] for row in report["overall"]["margins"]] == pytest.approx(
        [50.5, 30.0, 45.5, 35.0]
    )
    assert report["certificate"]["digest"] == result.digest
