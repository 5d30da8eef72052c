"""Small surveys for the calibration tests, by name of what is peculiar about them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from weighting.core.margins import Margin, Margins
from weighting.core.results import Calibration
from weighting.core.units import Column, Units

REFERENCES = Path(__file__).parent / "references"


def units_of(
    criteria: Mapping[str, Sequence[str | None]],
    *,
    weights: Sequence[float] | None = None,
    sector: Sequence[str | None] | None = None,
    numeric: Mapping[str, Sequence[float]] | None = None,
    ids: Sequence[str] | None = None,
) -> Units:
    """Respondents from readable columns; one sector S and weights of 1 unless given."""
    n = len(next(iter(criteria.values())))
    return Units(
        strata=Column.of(sector or ["S"] * n),
        weights=np.array(weights if weights is not None else [1.0] * n),
        variables={name: Column.of(values) for name, values in criteria.items()},
        numeric={name: np.array(values) for name, values in (numeric or {}).items()},
        ids=ids,
    )


def of_sector(*margins: Margin) -> Margins:
    return {"S": list(margins)}


def weighted_total(result: Calibration, variable: str, category: str) -> float:
    """The total of a category, summed over rows without help from the engine."""
    column = result.units.variables[variable]
    chosen = column.codes == column.categories.index(category)
    return float(result.weights[chosen].sum())


# Six people of one sector: sex crossed with age, every cell but one inhabited twice or once.
SIX = {"sex": ["h", "h", "h", "f", "f", "f"], "age": ["1", "2", "2", "1", "1", "2"]}
SIX_MARGINS = of_sector(
    Margin("sex", {"h": 50.0, "f": 70.0}), Margin("age", {"1": 54.0, "2": 66.0})
)
