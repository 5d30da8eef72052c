"""`manage.py simulate`: virtual interviewers and respondents play the real screens over HTTP."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati import clock
from cati.core.dispositions import BY_CODE
from cati.core.encounters import Script, scripts
from cati.models import QuotaCell, Wave
from cati.operations.errors import Refused
from cati.operations.simulation import (
    PASSWORD,
    counted,
    prospects,
    simulated_interviewers,
    targets,
)
from questionnaire.queries import program_of
from weighting.core.demo_population import demo_sampling
from weighting.management.simulation.browser import Browser
from weighting.management.simulation.interviewer import Interviewer
from weighting.management.simulation.room import Room, Tally, stranger
from weighting.management.simulation.server import served


class Command(BaseCommand):
    help = "Play a demo wave through its HTTP screens: claim, dial, answer, repair, outcome."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wave", default="2026")
        parser.add_argument("--interviews", type=int, default=20, help="to be counted in this run")
        parser.add_argument("--interviewers", type=int, default=4, help="at work at once")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--think", type=float, default=0.0, help="seconds before each answer")
        parser.add_argument("--url", default="http://localhost:8000/")
        parser.add_argument("--serve", action="store_true", help="on a web server of its own")

    def handle(self, *args: Any, **options: Any) -> None:
        wave = Wave.objects.select_related("version").filter(slug=options["wave"]).first()
        if wave is None or wave.version is None:
            raise CommandError(f"No wave {options['wave']} with a questionnaire.")
        before = counted(wave)
        began = time.monotonic()
        with served() if options["serve"] else nullcontext(options["url"]) as url:
            room = self.room(wave, options)
            tally = room.work(self.team(wave, url, options))
        self.report(tally, counted(wave) - before, time.monotonic() - began)
        self.report_sectors(wave)
        if tally.errors:
            sys.exit(1)

    def room(self, wave: Wave, options: dict[str, Any]) -> Room:
        """The scripts of every open case, and the number of interviews that are wanted."""
        seed = str(options["seed"])
        sampling = demo_sampling(targets(wave), seed)
        written = scripts(prospects(wave), sampling, seed, wave.year)
        if not written:
            raise CommandError("The wave has no case to call.")
        anybody: Script = next(iter(written.values()))
        return Room(options["interviews"], written, stranger(anybody))

    def team(self, wave: Wave, url: str, options: dict[str, Any]) -> list[Interviewer]:
        assert wave.version is not None
        try:
            users = simulated_interviewers(wave, options["interviewers"], clock.now())
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None
        instrument = program_of(wave.version).instrument
        return [
            Interviewer(
                user.username, PASSWORD, wave.slug, Browser(url), instrument, options["think"]
            )
            for user in users
        ]

    def report(self, tally: Tally, interviews: int, seconds: float) -> None:
        rows = [
            ("calls", f"{tally.outcomes.total():,}"),
            ("interviews counted", f"{interviews:,}"),
            ("answers", f"{tally.answers:,}"),
            ("answers changed", f"{tally.repairs:,}"),
            ("seconds", f"{seconds:,.0f}"),
            ("answers per second", f"{tally.answers / seconds:,.0f}"),
            ("answer p50, ms", f"{1000 * tally.percentile(50):,.0f}"),
            ("answer p95, ms", f"{1000 * tally.percentile(95):,.0f}"),
            ("errors", f"{len(tally.errors):,}"),
        ]
        for name, figure in rows:
            self.stdout.write(f"{name:<24}{figure:>10}")
        for code, times in sorted(tally.outcomes.items()):
            self.stdout.write(f"  {code} {BY_CODE[code].label:<30}{times:>8,}")
        for error in tally.errors[:20]:
            self.stderr.write(error)

    def report_sectors(self, wave: Wave) -> None:
        cells = QuotaCell.objects.filter(wave=wave, family="sector").order_by("sector__order")
        for code, target, done in cells.values_list("sector__code", "target", "counted"):
            self.stdout.write(f"  {code:<6}{done:>6,} of {target:,}")
