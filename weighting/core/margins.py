"""Decides what the weights must add up to: margins, their units, and which categories are merged.
Never looks at respondents: whether a margin can be met is judged in `preflight` and `attainable`.
Units of margins: Sautory (1993), "La macro CALMAR", Insee F9310; household totals, its annex.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Literal

NUMERIC = ""  # the only "category" of a numeric margin


@dataclass(frozen=True)
class Margin:
    """One criterion of one stratum.

    totals: {category: total}, in `unit`s of `universe`; a numeric variable has the one key "".
    per: the numeric variable (adults of the household) that divides the indicator; a household
    margin without it would be met by persons, so it is refused.
    soft: 0 for a margin that must be met; else the relative miss allowed per unit of λ.
    """

    variable: str
    totals: Mapping[str, float]
    unit: Literal["person", "household"] = "person"
    universe: str = ""
    source: str = ""
    per: str | None = None
    soft: float = 0.0

    @classmethod
    def of_shares(cls, variable: str, shares: Mapping[str, float], population: float) -> "Margin":
        """A margin from shares (any common scale, such as percentages) of a stated population."""
        whole = fsum(shares.values())
        return cls(variable, {c: share * population / whole for c, share in shares.items()})

    @property
    def is_numeric(self) -> bool:
        return NUMERIC in self.totals

    @property
    def total(self) -> float:
        return fsum(self.totals.values())

    def scaled_to(self, total: float) -> "Margin":
        factor = total / self.total
        return replace(self, totals={c: value * factor for c, value in self.totals.items()})


Margins = Mapping[str, Sequence[Margin]]  # by stratum


@dataclass(frozen=True)
class Collapse:
    """Categories of a variable made one, in one stratum or (None) in all, and why."""

    variable: str
    categories: tuple[str, ...]
    stratum: str | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        return "+".join(self.categories)

    def concerns(self, stratum: str) -> bool:
        return self.stratum is None or self.stratum == stratum


def merged_labels(margin: Margin, stratum: str, collapses: Iterable[Collapse]) -> dict[str, str]:
    """{category: name of what it belongs to}; chained collapses (1+2, 2+3) join into one.

    A merged category that only respondents have belongs to the group as well.
    """
    groups: dict[str, tuple[str, ...]] = {category: (category,) for category in margin.totals}
    for collapse in collapses:
        if collapse.variable != margin.variable or not collapse.concerns(stratum):
            continue
        joined = {c for name in collapse.categories if name in groups for c in groups[name]}
        together = tuple(category for category in margin.totals if category in joined)
        if together:
            groups |= dict.fromkeys((*together, *collapse.categories), together)
    return {category: "+".join(group) for category, group in groups.items()}


def pooled(margins: Margins, groups: Mapping[str, str]) -> dict[str, list[Margin]]:
    """Margins of groups of strata, as sums: what a half-sample module is calibrated on.

    Raises ValueError when the strata of a group have different criteria or categories.
    """
    pools: dict[str, list[Margin]] = {}
    for stratum, its_margins in margins.items():
        group = groups[stratum]
        if group not in pools:
            pools[group] = list(its_margins)
            continue
        pools[group] = [_sum(group, *pair) for pair in zip(pools[group], its_margins, strict=True)]
    return pools


def _sum(group: str, left: Margin, right: Margin) -> Margin:
    if left.variable != right.variable or left.totals.keys() != right.totals.keys():
        raise ValueError(f"{group}: {left.variable} and {right.variable} cannot be added up")
    return replace(left, totals={c: value + right.totals[c] for c, value in left.totals.items()})


def propose_collapse(
    margin: Margin, category: str, grouping: Iterable[Sequence[str]] = ()
) -> Collapse | None:
    """The merger that would mend an empty category, for a person to accept.

    Within the given grouping where one holds the category; else with the ordered neighbour whose
    total is smaller, which moves the fewest people. None when there is nothing to merge with.
    """
    reason = f"{category} is empty among respondents"
    for group in grouping:
        if category in group and len(group) > 1:
            return Collapse(margin.variable, tuple(group), reason=reason)
    order = list(margin.totals)
    place = order.index(category)
    neighbours = order[max(place - 1, 0) : place] + order[place + 1 : place + 2]
    if not neighbours:
        return None
    other = min(neighbours, key=lambda name: margin.totals[name])
    pair = tuple(name for name in order if name in (category, other))
    return Collapse(margin.variable, pair, reason=reason)
