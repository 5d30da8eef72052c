"""Write the weighted dataset of a wave, with what goes with it, into a folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati.models import Wave
from cati.operations.jobs import Refusal
from weighting.exports.dataset import Dataset, dataset_of
from weighting.exports.files import Target
from weighting.exports.formats import FORMATS, Format
from weighting.exports.job import run_of, stem_of
from weighting.exports.records import Records

# The dictionary goes with the CSV that needs it.
WITH = {"csv-codes": "csv-dictionary", "csv-labels": "csv-dictionary"}


class Command(BaseCommand):
    # They load every page of the site, which is a second of the command.
    requires_system_checks = []
    help = "Writes the weighted dataset of a wave, and what goes with it, into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wave", required=True, help="slug of the wave, such as 2026")
        parser.add_argument("--format", required=True, choices=[*FORMATS])
        parser.add_argument("--out", required=True, type=Path, metavar="DIR")
        parser.add_argument("--run", type=int, help="its number; the official one by default")
        parser.add_argument(
            "--raw", action="store_true", help="leave texts that begin a formula as they are"
        )
        parser.add_argument(
            "--paradata", action="store_true", help="with the times and calls of each interview"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wave = Wave.objects.filter(slug=options["wave"]).first()
        if wave is None:
            raise CommandError(f"no wave {options['wave']!r}")
        form = options["format"]
        source = _source(wave, FORMATS[form], options["run"], options["paradata"])
        out = Path(options["out"])
        out.mkdir(parents=True, exist_ok=True)
        # Each file appears under its name only once all are whole.
        with TemporaryDirectory(prefix=".", dir=out) as draft:
            to = Target(Path(draft), stem_of(wave, source.run), options["raw"])
            forms = [one for one in (form, WITH.get(form)) if one]
            try:
                paths = [path for one in forms for path in FORMATS[one].write(source, to)]
            except Refusal as refusal:
                raise CommandError(str(refusal)) from refusal
            for path in paths:
                self.stdout.write(str(path.replace(out / path.name)))


def _source(wave: Wave, form: Format, number: int | None, paradata: bool) -> Dataset | Records:
    if form.of_wave is not None:
        return form.of_wave(wave)
    run = run_of(wave, number)
    if run is None:
        raise CommandError(
            "aucun calage officiel : lancez-en un et rendez-le officiel, ou donnez --run"
        )
    return dataset_of(run, paradata=paradata)
