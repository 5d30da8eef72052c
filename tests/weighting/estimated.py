"""The demo wave, raked, with answers; and the figures that R makes of them."""

import csv
from functools import cache
from pathlib import Path

import numpy as np

from tests.weighting.samples import REFERENCES
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import demo_collapses, demo_margins
from weighting.core.design import Sample
from weighting.core.estimation import Estimates, estimate
from weighting.core.linearised import Linearised, domains_of
from weighting.core.plain_files import read_units
from weighting.core.results import Calibration
from weighting.core.units import Column

Figures = tuple[float, float, float, float]
Reference = dict[tuple[str, str, str], Figures]


def read_reference(path: Path) -> Reference:
    """{(what, domain, category): (estimate, standard error, low, high)}, NaN where R has none."""
    with path.open(encoding="utf-8") as lines:
        return {
            (row["what"], row["domain"], row["category"]): (
                _figure(row, "estimate"),
                _figure(row, "se"),
                _figure(row, "low"),
                _figure(row, "high"),
            )
            for row in csv.DictReader(lines)
        }


def _figure(row: dict[str, str], name: str) -> float:
    return float(row.get(name) or "nan")


R = read_reference(REFERENCES / "expected_variances.csv")
R |= read_reference(REFERENCES / "estimates.csv")


@cache
def demo() -> tuple[Calibration, Sample, dict[str, list[str]]]:
    """The calibration, its sample, and the answers by column."""
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


def by_r(linearised: Linearised) -> Estimates:
    return estimate(demo()[1], linearised, factor="r")


def agrees(found: Estimates, expected: list[Figures]) -> None:
    values, errors, *_ = zip(*expected, strict=True)
    np.testing.assert_allclose(found.values, values, rtol=1e-8)
    np.testing.assert_allclose(found.se, errors, rtol=1e-6)
