"""Decides what each stratum's equations are and all that is wrong with them, before any solving.
Never computes a weight: `calibrate` starts from here, and so does a check of uploaded margins.
Theory: the checks of `rows`, `criteria` and `system`, then a linear programme (`attainable`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weighting.core.attainable import explain
from weighting.core.criteria import Rules, Slice
from weighting.core.margins import Margins
from weighting.core.methods import Method, Raking
from weighting.core.missing import hot_deck
from weighting.core.problems import Problem, refused
from weighting.core.profiles import Profiles, profiles_of
from weighting.core.programme import tightest_range
from weighting.core.rows import faults_of_rows, imputed_rows
from weighting.core.system import System, system_of
from weighting.core.units import MISSING, Units


@dataclass(frozen=True, eq=False)
class Prepared:
    """A stratum and its equations, which are None where its problems refuse it."""

    stratum: Slice
    system: System | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class Preparation:
    """All strata with respondents, those without, and the rows that a hot deck filled."""

    profiles: Profiles
    strata: tuple[Prepared, ...]
    without_respondents: tuple[Problem, ...]
    imputed: Mapping[str, NDArray[np.intp]]


def prepare(units: Units, margins: Margins, rules: Rules) -> Preparation:
    """Fill what may be filled, group the rows into profiles, and set up every stratum."""
    filled, imputed = _filled(units, margins, rules)
    profiles = profiles_of(filled, _used(margins))
    of_rows = faults_of_rows(filled) + imputed_rows(filled, imputed)
    strata = tuple(
        _prepared(stratum, margins, rules, [p for p in of_rows if p.stratum == stratum.name])
        for stratum in _slices(filled, profiles)
    )
    seen = {prepared.stratum.name for prepared in strata}
    absent = tuple(
        Problem("no_respondents", f"margins for {name}, but no respondent", name)
        for name in margins
        if name not in seen
    )
    return Preparation(profiles, strata, absent, imputed)


def preflight(
    units: Units, margins: Margins, method: Method | None = None, rules: Rules | None = None
) -> tuple[Problem, ...]:
    """All that would be refused or is worth a warning, without computing a weight."""
    preparation = prepare(units, margins, rules or Rules())
    found: list[Problem] = []
    for prepared in preparation.strata:
        found += prepared.problems
        if prepared.system is not None:
            impossible = explain(prepared.system, method or Raking(), prepared.stratum.name)
            found += [] if impossible is None else [impossible]
    return (*found, *preparation.without_respondents)


def attainable_ranges(
    units: Units, margins: Margins, rules: Rules | None = None
) -> dict[str, tuple[float, float] | None]:
    """{stratum: the (L, U) of least ratio U/L between which its margins can be met}.

    None where no positive g meets them, or where the stratum is refused before that. Bounds must
    be a little wider: at these, hardly any respondent is left a choice.
    """
    return {
        prepared.stratum.name: None if prepared.system is None else tightest_range(prepared.system)
        for prepared in prepare(units, margins, rules or Rules()).strata
    }


def _prepared(stratum: Slice, margins: Margins, rules: Rules, problems: list[Problem]) -> Prepared:
    if stratum.name == "":
        message = f"{stratum.n} respondents belong to no sector"
        return Prepared(stratum, None, (*problems, Problem("missing_stratum", message)))
    if not margins.get(stratum.name):
        absent = Problem("no_margins", f"no margins for {stratum.name}", stratum.name)
        return Prepared(stratum, None, (*problems, absent))
    with np.errstate(divide="ignore", invalid="ignore"):  # of initial weights that are refused
        system, found = system_of(stratum, margins[stratum.name], rules)
    problems = problems + found + _uneven(stratum.name, margins)
    problems += _unknown_collapses(stratum.name, margins, rules)
    return Prepared(stratum, None if refused(problems) else system, tuple(problems))


def _used(margins: Margins) -> list[str]:
    """The variables that any margin needs, in order of first mention."""
    names = [
        name
        for its_margins in margins.values()
        for margin in its_margins
        for name in (margin.variable, margin.per)
        if name is not None
    ]
    return list(dict.fromkeys(names))


def _filled(
    units: Units, margins: Margins, rules: Rules
) -> tuple[Units, dict[str, NDArray[np.intp]]]:
    decked = [
        name
        for name in _used(margins)
        if name in units.variables and rules.missing_policy(name) == "hot_deck"
    ]
    return hot_deck(units, decked, rules.seed) if decked else (units, {})


def _slices(units: Units, profiles: Profiles) -> Iterator[Slice]:
    names, starts = np.unique(profiles.strata, return_index=True)
    ends = [*starts, len(profiles.strata)][1:]
    categories = {name: units.variables[name].categories for name in profiles.codes}
    for code, start, end in zip(names, starts, ends, strict=True):
        name = "" if code == MISSING else units.strata.categories[code]
        yield Slice(name, slice(int(start), int(end)), profiles, categories)


def _uneven(stratum: str, margins: Margins) -> list[Problem]:
    """Criteria that other strata are calibrated on and this one is not."""
    ours = {margin.variable for margin in margins[stratum]}
    everywhere = {margin.variable: None for its in margins.values() for margin in its}
    return [
        Problem(
            "criterion_not_everywhere",
            f"no margin of {name} here, other sectors have one",
            stratum,
            name,
            severity="warning",
        )
        for name in everywhere
        if name not in ours
    ]


def _unknown_collapses(stratum: str, margins: Margins, rules: Rules) -> list[Problem]:
    """Collapses of what does not exist: in the stratum they name, or anywhere."""
    problems = []
    for collapse in rules.collapses:
        if not collapse.concerns(stratum):
            continue
        where = margins.values() if collapse.stratum is None else [margins[stratum]]
        known = {
            category
            for its_margins in where
            for margin in its_margins
            if margin.variable == collapse.variable
            for category in margin.totals
        }
        problems += [
            Problem(
                "unknown_collapse",
                f"cannot merge {collapse.variable} = {category}: no such total",
                stratum,
                collapse.variable,
                category,
            )
            for category in collapse.categories
            if category not in known
        ]
    return problems
