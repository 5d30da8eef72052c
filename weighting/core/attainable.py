"""Decides why margins cannot be met, and names the criteria at odds and what could be attained.
Never computes weights: the linear programmes are in `programme`.
Least sets at odds by deletion: Chinneck & Dravnieks (1991), ORSA J. on Computing 3(2).
"""

from math import inf, isfinite

import numpy as np

from weighting.core.methods import Method
from weighting.core.problems import Problem
from weighting.core.programme import (
    feasible,
    greatest_lower,
    hard_rows,
    least_upper,
    misses,
    range_of_total,
    tightest_range,
)
from weighting.core.system import System
from weighting.core.units import Floats

# A respondent whose g must fall this far below the mean has been weighted out of the sample.
VANISHING = 1e-6


def explain(system: System, method: Method, stratum: str) -> Problem | None:
    """Why no solution of this method exists: a named refusal, or None where one does."""
    low, high = method.bounds
    if not feasible(system, low, high):
        reaching = _attainable(system, low, high) if isfinite(high) else None
        if reaching is None:
            return _infeasible_margins(system, low, stratum)
        return _infeasible_bounds(system, (low, high), reaching, stratum)
    if (low, high) == (0.0, inf):
        floor = VANISHING * _mean_g(system)
        if not feasible(system, floor, inf):
            return _no_positive_solution(system, floor, stratum)
    return None


def _attainable(system: System, low: float, high: float) -> tuple[float, float] | None:
    """Bounds that would do, moving as little as possible: U alone, else L alone, else both."""
    upper = least_upper(system, low)
    if upper is not None:
        return low, upper
    lower = greatest_lower(system, high)
    if lower is not None:
        return lower, high
    upper = least_upper(system, 0.0)
    return tightest_range(system) or (None if upper is None else (0.0, upper))


def _infeasible_bounds(
    system: System, bounds: tuple[float, float], reaching: tuple[float, float], stratum: str
) -> Problem:
    variable, category = _worst(system, misses(system, *bounds))
    criteria = " and ".join(_at_odds(system, *bounds))
    message = f"no g in [{bounds[0]:g}, {bounds[1]:g}] meets {criteria}; a solution begins at "
    message += f"[{reaching[0]:.6g}, {reaching[1]:.6g}]"
    lower = greatest_lower(system, bounds[1])
    if lower is not None and lower != reaching[0]:
        message += f" or [{lower:.6g}, {bounds[1]:g}]"
    ratio = _mean_g(system)
    if not bounds[0] < ratio < bounds[1]:
        message += f"; initial weights sum to 1/{ratio:.6g} of the population: rescale them first"
    return Problem("infeasible_bounds", message, stratum, variable, category, reaching)


def _infeasible_margins(system: System, low: float, stratum: str) -> Problem:
    bounds = (0.0, inf) if isfinite(low) else (-inf, inf)
    variable, category = _worst(system, misses(system, *bounds))
    criteria = _at_odds(system, *bounds)
    message = f"no weights meet {' and '.join(criteria)} together"
    reaching = range_of_total(system, (variable, category), bounds[0])
    if reaching is not None:
        message += f"; the others allow {_named(variable, category)} a total from "
        message += f"{reaching[0]:.6g} to {reaching[1]:.6g}"
    return Problem("infeasible_margins", message, stratum, variable, category, reaching)


def _no_positive_solution(system: System, floor: float, stratum: str) -> Problem:
    variable, category = _worst(system, misses(system, floor, inf))
    criteria = _at_odds(system, floor, inf)
    message = f"{' and '.join(criteria)} can be met only with some weights at zero"
    reaching = range_of_total(system, (variable, category), 0.0)
    return Problem("no_positive_solution", message, stratum, variable, category, reaching)


def _worst(system: System, slack: Floats) -> tuple[str, str]:
    return system.labels[hard_rows(system)[int(np.argmax(slack))]]


def _at_odds(system: System, low: float, high: float) -> list[str]:
    """A least set of criteria that cannot be met together: drop each that is not needed."""
    hard = hard_rows(system)
    needed = list(dict.fromkeys(system.labels[row][0] for row in hard))
    for variable in tuple(needed):
        fewer = [name for name in needed if name != variable]
        rows = [row for row in hard if system.labels[row][0] in fewer]
        if rows and not feasible(system, low, high, rows):
            needed = fewer
    return needed


def _named(variable: str, category: str) -> str:
    return f"{variable} = {category}" if category else variable


def _mean_g(system: System) -> float:
    """Population over sum of initial weights; 1 where only numeric margins are given."""
    ratio = system.population / float(system.d.sum())
    return ratio if isfinite(ratio) else 1.0
