"""Decides the equations of one stratum, Σ d·g·x = T, and refuses criteria that contradict it.
Never solves them and never mends in silence: a criterion that is scaled is reported.
Theory: Deville & Särndal (1992), sect. 1; conflicting totals, Sautory (1993), CALMAR.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weighting.core.criteria import Block, Rules, Slice, block_of
from weighting.core.margins import Margin, of_persons, ruling
from weighting.core.problems import Problem, refused
from weighting.core.units import Floats, Ints

# Totals that differ by less are one total, rounded twice; the certificate still has the last word.
SAME_TOTAL = 1e-7


@dataclass(frozen=True, eq=False)
class System:
    """x (m, p), totals (p,), labels (p,): (variable, category); softness (p,): 0 where hard.

    population: the ruling total of persons, NaN when no criterion is categorical; d (m,): initial
    weights by profile, rescaled to the population where asked; constant (p,): a λ with x'λ = 1.
    """

    x: Floats
    totals: Floats
    labels: tuple[tuple[str, str], ...]
    softness: Floats
    population: float
    d: Floats
    counts: Ints
    constant: Floats


def system_of(
    stratum: Slice, margins: Sequence[Margin], rules: Rules
) -> tuple[System | None, list[Problem]]:
    """The equations of the stratum, or None with the refusals that forbid them."""
    blocks = [block_of(stratum, margin, rules) for margin in margins]
    problems = [problem for block in blocks for problem in block.problems]
    problems += _different_universes(stratum, margins)
    if refused(problems):
        return None, problems
    agreed, conflicts = _agree([block.margin for block in blocks], stratum, rules.rule)
    problems += conflicts
    for block, margin in zip(blocks, agreed, strict=True):
        block.margin = margin
    problems += _too_few(stratum, blocks)
    if refused(problems):
        return None, problems
    return _assemble(stratum, blocks, rules), problems


def _different_universes(stratum: Slice, margins: Sequence[Margin]) -> list[Problem]:
    stated = {margin.universe: margin.variable for margin in margins if margin.universe}
    if len(stated) < 2:
        return []
    described = "; ".join(f"{name}: {universe}" for universe, name in stated.items())
    return [Problem("different_universes", described, stratum.name)]


def _agree(
    margins: list[Margin], stratum: Slice, rule: str | None
) -> tuple[list[Margin], list[Problem]]:
    """Bring the criteria of persons to one total: that of the ruling one."""
    stating = [margin for margin in of_persons(margins) if not margin.soft]
    if rule not in (None, "first") and rule not in [margin.variable for margin in stating]:
        return margins, [Problem("unknown_rule", f"no criterion {rule}", stratum.name)]
    first = ruling(stating, rule)
    if first is None:
        return margins, []
    agreed, problems = [], []
    for margin in margins:
        if margin not in stating or margin.total == first.total:
            agreed.append(margin)
            continue
        agreed.append(margin.scaled_to(first.total))
        if abs(margin.total - first.total) > SAME_TOTAL * first.total:
            problems.append(_disagreement(stratum, margin, first, rule))
    return agreed, problems


def _disagreement(stratum: Slice, margin: Margin, first: Margin, rule: str | None) -> Problem:
    totals = f"{margin.variable} totals {margin.total:.10g}, {first.variable} {first.total:.10g}"
    if rule is None:
        return Problem("conflicting_totals", totals, stratum.name, margin.variable)
    message = f"{totals}: {margin.variable} scaled to {first.variable}"
    return Problem("totals_scaled", message, stratum.name, margin.variable, severity="warning")


def _too_few(stratum: Slice, blocks: list[Block]) -> list[Problem]:
    categorical = of_persons([block.margin for block in blocks])
    free = sum(len(block.labels) for block in blocks) - max(len(categorical) - 1, 0)
    if stratum.n >= free:
        return []
    message = f"{stratum.n} respondents for {free} free constraints"
    return [Problem("too_few_respondents", message, stratum.name)]


def _assemble(stratum: Slice, blocks: list[Block], rules: Rules) -> System:
    first = ruling([block.margin for block in blocks], rules.rule)
    population = first.total if first else float("nan")
    d = stratum.weights
    if rules.rescale and first:
        d = d * (population / d.sum())
    sizes = [len(block.labels) for block in blocks]
    return System(
        x=np.hstack([block.x for block in blocks]),
        totals=np.array([block.margin.totals[c] for block in blocks for c in block.labels]),
        labels=tuple((b.margin.variable, label) for b in blocks for label in b.labels),
        softness=np.repeat([block.margin.soft for block in blocks], sizes),
        population=population,
        d=d,
        counts=stratum.counts,
        constant=np.repeat([float(block.margin is first) for block in blocks], sizes),
    )
