"""Decides what a CSV of respondents, margins or weights means, and which files cannot be read.
Never judges the figures: an empty cell is a missing value, and calibration names what is wrong.
Formats: docs/calibration.md.
"""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weighting.core.margins import NUMERIC, Collapse, Margin
from weighting.core.problems import Problem
from weighting.core.results import Calibration, StratumResult
from weighting.core.units import MISSING, Column, Floats, Units

ONE_STRATUM = "all"


class Unreadable(Exception):
    """A file that cannot be understood; the message names the file and, if known, the line."""


def read_margins(path: Path, by: str | None) -> dict[str, list[Margin]]:
    """{stratum: margins in order of the file}. Columns: `by`, variable, category, total."""
    table = _read(path, [*([by] if by else []), "variable", "category", "total"])
    totals: dict[str, dict[str, dict[str, float]]] = {}
    for line, row in enumerate(table.iter_rows(named=True), start=2):
        stratum = (row[by] if by else ONE_STRATUM) or ""
        variable, category = row["variable"], row["category"] or NUMERIC
        if not stratum or not variable:
            raise Unreadable(f"{path.name}, line {line}: no {by if variable else 'variable'}")
        of_variable = totals.setdefault(stratum, {}).setdefault(variable, {})
        if category in of_variable:
            where = f"{stratum}, {variable} = {category}"
            raise Unreadable(f"{path.name}, line {line}: {where} is given twice")
        of_variable[category] = _number(path, line, "total", row["total"])
    for stratum, variables in totals.items():
        for variable, of_variable in variables.items():
            if NUMERIC in of_variable and len(of_variable) > 1:
                raise Unreadable(f"{path.name}: {stratum}, {variable}: a category is empty")
    return {
        stratum: [Margin(variable, of_variable) for variable, of_variable in variables.items()]
        for stratum, variables in totals.items()
    }


def read_units(
    path: Path,
    margins: Mapping[str, Iterable[Margin]],
    *,
    id_column: str,
    by: str | None,
    weight: str | None,
) -> Units:
    """Respondents, with the criteria that the margins use; initial weight 1 unless given."""
    needed = [name for name in (id_column, by, weight) if name]
    table = _read(path, needed)
    wanted = {m.variable: m.is_numeric for its in margins.values() for m in its}
    there = {name: numeric for name, numeric in wanted.items() if name in table.columns}
    ones = np.ones(len(table))
    return Units(
        strata=_column(table[by]) if by else Column(np.zeros(len(table), np.intp), (ONE_STRATUM,)),
        weights=_floats(path, table[weight]) if weight else ones,
        variables={name: _column(table[name]) for name, numeric in there.items() if not numeric},
        numeric={name: _floats(path, table[name]) for name, numeric in there.items() if numeric},
        ids=[name or "" for name in table[id_column].to_list()],
    )


def collapse_of(text: str) -> Collapse:
    """VARIABLE:A+B. Raises ValueError."""
    variable, _, categories = text.partition(":")
    names = tuple(name.strip() for name in categories.split("+"))
    if not variable or len(names) < 2 or not all(names):
        raise ValueError(f"{text!r} is not VARIABLE:A+B")
    return Collapse(variable.strip(), names, reason="asked for on the command line")


def write_weights(path: Path, result: Calibration, id_column: str) -> None:
    """One row per respondent of the strata that converged: id, weight, g_weight.

    g_weight is the ratio to the initial weight that was read, whether or not it was rescaled.
    """
    kept = ~np.isnan(result.weights)
    ids = np.array(result.units.ids or [], dtype=object)[kept]
    g = result.weights[kept] / result.units.weights[kept]
    figures = {"id": ids.astype(str), "weight": result.weights[kept], "g_weight": g}
    pl.DataFrame(figures, schema_overrides={"id": pl.String}).write_csv(path)


def report_of(result: Calibration) -> dict[str, Any]:
    """The report as values for JSON; what does not exist (a refused stratum's g) is None."""
    design = result.design
    return {
        "method": result.method.name,
        "bounds": [_json(bound) for bound in result.method.bounds],
        "converged": result.converged,
        "certificate": {
            "max_relative_margin_error": _json(result.max_relative_margin_error),
            "digest": result.digest,
        },
        "overall": {
            "n": design.n,
            "population": _json(design.total),
            "deff_kish": _json(design.deff),
            "n_eff": _json(design.n_eff) if design.n else None,
        },
        "strata": {stratum.name: _stratum(stratum) for stratum in result.strata},
    }


def write_report(path: Path, result: Calibration) -> None:
    text = json.dumps(report_of(result), ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _stratum(result: StratumResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "n": result.n,
        "population": _json(result.population),
        "iterations": result.iterations,
        "rank": result.rank,
        "max_relative_margin_error": _json(result.max_relative_margin_error),
        "g_min": _json(result.g_min),
        "g_max": _json(result.g_max),
        "g_quantiles": {f"{p:g}": g for p, g in (result.g_quantiles or {}).items()},
        "deff_kish": _json(result.deff),
        "n_eff": _json(result.n_eff),
        "problems": [_problem(problem) for problem in result.problems],
        "collapses": [
            {"variable": c.variable, "categories": list(c.categories), "reason": c.reason}
            for c in result.collapses
        ],
        "margins": [
            {
                "variable": row.variable,
                "category": row.category,
                "n": row.n,
                "target": row.target,
                "before": row.before,
                "after": row.after,
                "lambda": row.multiplier,
            }
            for row in result.margins
        ],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "variable": problem.variable,
        "category": problem.category,
        "message": problem.message,
        "mend": problem.mend,
        "attainable": None if problem.attainable is None else list(problem.attainable),
    }


def _json(value: float) -> float | None:
    return value if isfinite(value) else None


def _read(path: Path, needed: Iterable[str]) -> pl.DataFrame:
    """Every cell as text, stripped; empty cells and NA are null."""
    try:
        table = pl.read_csv(path, infer_schema_length=0)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Unreadable(f"{path}: {error}") from error
    absent = [name for name in needed if name not in table.columns]
    if absent:
        raise Unreadable(f"{path.name}: no column {', '.join(absent)}")
    text = pl.all().str.strip_chars()
    return table.select(pl.when(text.is_in(["", "NA"])).then(None).otherwise(text).name.keep())


def _column(series: pl.Series) -> Column:
    categories = tuple(series.drop_nulls().unique().sort().to_list())
    physical = series.cast(pl.Enum(categories)).to_physical().cast(pl.Int64)
    return Column(physical.fill_null(MISSING).to_numpy(), categories)


def _floats(path: Path, series: pl.Series) -> Floats:
    """Numbers; a missing value is NaN."""
    values = series.cast(pl.Float64, strict=False)
    wrong = (values.is_null() & series.is_not_null()).arg_true().to_list()
    if wrong:
        line, text = wrong[0] + 2, series[wrong[0]]
        raise Unreadable(f"{path.name}, line {line}: {series.name} = {text!r} is not a number")
    return values.fill_null(float("nan")).to_numpy().copy()


def _number(path: Path, line: int, name: str, text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        message = f"{path.name}, line {line}: {name} = {text!r} is not a number"
        raise Unreadable(message) from None
