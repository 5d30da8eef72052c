"""Decides how a merger of categories is told: what each of them brought to it, in one stratum.
Never merges: `criteria` does, as the rules say; which merger would mend is for `proposals`.
Collapsing of cells: Kalton & Flores-Cervantes (2003), J. Official Statistics 19(2).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from weighting.core.criteria import Slice
from weighting.core.margins import Collapse, Margin


class Part(NamedTuple):
    """A category before the merger: its total and its respondents."""

    category: str
    total: float
    n: int


@dataclass(frozen=True)
class Collapsed(Collapse):
    """A collapse that was applied in one stratum, and its effect: the `parts` that became one."""

    parts: tuple[Part, ...] = ()


def applied(
    stratum: Slice, margins: Iterable[Margin], collapses: Sequence[Collapse]
) -> tuple[Collapsed, ...]:
    """The collapses that concern the stratum, each with what it merged there."""
    totals = {margin.variable: margin.totals for margin in margins}
    found = []
    for collapse in collapses:
        if not collapse.concerns(stratum.name):
            continue
        respondents = _respondents(stratum, collapse.variable)
        parts = tuple(
            Part(category, total, respondents.get(category, 0))
            for category, total in totals.get(collapse.variable, {}).items()
            if category in collapse.categories
        )
        found.append(
            Collapsed(
                collapse.variable, collapse.categories, collapse.stratum, collapse.reason, parts
            )
        )
    return tuple(found)


def _respondents(stratum: Slice, variable: str) -> dict[str, int]:
    """{category: respondents of the stratum}."""
    if variable not in stratum.categories:
        return {}
    codes, labels = stratum.profiles.codes[variable][stratum.rows], stratum.categories[variable]
    known = codes >= 0
    counts = np.bincount(codes[known], stratum.counts[known], len(labels))
    return {label: int(count) for label, count in zip(labels, counts, strict=True)}
