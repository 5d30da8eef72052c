"""Load the margins of a wave, and the collapses declared before fieldwork, from CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati import clock
from cati.models import Wave
from cati.operations.errors import Refused
from weighting.operations.margins import collapses_in, load_file


class Command(BaseCommand):
    help = (
        "Replaces the margins of a wave by those of MARGINS, a CSV or XLSX file, whole or not at "
        "all; earlier ones stay in the history. Columns: sector, criterion, category_code, "
        "category, pct or total, unit, universe, status, or their French names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("margins", type=Path, metavar="MARGINS")
        parser.add_argument("--wave", required=True, help="slug of the wave, such as 2026")
        parser.add_argument("--collapses", type=Path, metavar="COLLAPSES.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        wave = Wave.objects.filter(slug=options["wave"]).first()
        if wave is None:
            raise CommandError(f"no wave {options['wave']!r}")
        try:
            collapses = collapses_in(options["collapses"]) if options["collapses"] else []
            path = Path(options["margins"])
            loaded = load_file(wave, path, collapses, None, clock.now())
        except (Refused, OSError, UnicodeDecodeError) as error:
            messages = error.messages.values() if isinstance(error, Refused) else [str(error)]
            raise CommandError("\n".join(messages)) from error
        self.stdout.write(f"{loaded} totals, {len(collapses)} collapses")
