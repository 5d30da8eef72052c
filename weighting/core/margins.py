"""Decides what the weights must add up to: margins, their units, and which categories are merged.
Never looks at respondents: whether a margin can be met is judged in `preflight` and `attainable`.
Units of margins: Sautory (1993), "La macro CALMAR", Insee F9310; household totals, its annex.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Literal

NUMERIC = ""  # the only "category" of a numeric margin
# Shares that were rounded one by one do not sum to their whole; beyond this they are wrong.
SHARES_WITHIN = 1e-3


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
        """A margin from shares of a stated population, which sum to 1 or, in percent, to 100.

        Raises ValueError for shares that do not, within rounding.
        """
        whole = fsum(shares.values())
        if not any(abs(whole - scale) <= SHARES_WITHIN * scale for scale in (1.0, 100.0)):
            raise ValueError(f"the shares of {variable} sum to {whole:.6g}, not to 1 or 100")
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


def of_persons(margins: Iterable[Margin]) -> list[Margin]:
    """The categorical criteria whose totals are persons: each states the population."""
    return [margin for margin in margins if not margin.is_numeric and margin.unit == "person"]


def ruling(margins: Sequence[Margin], rule: str | None) -> Margin | None:
    """The criterion whose total is the population: the one named, else the first that is hard."""
    stating = of_persons(margins)
    named = [margin for margin in stating if margin.variable == rule]
    hard = [margin for margin in stating if not margin.soft]
    return next(iter(named + hard + stating), None)


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


def merged_totals(margin: Margin, merged: Mapping[str, str]) -> dict[str, float]:
    """{merged category: total}, with `merged` as `merged_labels` gives it."""
    totals: dict[str, float] = {}
    for category, total in margin.totals.items():
        totals[merged[category]] = totals.get(merged[category], 0.0) + total
    return totals


def pooled(margins: Margins, groups: Mapping[str, str]) -> dict[str, list[Margin]]:
    """Margins of groups of strata, as sums: what a module is calibrated on (`modules`).

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
    total is smaller, which moves the fewest people. None when nothing would be left to tell
    apart: the criterion would be dropped, which is for a person to do.
    """
    for group in grouping:
        if category in group and 1 < len(group) < len(margin.totals):
            return Collapse(margin.variable, tuple(group))
    order = list(margin.totals)
    if len(order) < 3:
        return None
    place = order.index(category)
    neighbours = order[max(place - 1, 0) : place] + order[place + 1 : place + 2]
    other = min(neighbours, key=lambda name: margin.totals[name])
    pair = tuple(name for name in order if name in (category, other))
    return Collapse(margin.variable, pair)
