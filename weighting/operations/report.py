"""What a run tells of itself: per sector its cost and its margins, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cati.models import Sector
from weighting.core.diagnostics import MarginRow, kish, quantiles
from weighting.core.results import Calibration, StratumResult
from weighting.core.units import Floats
from weighting.operations.refusals import category_label, said

Labels = Mapping[tuple[str, str], str]
STEP = 0.1
SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)


def report_of(result: Calibration, sectors: Mapping[str, Sector], labels: Labels) -> dict[str, Any]:
    """JSON for the run's page: `sectors` in the wave's order, `total`, and the histogram of g.

    A g of 2 weighs twice as much as the sector's average respondent (`rescale` in the rules).
    """
    strata = result.units.strata
    by_code = {stratum.name: stratum for stratum in result.strata}
    rows, all_g = [], []
    for code, sector in sectors.items():
        if code not in by_code or code not in strata.categories:
            continue
        chosen = strata.codes == strata.categories.index(code)
        weights = result.weights[chosen]
        g = result.g[chosen]
        all_g.append(g)
        rows.append(_sector(by_code[code], sector, weights, g, labels))
    together = np.concatenate(all_g)
    return {
        "sectors": rows,
        "total": {
            "n": len(result.weights),
            "adults": float(result.weights.sum()),
            "inhabitants": sum(row["inhabitants"] for row in rows),
            "deff": result.design.deff,
            "n_eff": result.design.n_eff,
            "allocation": _allocation(rows),
            "g_min": float(together.min()),
            "g_max": float(together.max()),
            "worst": result.max_relative_margin_error,
        },
        "histogram": _histogram(together),
    }


def _sector(
    stratum: StratumResult, sector: Sector, weights: Floats, g: Floats, labels: Labels
) -> dict[str, Any]:
    spread = quantiles(g, np.ones(len(g)), SHOWN)
    adults = float(weights.sum())
    return {
        "code": stratum.name,
        "label": sector.label,
        "n": stratum.n,
        "adults": adults,
        "inhabitants": adults * (sector.population or 0) / (sector.adults or 1),
        "iterations": stratum.iterations,
        "rank": stratum.rank,
        "lambda": _range([row.multiplier for row in stratum.margins]),
        "worst": stratum.max_relative_margin_error,
        "deff": stratum.deff,
        "n_eff": stratum.n_eff,
        "g": [spread[p] for p in SHOWN],
        "weights": [float(weights.min()), float(weights.max())],
        "criteria": len({row.variable for row in stratum.margins}),
        "warnings": said(stratum.problems, {stratum.name: sector.label}, labels),
        "collapses": [
            {
                "criterion": collapse.variable,
                "label": category_label(labels, collapse.variable, collapse.label),
                "reason": collapse.reason,
            }
            for collapse in stratum.collapses
        ],
        "margins": [_margin(row, stratum, labels) for row in stratum.margins],
    }


def _margin(row: MarginRow, stratum: StratumResult, labels: Labels) -> dict[str, Any]:
    """`before`, `target` and `after` in percent of the sector."""
    return {
        "criterion": row.variable,
        "category": row.category,
        "label": category_label(labels, row.variable, row.category),
        "n": row.n,
        "total": row.target,
        "before": 100 * row.before / stratum.population,
        "target": 100 * row.target / stratum.population,
        "after": 100 * row.after / stratum.population,
        "error": row.relative_error,
        "lambda": row.multiplier,
    }


def _range(values: list[float]) -> list[float]:
    return [min(values, default=0.0), max(values, default=0.0)]


def _allocation(rows: list[dict[str, Any]]) -> float:
    """The design effect that the sizes of the sectors' samples would cost by themselves."""
    shares = np.concatenate([np.full(row["n"], row["adults"] / row["n"]) for row in rows])
    return kish(shares).deff


def _histogram(g: Floats) -> list[list[float]]:
    """[lower bound, respondents] by steps of 0.1 from 0."""
    counts = np.bincount(np.floor(g / STEP + 1e-9).astype(int).clip(0))
    return [[round(rank * STEP, 1), int(count)] for rank, count in enumerate(counts)]
