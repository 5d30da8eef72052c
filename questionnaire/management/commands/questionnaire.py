"""`questionnaire check | walk | publish`: on plain files; only `publish` opens the database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from questionnaire import operations
from questionnaire.core import check
from questionnaire.core.errors import InstrumentErrors
from questionnaire.core.load import load_instrument
from questionnaire.core.walk import Unfit, walk


class Command(BaseCommand):
    help = "Check a questionnaire, walk it with given answers, or publish it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, text in (
            ("check", "print every error and warning, and the figures; exit 1 on an error"),
            ("walk", "print as JSON what a respondent with these answers is asked"),
            ("publish", "freeze the questionnaire as the next version of a name"),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("path", type=Path, metavar="PATH")
            if name == "walk":
                action.add_argument("--answers", type=Path, required=True, metavar="FILE.json")
            if name == "publish":
                action.add_argument("--name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        act = {"check": self.check_files, "walk": self.walk, "publish": self.publish}
        try:
            act[options["action"]](options)
        except InstrumentErrors as errors:
            raise CommandError(str(errors)) from errors

    def check_files(self, options: dict[str, Any]) -> None:
        report = check.examine(options["path"])
        for problem in report.problems:
            self.stdout.write(str(problem))
        errors = [one for one in report.problems if one.severity == "error"]
        if report.figures is not None:
            self.stdout.write(report.figures.text())
        self.stdout.write(
            f"{len(errors)} error(s), {len(report.problems) - len(errors)} warning(s)"
        )
        if errors:
            raise CommandError("The questionnaire cannot be used as it is.")

    def walk(self, options: dict[str, Any]) -> None:
        instrument = load_instrument(options["path"])
        try:
            answers = json.loads(options["answers"].read_text(encoding="utf-8"))
            walked = walk(instrument, answers)
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['answers']}: {error}") from error
        except Unfit as unfit:
            raise CommandError("\n".join(unfit.messages)) from unfit
        self.stdout.write(json.dumps(walked, ensure_ascii=False, indent=2))

    def publish(self, options: dict[str, Any]) -> None:
        instrument = load_instrument(options["path"])
        version = operations.publish(
            instrument, name=options["name"], actor=None, now=_database_time()
        )
        self.stdout.write(f"{version} {version.hash}")


def _database_time() -> datetime:
    """The database's own time: the one clock that every date of the product comes from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
    moment: datetime = now
    return moment
