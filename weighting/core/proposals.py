"""Decides which mergers of categories would mend a refused stratum, by trying them.
Never applies one: a person accepts it by putting it into the rules of the next run.
Collapsing of cells: Kalton & Flores-Cervantes (2003), J. Official Statistics 19(2).
"""

from dataclasses import dataclass, replace

from weighting.core.calibration import calibrate
from weighting.core.margins import Collapse, merged_labels, merged_totals, propose_collapse
from weighting.core.problems import Problem
from weighting.core.results import Calibration, StratumResult
from weighting.core.units import Units

# What a merger may mend; a wrong total or a missing answer is for a person to correct.
MENDABLE = {
    "empty_category",
    "zero_target",
    "infeasible_bounds",
    "infeasible_margins",
    "no_positive_solution",
}


@dataclass(frozen=True)
class Proposal:
    """Mergers that, together, make a refused stratum converge; `effect` is what it then gives."""

    stratum: str
    collapses: tuple[Collapse, ...]
    effect: StratumResult


def proposals(refused: Calibration) -> tuple[Proposal, ...]:
    """For each stratum that mergers alone would mend: the mergers, with their reasons."""
    tried = (
        _tried(refused, stratum.name)
        for stratum in refused.strata
        if not stratum.converged and _mendable(stratum)
    )
    return tuple(proposal for proposal in tried if proposal is not None)


def _tried(refused: Calibration, stratum: str) -> Proposal | None:
    """Merge what is named, calibrate again, and so on until it converges or nothing is left."""
    units, margins = _alone(refused.units, stratum), {stratum: refused.margins[stratum]}
    declared = tuple(c for c in refused.rules.collapses if c.concerns(stratum))
    proposed: tuple[Collapse, ...] = ()
    result = refused[stratum]
    while not result.converged:
        problem = _mendable(result)
        merger = problem and _merger(refused, stratum, problem, declared + proposed)
        if not merger:
            return None
        proposed += (merger,)
        rules = replace(refused.rules, collapses=declared + proposed)
        result = calibrate(units, margins, refused.method, rules)[stratum]
    return Proposal(stratum, _outermost(proposed), result)


def _outermost(collapses: tuple[Collapse, ...]) -> tuple[Collapse, ...]:
    """Without those that a later, wider one holds."""
    return tuple(
        collapse
        for place, collapse in enumerate(collapses, start=1)
        if not any(
            later.variable == collapse.variable and {*collapse.categories} <= {*later.categories}
            for later in collapses[place:]
        )
    )


def _alone(units: Units, stratum: str) -> Units:
    return units.subset(units.strata.codes == units.strata.categories.index(stratum))


def _mendable(result: StratumResult) -> Problem | None:
    """The first refusal, if every refusal is one that a merger may mend."""
    refusals = [problem for problem in result.problems if problem.severity == "refusal"]
    if all(problem.code in MENDABLE and problem.category for problem in refusals):
        return next(iter(refusals), None)
    return None


def _merger(
    refused: Calibration, stratum: str, problem: Problem, collapses: tuple[Collapse, ...]
) -> Collapse | None:
    """The named category with a neighbour, both told by the categories of the margin itself.

    Of a group that was declared, its first category is named: the merger joins the whole of it.
    """
    its = {margin.variable: margin for margin in refused.margins[stratum]}
    margin = its[problem.variable]
    merged = merged_labels(margin, stratum, collapses)
    if problem.category not in merged.values():
        return None
    grouping = refused.rules.groupings.get(problem.variable, ())
    after = replace(margin, totals=merged_totals(margin, merged))
    pair = propose_collapse(after, problem.category, grouping)
    if pair is None:
        return None
    joined = {c for c in margin.totals if {c, merged[c]} & set(pair.categories)}
    joined -= {
        category
        for declared in refused.rules.collapses
        if declared.variable == problem.variable and declared.concerns(stratum)
        for category in declared.categories[1:]
    }
    together = tuple(category for category in margin.totals if category in joined)
    if len({merged[category] for category in together}) < 2:  # declared in a circle
        return None
    return Collapse(problem.variable, together, stratum, reason=problem.message)
