"""Write the weighted dataset of a wave, with its dictionary, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati.models import Wave
from weighting.exports.dataset import Dataset, dataset_of
from weighting.exports.job import FORMATS, file_name, run_of
from weighting.models import WeightingRun


class Command(BaseCommand):
    help = "Writes the weighted dataset of a wave and its dictionary; XLSX holds both in one file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wave", required=True, help="slug of the wave, such as 2026")
        parser.add_argument("--format", required=True, choices=[*FORMATS])
        parser.add_argument("--out", required=True, type=Path, metavar="DIR")
        parser.add_argument("--run", type=int, help="its number; the official one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        wave = Wave.objects.filter(slug=options["wave"]).first()
        if wave is None:
            raise CommandError(f"no wave {options['wave']!r}")
        run = run_of(wave, options["run"])
        if run is None:
            raise CommandError(
                "aucun calage officiel : lancez-en un et rendez-le officiel, ou donnez --run"
            )
        dataset, out = dataset_of(run), Path(options["out"])
        out.mkdir(parents=True, exist_ok=True)
        forms = [options["format"]]
        if options["format"] in ("csv-codes", "csv-labels"):
            forms.append("csv-dictionary")
        for form in forms:
            self.stdout.write(str(_written(dataset, run, form, out)))


def _written(dataset: Dataset, run: WeightingRun, form: str, out: Path) -> Path:
    """The file, under its name only once it is whole."""
    target = out / file_name(run, form)
    draft = out / f".{uuid4().hex}.part"
    try:
        FORMATS[form].write(dataset, draft, lambda rows: None)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target
