"""`manage.py flash THEME --wave W --out DIR`: the page as HTML and PDF, and a CSV of its cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati.models import Wave
from cati.operations.errors import Refused
from weighting.exports.job import run_of
from weighting.flash import cells, html, pdf
from weighting.flash.answers import ADULTS, INHABITANTS, answers_of
from weighting.flash.page import description, names, page_of
from weighting.flash.published import compared

WEIGHTS = {"adults": ADULTS, "inhabitants": INHABITANTS}


class Command(BaseCommand):
    help = "Writes a Flash: the page to print as HTML and PDF, and every cell of it as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        known = ", ".join(names())
        parser.add_argument("theme", help=f"a page that is supplied ({known}), or a YAML file")
        parser.add_argument("--wave", required=True, help="slug of the wave, such as 2017")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR")
        parser.add_argument("--run", type=int, help="its number; the official one by default")
        parser.add_argument("--weights", choices=[*WEIGHTS], default="inhabitants")

    def handle(self, *args: Any, **options: Any) -> None:
        wave = Wave.objects.filter(slug=options["wave"]).first()
        if wave is None:
            raise CommandError(f"no wave {options['wave']!r}")
        run = run_of(wave, options["run"])
        if run is None:
            raise CommandError(
                "aucun calage officiel : lancez-en un et rendez-le officiel, ou donnez --run"
            )
        name = Path(options["theme"]).stem
        try:
            answers = answers_of(run, WEIGHTS[options["weights"]])
            page = page_of(answers, description(options["theme"]), name)
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None
        out = Path(options["out"])
        out.mkdir(parents=True, exist_ok=True)
        stem = f"flash-{name}-{wave.slug}"
        html.standalone(page, out / f"{stem}.html")
        pdf.write(page, out / f"{stem}.pdf")
        cells.write_csv(out / f"{stem}.csv", cells.of_page(page))
        for suffix in ("html", "pdf", "csv"):
            self.stdout.write(str(out / f"{stem}.{suffix}"))
        for said in compared(page):
            self.stdout.write(said)
