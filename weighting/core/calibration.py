"""Decides the weights: calibrates each stratum on its margins, or refuses it and says why.
Never returns weights that miss a margin by more than 1e-6: the miss is measured on the weights.
Theory: Deville & Särndal (1992); the equations are in `system`, the optimum in `solver`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from weighting.core.attainable import explain
from weighting.core.certificate import Draft, certified
from weighting.core.criteria import Rules, Slice
from weighting.core.margins import Margins
from weighting.core.methods import Method, Raking
from weighting.core.missing import hot_deck
from weighting.core.problems import Problem, refused
from weighting.core.profiles import Profiles, profiles_of
from weighting.core.results import Calibration, StratumResult
from weighting.core.rows import by_stratum, faults_of_rows
from weighting.core.solver import solve
from weighting.core.system import System, system_of
from weighting.core.units import MISSING, Units


def calibrate(
    units: Units, margins: Margins, method: Method | None = None, rules: Rules | None = None
) -> Calibration:
    """Weights w = d·F(x'λ) whose totals are the margins, stratum by stratum.

    units: n respondents; margins: {stratum: its criteria}; method: raking unless given. Faulty
    figures raise nothing: each stratum is converged or refused, with its problems.
    """
    method, rules = method or Raking(), rules or Rules()
    filled, imputed = _filled(units, margins, rules)
    profiles = profiles_of(filled, _used(margins))
    drafts = _drafts(filled, profiles, margins, method, rules)
    drafts = [_with_imputed(draft, filled, imputed) for draft in drafts]
    g = np.concatenate([draft.g for draft in drafts]) if drafts else np.empty(0)
    sums = np.concatenate([draft.weights for draft in drafts]) if drafts else np.empty(0)
    weights = profiles.scatter(sums / profiles.weights)
    weights *= units.weights

    achieved = profiles.totals(weights)
    results = [certified(draft, achieved[draft.stratum.rows], method) for draft in drafts]
    g_by_row = profiles.scatter(g)
    for draft, result in zip(drafts, results, strict=True):
        if draft.solution is not None and not result.converged:
            rows = profiles.rows_of(draft.stratum.rows)
            weights[rows] = g_by_row[rows] = np.nan
    strata = _with_collapses(results + _without_respondents(margins, drafts), rules)
    return Calibration(units, margins, method, rules, weights, g_by_row, strata, imputed)


def preflight(
    units: Units, margins: Margins, method: Method | None = None, rules: Rules | None = None
) -> tuple[Problem, ...]:
    """All that would be refused or is worth a warning, without computing a weight."""
    method, rules = method or Raking(), rules or Rules()
    filled, _ = _filled(units, margins, rules)
    profiles = profiles_of(filled, _used(margins))
    faults, found, seen = faults_of_rows(filled), list[Problem](), set[str]()
    for stratum in _slices(filled, profiles):
        system, problems = _equations(stratum, margins, rules, faults)
        impossible = None if system is None else explain(system, method, stratum.name)
        found += problems + ([] if impossible is None else [impossible])
        seen.add(stratum.name)
    return (*found, *(_no_respondents(name) for name in margins if name not in seen))


def equations_of(result: Calibration) -> tuple[Profiles, list[tuple[Slice, System]]]:
    """The profiles of a result, and the equations of each stratum that converged."""
    filled, _ = _filled(result.units, result.margins, result.rules)
    profiles = profiles_of(filled, _used(result.margins))
    kept = []
    for stratum in _slices(filled, profiles):
        system, _ = _equations(stratum, result.margins, result.rules, {})
        if system is not None and result[stratum.name].converged:
            kept.append((stratum, system))
    return profiles, kept


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
    ends = [*starts[1:], len(profiles.strata)]
    categories = {name: units.variables[name].categories for name in profiles.codes}
    for code, start, end in zip(names, starts, ends, strict=True):
        name = "" if code == MISSING else units.strata.categories[code]
        yield Slice(name, slice(int(start), int(end)), profiles, categories)


def _drafts(
    units: Units, profiles: Profiles, margins: Margins, method: Method, rules: Rules
) -> list[Draft]:
    faults, drafts = faults_of_rows(units), []
    for stratum in _slices(units, profiles):
        system, problems = _equations(stratum, margins, rules, faults)
        solution = None if system is None else solve(system, method)
        drafts.append(Draft(stratum, problems, system, solution))
    return drafts


def _equations(
    stratum: Slice, margins: Margins, rules: Rules, faults: dict[str, list[Problem]]
) -> tuple[System | None, list[Problem]]:
    if stratum.name == "":
        message = f"{stratum.n} respondents belong to no sector"
        return None, [Problem("missing_stratum", message)]
    problems = list(faults.get(stratum.name, []))
    if not margins.get(stratum.name):
        message = f"no margins for {stratum.name}"
        return None, [*problems, Problem("no_margins", message, stratum.name)]
    system, found = system_of(stratum, margins[stratum.name], rules)
    problems += found + _uneven(stratum.name, margins)
    problems += _unknown_collapses(stratum.name, margins, rules)
    return (None if refused(problems) else system), problems


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


def _with_imputed(draft: Draft, units: Units, imputed: dict[str, NDArray[np.intp]]) -> Draft:
    for variable, rows in imputed.items():
        count = len(by_stratum(units, rows).get(draft.stratum.name, []))
        if count:
            message = f"{count} values of {variable} drawn from donors of the sector"
            draft.problems.append(
                Problem("imputed_values", message, draft.stratum.name, variable, severity="warning")
            )
    return draft


def _without_respondents(margins: Margins, drafts: list[Draft]) -> list[StratumResult]:
    seen = {draft.stratum.name for draft in drafts}
    return [
        StratumResult(name, "refused", 0, (_no_respondents(name),))
        for name in margins
        if name not in seen
    ]


def _no_respondents(name: str) -> Problem:
    return Problem("no_respondents", f"margins for {name}, but no respondent", name)


def _with_collapses(results: list[StratumResult], rules: Rules) -> tuple[StratumResult, ...]:
    """Each result with the collapses that were applied in it: they are part of the run."""
    return tuple(
        StratumResult(
            **{
                **vars(result),
                "collapses": tuple(
                    collapse for collapse in rules.collapses if collapse.concerns(result.name)
                ),
            }
        )
        if rules.collapses
        else result
        for result in results
    )
