"""Estimate shares or a mean by sector from plain files of weights; no database is needed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from numpy.typing import NDArray

from weighting.core import plain_estimates, plain_files
from weighting.core.calibration import calibrate
from weighting.core.constraints import constraints_of
from weighting.core.criteria import Rules
from weighting.core.design import Sample
from weighting.core.estimation import Estimates, estimate
from weighting.core.intervals import FALL_SHORT, OF_SHARES, student
from weighting.core.linearised import Linearised
from weighting.core.margins import Margins
from weighting.core.methods import method_named
from weighting.core.problems import Problem
from weighting.core.questions import question_of
from weighting.core.replicates import Replicates, bootstrap, jackknife
from weighting.core.sheet import Sheet, Unreadable, read_sheet
from weighting.core.units import Floats, Units
from weighting.core.where import rows_where

UNREADABLE = 1


@dataclass(frozen=True, eq=False)
class Survey:
    """The respondents who have weights, their margins and rules, and their rows of the file."""

    units: Units
    weights: Floats
    margins: Margins
    rules: Rules
    sheet: Sheet
    outside: int


class Command(BaseCommand):
    help = (
        "Estimates the shares of VARIABLE's categories, or its mean, by sector and overall, from "
        "weights calibrated on MARGINS.csv. Exit 0: written; 1: the input cannot be used."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("units", type=Path, metavar="UNITS.csv")
        parser.add_argument("--weights", type=Path, required=True, metavar="WEIGHTS.csv")
        parser.add_argument("--margins", type=Path, required=True, metavar="MARGINS.csv")
        parser.add_argument("--id", required=True, help="column that names a respondent")
        parser.add_argument("--by", help="column of the stratum, in UNITS and MARGINS")
        parser.add_argument("--weight", help="column of the initial weight; 1 for all by default")
        parser.add_argument("--variable", required=True, help="column to estimate")
        parser.add_argument(
            "--as",
            dest="kind",
            choices=["auto", "categories", "number"],
            default="auto",
            help="shares or a mean; auto: a mean of more than 20 numbers, or of fractions",
        )
        parser.add_argument("--where", metavar="EXPR", help="the base, such as 'NUM03 in [3, 4]'")
        parser.add_argument(
            "--group", action="append", default=[], metavar="NAME=A+B", help="sectors together"
        )
        parser.add_argument(
            "--method", choices=["linearised", "jackknife", "bootstrap"], default="linearised"
        )
        parser.add_argument(
            "--factor",
            choices=["residual", "r"],
            default="residual",
            help="n/(n-p), or the conventions of R's survey, n/(n-1)",
        )
        parser.add_argument("--interval", choices=list(OF_SHARES), default="logit")
        parser.add_argument("--level", type=float, default=0.95)
        parser.add_argument("--replicates", type=int, default=500, help="of the bootstrap")
        parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the hot deck")
        parser.add_argument("--replicate-weights", type=Path, metavar="REPLICATES.csv")
        how = parser.add_argument_group("how the weights were made", "as given to calibrate")
        how.add_argument(
            "--calibration", choices=["raking", "linear", "logit", "truncated"], default="raking"
        )
        how.add_argument("--bounds", metavar="L,U")
        how.add_argument("--missing", choices=["refuse", "category", "hot_deck"], default="refuse")
        how.add_argument("--rule")
        how.add_argument("--rescale", action="store_true")
        how.add_argument(
            "--collapse", action="append", default=[], metavar="[STRATUM/]VARIABLE:A+B"
        )
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.csv")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """argparse exits with 2 for an option that it does not know; here every refusal is 1."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.exit = _exit  # type: ignore[method-assign]
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._estimated(options)
        except (Unreadable, ValueError, OSError) as error:
            raise CommandError(str(error), returncode=UNREADABLE) from error

    def _estimated(self, options: dict[str, Any]) -> None:
        _check(options)
        survey = _survey(options)
        question = question_of(survey.sheet, options["variable"], options["kind"])
        unions = dict(_union(text) for text in options["group"])
        groups = plain_estimates.groups_of(survey.units, options["by"], unions)
        wanted = _wanted(survey, options["where"])
        base = wanted & question.answered
        if not base.any():
            raise Unreadable(f"{options['variable']}: none of these respondents has an answer")
        domains = np.column_stack([group.members & base for group in groups])

        def statistic(sample: Sample) -> Linearised:
            return question.estimated(sample, domains)

        if options["method"] == "linearised":
            sample = self._sample(survey)
            found = estimate(sample, statistic(sample), options["factor"])
        else:
            found = self._replicates(survey, options).estimate(statistic, options["factor"])
        self._warn_of(options["interval"])
        of_shares = OF_SHARES[options["interval"]]
        interval = (of_shares if question.numbers is None else student)(found, options["level"])
        names = [group.name for group in groups]
        plain_estimates.write_estimates(
            options["output"], names, question.categories, found, interval
        )
        self._tell(survey, int(wanted.sum()), int(base.sum()), found)
        kind = "shares" if question.numbers is None else "mean"
        self.stdout.write(f"{kind} of {base.sum()} respondents")

    def _sample(self, survey: Survey) -> Sample:
        """The design of weights that are given: how they were calibrated does not matter."""
        units, margins, rules = survey.units, survey.margins, survey.rules
        tied = constraints_of(units, margins, rules, weights_given=True)
        _refuse(tied.problems)
        for sector in tied.sectors:
            for variable, category, total, given in sector.missed(survey.weights[sector.rows]):
                place = _place(sector.name, variable, category)
                said = f"the weights give {given:.6g}, the margin says {total:.6g}"
                mend = "give the margins and --collapse with which the weights were made"
                self.stderr.write(f"warning: {place}: {said} ({mend})")
        return Sample.weighted(survey.weights, tied.sectors)

    def _replicates(self, survey: Survey, options: dict[str, Any]) -> Replicates:
        """Replicates of the calibration that made the weights, which is run again."""
        method = method_named(options["calibration"], _bounds(options["bounds"]))
        result = calibrate(survey.units, survey.margins, method, survey.rules)
        _refuse(result.problems)
        plain_estimates.check_same(survey.units, survey.weights, result.weights)
        if options["method"] == "jackknife":
            replicates = jackknife(result)
        else:
            replicates = bootstrap(result, options["replicates"], options["seed"])
        for sector, failed in replicates.failed.items():
            if failed:
                said = f"{failed} of {replicates.drawn[sector]} replicates did not converge"
                self.stderr.write(f"warning: {sector}: {said} and are left out")
        path = options["replicate_weights"]
        if path:
            scales = path.with_suffix(f".scales{path.suffix}")
            plain_estimates.write_replicates(path, scales, survey.units, replicates)
        return replicates

    def _warn_of(self, interval: str) -> None:
        if interval in FALL_SHORT:
            held = f"as few as {100 * FALL_SHORT[interval]:.0f} in 100 hold the truth"
            said = f"{interval} is blind to the weights: {held}, see docs/estimation.md"
            self.stderr.write(f"warning: {said}")

    def _tell(self, survey: Survey, wanted: int, answered: int, found: Estimates) -> None:
        """What was left out, and what could not be stated: never in silence."""
        if survey.outside:
            self.stderr.write(f"note: {survey.outside} respondents of sectors without weights")
        if answered < wanted:
            said = "respondents without an answer are outside the base"
            self.stderr.write(f"note: {wanted - answered} {said}")
        unstated = int((np.isnan(found.se) & (found.n > 0)).sum())
        if unstated:
            said = "estimates have no standard error: too few respondents for the constraints"
            self.stderr.write(f"warning: {unstated} {said}")


def _exit(status: int = 0, message: str | None = None) -> NoReturn:
    if message:
        sys.stderr.write(message)
    sys.exit(UNREADABLE if status else 0)


def _check(options: dict[str, Any]) -> None:
    if not 0 < options["level"] < 1:
        raise ValueError(f"--level {options['level']:g}: it lies between 0 and 1, such as 0.95")
    if options["replicates"] < 2:
        raise ValueError(f"--replicates {options['replicates']}: two at least, 500 are usual")
    if options["replicate_weights"] and options["method"] == "linearised":
        raise ValueError("--replicate-weights needs --method jackknife or bootstrap")


def _survey(options: dict[str, Any]) -> Survey:
    """The files, without the sectors that have no weights. Raises Unreadable."""
    path, by = options["units"], options["by"]
    margins = plain_files.read_margins(options["margins"], by)
    units = plain_files.read_units(
        path, margins, id_column=options["id"], by=by, weight=options["weight"]
    )
    weights = plain_estimates.read_weights(options["weights"], units, options["id"])
    sheet = read_sheet(path, [options["id"], options["variable"]])
    weighted = np.isfinite(weights)
    units = units.subset(weighted)
    there = {units.strata.categories[code] for code in np.unique(units.strata.codes) if code >= 0}
    rules = Rules(
        missing=options["missing"],
        rule=options["rule"],
        collapses=tuple(plain_files.collapse_of(text, margins) for text in options["collapse"]),
        rescale=options["rescale"],
        seed=options["seed"],
    )
    return Survey(
        units,
        weights[weighted],
        {name: its for name, its in margins.items() if name in there},
        rules,
        replace(sheet, cells=sheet.cells.filter(weighted), lines=sheet.lines.filter(weighted)),
        int((~weighted).sum()),
    )


def _wanted(survey: Survey, where: str | None) -> NDArray[np.bool_]:
    """Whom the expression keeps, (n,). Raises Unreadable when that is nobody."""
    if not where:
        return np.ones(len(survey.units), np.bool_)
    wanted = rows_where(where, survey.sheet)
    if not wanted.any():
        raise Unreadable(f"--where {where}: true for no respondent who has a weight")
    return wanted


def _refuse(problems: Sequence[Problem]) -> None:
    """Raises Unreadable with every refusal: where, what, and how to mend it."""
    refusals = [
        ": ".join(
            filter(None, (_place(p.stratum, p.variable, p.category), f"{p.message} ({p.mend})"))
        )
        for p in problems
        if p.severity == "refusal"
    ]
    if refusals:
        raise Unreadable("\n".join(refusals))


def _place(*parts: str) -> str:
    return " / ".join(filter(None, parts))


def _union(text: str) -> tuple[str, list[str]]:
    """NAME=A+B. Raises ValueError."""
    name, _, members = text.partition("=")
    sectors = [member.strip() for member in members.split("+")]
    if not name.strip() or not all(sectors):
        raise ValueError(f"--group {text!r} is not NAME=A+B")
    return name.strip(), sectors


def _bounds(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(bound) for bound in text.split(","))
    except ValueError:
        raise ValueError(f"--bounds {text}: two numbers are needed, such as 0.2,4") from None
    return low, high
