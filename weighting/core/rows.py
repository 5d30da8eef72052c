"""Decides which rows can be used at all: by their initial weights and their ids.
Never drops a row: the strata that hold a faulty one are refused.
A weight of zero or below has no g-weight (Deville & Särndal 1992 take d > 0).
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from weighting.core.problems import Problem
from weighting.core.units import MISSING, Units

# Between these a weight is positive and finite, and so is the square that the design effect needs.
LEAST, MOST = 1e-100, 1e100


def faults_of_rows(units: Units) -> list[Problem]:
    """Bad weights, and ids missing or repeated: one problem of each kind for each stratum."""
    return _faults_of_weights(units) + _faults_of_ids(units)


def _faults_of_weights(units: Units) -> list[Problem]:
    problems = []
    # Two reductions settle the usual case: NaN fails both comparisons.
    if len(units) and not (units.weights.min() > LEAST and units.weights.max() < MOST):
        bad = np.flatnonzero(~((units.weights > LEAST) & (units.weights < MOST)))
        for stratum, rows in _by_stratum(units, bad).items():
            message = f"{len(rows)} initial weights are not positive and finite, first: "
            message += f"row {rows[0] + 1}" if units.ids is None else units.ids[rows[0]]
            problems.append(Problem("invalid_weight", message, stratum))
    return problems


def _faults_of_ids(units: Units) -> list[Problem]:
    ids = units.ids or []
    distinct = set(ids)
    problems = []
    if "" in distinct:
        nameless = np.array([row for row, unit in enumerate(ids) if not unit])
        for stratum, rows in _by_stratum(units, nameless).items():
            message = f"{len(rows)} rows have no id, first: row {rows[0] + 1}"
            problems.append(Problem("missing_id", message, stratum))
    if len(distinct) < len(ids):
        repeated = {unit for unit, count in Counter(ids).items() if unit and count > 1}
        at_fault = np.array([row for row, unit in enumerate(ids) if unit in repeated], np.intp)
        for stratum, rows in _by_stratum(units, at_fault).items():
            message = f"{len(rows)} rows share an id, first: {ids[rows[0]]}"
            problems.append(Problem("duplicate_id", message, stratum))
    return problems


def imputed_rows(units: Units, imputed: Mapping[str, NDArray[np.intp]]) -> list[Problem]:
    """A warning for each stratum and criterion in which values were drawn from donors."""
    return [
        Problem(
            "imputed_values",
            f"{len(rows)} values of {variable} drawn from donors of the sector",
            stratum,
            variable,
            severity="warning",
        )
        for variable, filled in imputed.items()
        for stratum, rows in _by_stratum(units, filled).items()
    ]


def _by_stratum(units: Units, rows: NDArray[np.intp]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        code = int(units.strata.codes[row])
        name = "" if code == MISSING else units.strata.categories[code]
        found.setdefault(name, []).append(row)
    return found
