"""Decides how a fault is named: code, stratum, criterion, category, and how to mend it.
Never detects anything; the checks do. Screens translate by `code`.
The catalogue is checked case by case in tests/weighting/test_refusals.py.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["refusal", "warning"]

MENDS = {
    "missing_stratum": "give every respondent a sector",
    "no_margins": "add the margins of this sector, or leave its respondents out",
    "no_respondents": "interview in this sector, or remove its margins",
    "duplicate_id": "keep one row per respondent",
    "missing_id": "give every respondent an id",
    "invalid_weight": "give every respondent a positive, finite initial weight",
    "criterion_absent": "add the criterion to the respondents, or remove its margin",
    "missing_values": "complete the answers, or choose a policy for missing values",
    "unknown_category": "correct the category, or add its total to the margin",
    "invalid_total": "correct the total: it must be a finite number, not negative",
    "empty_category": "interview someone in it, or merge it with a neighbour",
    "zero_target": "correct the total, or merge the category with a neighbour",
    "conflicting_totals": "correct the totals, or say which criterion rules",
    "different_universes": "use margins of one universe",
    "household_margin": "give the number of adults, which divides the indicator",
    "unknown_collapse": "name categories of the margin",
    "unknown_rule": "name a categorical criterion of the sector",
    "too_few_respondents": "interview more people, merge categories, or drop a criterion",
    "infeasible_bounds": "widen the bounds to those attainable, or merge categories",
    "infeasible_margins": "correct the totals, or merge the named category with a neighbour",
    "no_positive_solution": "merge the named category, or correct its total",
    "not_converged": "widen the bounds, or merge rare categories",
    "totals_scaled": "check the source of the scaled criterion",
    "missing_as_category": "complete the answers if you can",
    "imputed_values": "complete the answers if you can",
    "negative_weights": "use raking, or a method with bounds",
    "soft_margin_missed": "tighten the margin, or accept its miss",
    "criterion_not_everywhere": "add the margin of this criterion if it is known",
}


@dataclass(frozen=True)
class Problem:
    """One fault, located. `attainable` is (low, high): bounds of g, or totals of the category."""

    code: str
    message: str
    stratum: str = ""
    variable: str = ""
    category: str = ""
    attainable: tuple[float, float] | None = None
    severity: Severity = "refusal"

    @property
    def mend(self) -> str:
        return MENDS[self.code]


def refused(problems: "list[Problem] | tuple[Problem, ...]") -> bool:
    return any(problem.severity == "refusal" for problem in problems)
