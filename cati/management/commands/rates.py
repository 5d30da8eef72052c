"""AAPOR outcome rates as JSON: of given counts, without a database, or of a wave."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati.api.rates import IndicatorsSerializer
from cati.core.rates import Share, rates
from cati.core.rates_text import Mistyped, read_counts, read_share
from cati.models import Wave
from cati.queries.rates import BREAKDOWNS, indicators


class Command(BaseCommand):
    help = (
        "Prints response, cooperation, refusal and contact rates as JSON, null where a rate is not "
        "defined: of --counts, without a database, or of the calls of --wave."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--counts", metavar="I=4,P=2,…", help="cases by class of the standard")
        source.add_argument("--wave", help="slug of the wave, such as 2026")
        parser.add_argument("--by", choices=BREAKDOWNS)
        parser.add_argument(
            "--e",
            metavar="SHARE",
            help="share of the unknown cases that is eligible, such as 0.9 or UH=0.4,UR=0.9;"
            " computed by default",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["counts"] is not None and options["by"]:
            raise CommandError("--by: counts have no groups; give --wave, or leave --by out")
        printed = _of_wave(options) if options["counts"] is None else _of_counts(options)
        self.stdout.write(json.dumps(printed, indent=2, ensure_ascii=False))


def _of_counts(options: dict[str, Any]) -> dict[str, Any]:
    try:
        counts = read_counts(options["counts"])
    except Mistyped as slip:
        raise CommandError(f"--counts: {slip}") from slip
    return asdict(rates(counts, _share(options)))


def _of_wave(options: dict[str, Any]) -> Any:
    wave = Wave.objects.filter(slug=options["wave"]).first()
    if wave is None:
        raise CommandError(f"--wave: no wave is called {options['wave']!r}")
    found = indicators(wave, options["by"] or "", _share(options))
    return IndicatorsSerializer(found).data


def _share(options: dict[str, Any]) -> Share | None:
    try:
        return None if options["e"] is None else read_share(options["e"])
    except Mistyped as slip:
        raise CommandError(f"--e: {slip}") from slip
