"""Decides the equations of one criterion, and refuses a criterion that respondents cannot meet.
Never compares criteria: `system` does. Whatever is merged or set apart is reported.
Checks: Sautory (1993), CALMAR; Le Guennec & Sautory (2004), CALMAR 2, on household margins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Literal

import numpy as np

from weighting.core.margins import (
    NUMERIC,
    Collapse,
    Margin,
    merged_labels,
    merged_totals,
    propose_collapse,
)
from weighting.core.problems import Problem
from weighting.core.profiles import Profiles
from weighting.core.units import Floats, Ints

MissingPolicy = Literal["refuse", "category", "hot_deck"]
MISSING_LABEL = "(missing)"


@dataclass(frozen=True)
class Rules:
    """The choices a person makes. `missing`: one policy, or one by criterion; `rule`: which
    criterion's total rules when they disagree ("first", a criterion, or None: refuse);
    `groupings`: by criterion, the groups within which mergers are proposed, instead of with the
    ordered neighbour; `rescale`: bring initial weights to the population of their stratum first."""

    missing: MissingPolicy | Mapping[str, MissingPolicy] = "refuse"
    rule: str | None = None
    collapses: tuple[Collapse, ...] = ()
    rescale: bool = False
    seed: int = 0
    groupings: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)

    def missing_policy(self, variable: str) -> MissingPolicy:
        if isinstance(self.missing, str):
            return self.missing
        return self.missing.get(variable, "refuse")


@dataclass(frozen=True, eq=False)
class Slice:
    """The m profiles of one stratum: `rows` of the whole, categories of each coded variable."""

    name: str
    rows: slice
    profiles: Profiles
    categories: Mapping[str, tuple[str, ...]]

    @property
    def weights(self) -> Floats:
        return self.profiles.weights[self.rows]

    @property
    def squares(self) -> Floats:
        return self.profiles.squares[self.rows]

    @property
    def counts(self) -> Ints:
        return self.profiles.counts[self.rows]

    @property
    def n(self) -> int:
        return int(self.counts.sum())


@dataclass
class Block:
    """The columns of one margin under construction."""

    margin: Margin
    x: Floats
    labels: list[str]
    problems: list[Problem] = field(default_factory=list)


def block_of(stratum: Slice, margin: Margin, rules: Rules) -> Block:
    name = margin.variable
    if name not in stratum.profiles.numeric and name not in stratum.profiles.codes:
        return _refused_block(
            margin, stratum, "criterion_absent", f"respondents have no criterion {name}"
        )
    if margin.is_numeric:
        return _numeric_block(stratum, margin)
    if name not in stratum.profiles.codes:
        return _refused_block(
            margin, stratum, "criterion_absent", f"{name} is numeric, its margin has categories"
        )
    if margin.unit == "household" and (
        margin.per is None or margin.per not in stratum.profiles.numeric
    ):
        return _refused_block(
            margin,
            stratum,
            "household_margin",
            f"the margin of {name} counts households, respondents are persons",
        )
    return _categorical_block(stratum, margin, rules)


def _refused_block(margin: Margin, stratum: Slice, code: str, message: str) -> Block:
    return Block(
        margin, np.empty((0, 0)), [], [Problem(code, message, stratum.name, margin.variable)]
    )


def _numeric_block(stratum: Slice, margin: Margin) -> Block:
    name = margin.variable
    if name not in stratum.profiles.numeric:
        return _refused_block(
            margin, stratum, "criterion_absent", f"{name} has categories, its margin is numeric"
        )
    values = stratum.profiles.numeric[name][stratum.rows]
    block = Block(margin, values[:, None], [NUMERIC])
    missing = int(stratum.counts[np.isnan(values)].sum())
    if missing:
        block.problems.append(_missing_values(stratum, name, missing))
    if not isfinite(margin.totals[NUMERIC]) or np.isinf(values).any():
        block.problems.append(
            Problem("invalid_total", f"{name}: values and total must be finite", stratum.name, name)
        )
    return block


def _categorical_block(stratum: Slice, margin: Margin, rules: Rules) -> Block:
    """Indicators of the (merged) categories, with every fault of the margin against the sample."""
    name, where = margin.variable, stratum.name
    codes, problems = stratum.profiles.codes[name][stratum.rows], _invalid_totals(where, margin)
    merged = merged_labels(margin, where, rules.collapses)
    if len({*merged.values()}) < len(merged):
        margin = replace(margin, totals=merged_totals(margin, merged))
    labels = list(margin.totals)
    place = {label: column for column, label in enumerate(labels)}
    known = [place.get(merged.get(c, ""), -2) for c in stratum.categories[name]]
    columns = np.array([*known, -1])[codes]  # code −1 reads the last: missing

    if (columns == -2).any():
        problems += _unknown_categories(stratum, name, codes[columns == -2])
    missing = columns == -1
    if missing.any():
        count = int(stratum.counts[missing].sum())
        if rules.missing_policy(name) == "category" and not problems:
            margin = _with_missing_category(stratum, margin, missing)
            labels.append(MISSING_LABEL)
            columns = np.where(missing, len(labels) - 1, columns)
            problems.append(_missing_set_apart(where, name, count, stratum.n))
        else:
            problems.append(_missing_values(stratum, name, count))
    counts = np.bincount(columns[columns >= 0], stratum.counts[columns >= 0], len(labels))
    problems += _empty_or_unwanted(where, margin, counts, rules.groupings.get(name, ()))
    return _indicators(stratum, margin, labels, columns, problems)


def _indicators(
    stratum: Slice, margin: Margin, labels: list[str], columns: Ints, problems: list[Problem]
) -> Block:
    x = (columns[:, None] == np.arange(len(labels))).astype(np.float64)
    if margin.per is not None:
        size = stratum.profiles.numeric[margin.per][stratum.rows]
        if not (size > 0).all():
            bad = int(stratum.counts[~(size > 0)].sum())
            problems.append(_missing_values(stratum, margin.per, bad))
        x *= _parts(stratum, margin)[:, None]
    wanted = [i for i, label in enumerate(labels) if margin.totals[label] != 0]
    if len(wanted) < len(labels):  # nobody wanted and nobody there: no equation
        x, labels = x[:, wanted], [labels[i] for i in wanted]
        margin = replace(margin, totals={label: margin.totals[label] for label in labels})
    return Block(margin, x, labels, problems)


def _parts(stratum: Slice, margin: Margin) -> Floats:
    """What of its unit each profile stands for, (m,): a person, or its part of a household."""
    if margin.per is None:
        return np.ones(len(stratum.counts))
    size = stratum.profiles.numeric[margin.per][stratum.rows]
    return np.asarray(1.0 / np.where(size > 0, size, 1.0))


def _with_missing_category(stratum: Slice, margin: Margin, missing: Ints) -> Margin:
    """Those who did not answer keep their weighted share; the stated totals share the rest."""
    held = stratum.weights * _parts(stratum, margin)
    share = float(held[missing].sum() / held.sum())
    totals = {label: total * (1.0 - share) for label, total in margin.totals.items()}
    return replace(margin, totals=totals | {MISSING_LABEL: margin.total * share})


def _missing_set_apart(where: str, name: str, count: int, n: int) -> Problem:
    message = f"{count} of {n} respondents did not answer {name}: a category with their share"
    return Problem("missing_as_category", message, where, name, MISSING_LABEL, severity="warning")


def _missing_values(stratum: Slice, name: str, count: int) -> Problem:
    message = f"{count} of {stratum.n} respondents have no value of {name}"
    return Problem("missing_values", message, stratum.name, name)


def _invalid_totals(where: str, margin: Margin) -> list[Problem]:
    return [
        Problem(
            "invalid_total",
            f"{margin.variable} = {category}: total {total!r}",
            where,
            margin.variable,
            category,
        )
        for category, total in margin.totals.items()
        if not (isfinite(total) and total >= 0)
    ]


def _unknown_categories(stratum: Slice, name: str, codes: Ints) -> list[Problem]:
    return [
        Problem(
            "unknown_category",
            f"respondents have {name} = {category}, the margin has not",
            stratum.name,
            name,
            category,
        )
        for category in (stratum.categories[name][code] for code in np.unique(codes))
    ]


def _empty_or_unwanted(
    where: str, margin: Margin, counts: Ints, grouping: Sequence[Sequence[str]]
) -> list[Problem]:
    problems = []
    for (category, total), count in zip(margin.totals.items(), counts, strict=True):
        name = margin.variable
        if total > 0 and count == 0:
            message = f"{name} = {category}: total {total:g}, no respondent"
            proposal = propose_collapse(margin, category, grouping)
            if proposal is not None:
                message += f"; merging {proposal.label} would mend it"
            problems.append(Problem("empty_category", message, where, name, category))
        elif total == 0 and count > 0:
            message = f"{name} = {category}: total 0, {count:g} respondents"
            problems.append(Problem("zero_target", message, where, name, category))
    return problems
