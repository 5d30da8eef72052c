"""Decides how weights and the report of a calibration are written as plain files.
Never judges a calibration, and never writes a figure that does not exist: it is null.
Formats: docs/calibration.md.
"""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weighting.core.collapses import Collapsed
from weighting.core.criteria import Rules
from weighting.core.diagnostics import Design, MarginRow
from weighting.core.plain_files import option_of
from weighting.core.problems import Problem
from weighting.core.proposals import Proposal
from weighting.core.results import Calibration, StratumResult


def write_weights(path: Path, result: Calibration) -> None:
    """One row per respondent of the strata that converged: id, weight, g_weight.

    g_weight is the ratio to the initial weight that was read, whether or not it was rescaled.
    """
    kept = np.flatnonzero(~np.isnan(result.weights))
    ids, weights = result.units.ids or [], result.weights[kept]
    columns = {
        "id": [ids[row] for row in kept.tolist()],
        "weight": weights,
        "g_weight": weights / result.units.weights[kept],
    }
    pl.DataFrame(columns, schema_overrides={"id": pl.String}).write_csv(path)


def write_report(
    path: Path, result: Calibration, initial_weights: str, proposals: Iterable[Proposal] = ()
) -> None:
    """`initial_weights` says where they come from: a column, or 1 for everybody."""
    report = report_of(result) | {"initial_weights": initial_weights}
    report["proposals"] = [_proposal(proposal) for proposal in proposals]
    text = json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def report_of(result: Calibration) -> dict[str, Any]:
    """The report as values for JSON; what does not exist (a refused stratum's g) is None."""
    overall = result.overall
    return {
        "method": result.method.name,
        "bounds": [_json(bound) for bound in result.method.bounds],
        "rules": _rules(result.rules),
        "converged": result.converged,
        "certificate": {
            "max_relative_margin_error": _json(result.max_relative_margin_error),
            "digest": result.digest,
        },
        "overall": {
            "n": overall.design.n,
            "population": _json(overall.design.total),
            **_g(overall.g_quantiles),
            **_cost(overall.design),
            "margins": [_margin(row) for row in overall.margins],
        },
        "strata": {stratum.name: _stratum(stratum) for stratum in result.strata},
        "imputed": {
            variable: [result.units.ids[row] if result.units.ids else row for row in rows.tolist()]
            for variable, rows in result.imputed.items()
        },
    }


def _rules(rules: Rules) -> dict[str, Any]:
    """The choices that a person made; collapses stand with the strata in which they apply."""
    missing = rules.missing if isinstance(rules.missing, str) else dict(rules.missing)
    return {
        "missing": missing,
        "rule": rules.rule,
        "rescale": rules.rescale,
        "seed": rules.seed,
    }


def _stratum(result: StratumResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "n": result.n,
        "population": _json(result.population),
        "iterations": result.iterations,
        "rank": result.rank,
        "max_relative_margin_error": _json(result.max_relative_margin_error),
        **_g(result.g_quantiles or {}),
        **_cost(result.design),
        "problems": [_problem(problem) for problem in result.problems],
        "collapses": [_collapse(collapse) for collapse in result.collapses],
        "margins": [_margin(row) for row in result.margins],
    }


def _g(spread: Mapping[float, float]) -> dict[str, Any]:
    return {
        "g_min": spread.get(0.0),
        "g_max": spread.get(1.0),
        "g_quantiles": {f"{p:g}": g for p, g in spread.items()},
    }


def _cost(design: Design | None) -> dict[str, Any]:
    if design is None or not design.n:
        return {"deff_kish": None, "n_eff": None}
    return {"deff_kish": _json(design.deff), "n_eff": _json(design.n_eff)}


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


def _collapse(collapse: Collapsed) -> dict[str, Any]:
    return {
        "variable": collapse.variable,
        "categories": list(collapse.categories),
        "reason": collapse.reason,
        "effect": [
            {"category": part.category, "total": _json(part.total), "n": part.n}
            for part in collapse.parts
        ],
    }


def _margin(row: MarginRow) -> dict[str, Any]:
    return {
        "variable": row.variable,
        "category": row.category,
        "n": row.n,
        "target": row.target,
        "before": row.before,
        "after": row.after,
        "lambda": _json(row.multiplier),
        "soft": row.soft,
    }


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "stratum": proposal.stratum,
        "collapses": [{"option": option_of(c), "reason": c.reason} for c in proposal.collapses],
        "effect": {**_g(proposal.effect.g_quantiles or {}), **_cost(proposal.effect.design)},
    }


def _json(value: float) -> float | None:
    return value if isfinite(value) else None
