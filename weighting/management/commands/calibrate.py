"""Calibrate a plain file of respondents on a plain file of margins; no database is needed."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from weighting.core import plain_files, plain_results
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.methods import method_named
from weighting.core.plain_files import option_of
from weighting.core.proposals import Proposal, proposals
from weighting.core.results import Calibration

REFUSED, UNREADABLE = 2, 1


class Command(BaseCommand):
    help = (
        "Calibrates UNITS.csv on MARGINS.csv inside each stratum. Exit 0: all converged; "
        "2: a stratum was refused; 1: the input cannot be read."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("units", type=Path, metavar="UNITS.csv")
        parser.add_argument("--margins", type=Path, required=True, metavar="MARGINS.csv")
        parser.add_argument("--id", required=True, help="column that names a respondent")
        parser.add_argument("--by", help="column of the stratum, in both files")
        parser.add_argument("--weight", help="column of the initial weight; 1 for all by default")
        parser.add_argument(
            "--method", choices=["raking", "linear", "logit", "truncated"], default="raking"
        )
        parser.add_argument("--bounds", metavar="L,U", help="bounds of g, such as 0.2,4")
        parser.add_argument(
            "--missing",
            choices=["refuse", "category", "hot_deck"],
            default="refuse",
            help="what to do with an unanswered criterion",
        )
        parser.add_argument("--seed", type=int, default=0, help="of the hot deck")
        parser.add_argument("--rule", help="whose total rules: first, or a criterion")
        parser.add_argument(
            "--rescale",
            action="store_true",
            help="bring initial weights to the population of their stratum first",
        )
        parser.add_argument(
            "--collapse", action="append", default=[], metavar="[STRATUM/]VARIABLE:A+B"
        )
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="WEIGHTS.csv")
        parser.add_argument("--report", type=Path, metavar="REPORT.json")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """argparse exits with 2 for an option that it does not know; here 2 says "refused"."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.exit = _exit  # type: ignore[method-assign]
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = _calibrated(options)
            proposed = proposals(result)
            plain_results.write_weights(options["output"], result)
            if options["report"]:
                initial = options["weight"] or "1"
                plain_results.write_report(options["report"], result, initial, proposed)
        except (plain_files.Unreadable, ValueError, OSError) as error:
            raise CommandError(str(error), returncode=UNREADABLE) from error
        self._tell(result, proposed)
        if not result.converged:
            raise SystemExit(REFUSED)

    def _tell(self, result: Calibration, proposed: Iterable[Proposal]) -> None:
        for problem in result.problems:
            place = " / ".join(filter(None, (problem.stratum, problem.variable, problem.category)))
            where = f"{place}: " if place else ""
            self.stderr.write(f"{problem.severity}: {where}{problem.message} ({problem.mend})")
        for proposal in proposed:
            options = " ".join(f"--collapse {option_of(c)!r}" for c in proposal.collapses)
            self.stderr.write(f"proposal: {proposal.stratum} would converge with {options}")
        converged = sum(stratum.converged for stratum in result.strata)
        self.stdout.write(f"{converged} of {len(result.strata)} strata converged")


def _exit(status: int = 0, message: str | None = None) -> NoReturn:
    if message:
        sys.stderr.write(message)
    sys.exit(UNREADABLE if status else 0)


def _calibrated(options: dict[str, Any]) -> Calibration:
    margins = plain_files.read_margins(options["margins"], options["by"])
    units = plain_files.read_units(
        options["units"],
        margins,
        id_column=options["id"],
        by=options["by"],
        weight=options["weight"],
    )
    rules = Rules(
        missing=options["missing"],
        rule=options["rule"],
        collapses=tuple(plain_files.collapse_of(text, margins) for text in options["collapse"]),
        rescale=options["rescale"],
        seed=options["seed"],
    )
    return calibrate(units, margins, method_named(options["method"], _bounds(options)), rules)


def _bounds(options: dict[str, Any]) -> tuple[float, float] | None:
    if options["bounds"] is None:
        return None
    low, comma, high = options["bounds"].partition(",")
    if not comma:
        raise ValueError(f"--bounds {options['bounds']}: two numbers are needed, such as 0.2,4")
    return float(low), float(high)
