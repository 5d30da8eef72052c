"""Decides which rows can be used at all: initial weights, ids, and respondents of no sector.
Never drops a row: the strata that hold a faulty one are refused.
A weight of zero or below has no g-weight (Deville & Särndal 1992 take d > 0).
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from weighting.core.problems import Problem
from weighting.core.units import MISSING, Units


def faults_of_rows(units: Units) -> dict[str, list[Problem]]:
    """Bad initial weights and repeated ids, by stratum."""
    faults: dict[str, list[Problem]] = {}
    # Two reductions settle the usual case: NaN fails both comparisons.
    if len(units) and not (units.weights.min() > 0 and units.weights.max() < np.inf):
        bad = np.flatnonzero(~((units.weights > 0) & (units.weights < np.inf)))
        for name, rows in by_stratum(units, bad).items():
            message = f"{len(rows)} initial weights are not positive and finite, first: "
            message += _row_name(units, rows[0])
            faults.setdefault(name, []).append(Problem("invalid_weight", message, name))
    if units.ids is not None and len(set(units.ids)) < len(units.ids):
        repeated = {unit for unit, count in Counter(units.ids).items() if count > 1}
        rows_at_fault = [row for row, unit in enumerate(units.ids) if unit in repeated]
        for name, rows in by_stratum(units, np.array(rows_at_fault)).items():
            message = f"{len(rows)} rows share an id, first: {units.ids[rows[0]]}"
            faults.setdefault(name, []).append(Problem("duplicate_id", message, name))
    return faults


def by_stratum(units: Units, rows: NDArray[np.intp]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        code = int(units.strata.codes[row])
        name = "" if code == MISSING else units.strata.categories[code]
        found.setdefault(name, []).append(row)
    return found


def _row_name(units: Units, row: int) -> str:
    return f"row {row + 1}" if units.ids is None else units.ids[row]
