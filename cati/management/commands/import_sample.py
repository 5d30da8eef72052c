"""`manage.py import_sample FILE --wave W`: exit code 0 when cases were written."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cati import clock
from cati.core.sample_columns import FIELDS
from cati.models import SampleUpload, Wave
from cati.operations.import_sample import ImportReport, import_sample
from cati.operations.sample_faults import Refusal

ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 (BOM)", "cp1252": "cp1252 (Windows)"}
SEPARATORS = {",": "« , »", ";": "« ; »", "\t": "TAB"}


class Command(BaseCommand):
    help = "Add the cases of a CSV or XLSX file (phones, name, address, sector) to a wave."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--wave", required=True, help="the wave's slug")
        parser.add_argument(
            "--skip-bad",
            action="store_true",
            help="import the good rows, and write the others to FILE.refused.csv",
        )
        parser.add_argument(
            "--columns",
            metavar="FIELD,FIELD,…",
            help="what each column is, in order, where the headings do not say it: "
            f"{', '.join(FIELDS)}, preload:NAME, or nothing for a column that is not read",
        )
        parser.add_argument(
            "--earlier",
            choices=SampleUpload.Earlier.values,
            default=SampleUpload.Earlier.ACCEPT,
            help="what becomes of a number that another wave had",
        )

    def handle(self, *args: Any, file: Path, wave: str, **options: Any) -> None:
        try:
            into = Wave.objects.get(slug=wave)
        except Wave.DoesNotExist:
            known = ", ".join(Wave.objects.order_by("slug").values_list("slug", flat=True)) or _(
                "aucune"
            )
            unknown = _("Aucune vague « %(wave)s ». Vagues : %(known)s.")
            raise CommandError(unknown % {"wave": wave, "known": known}) from None
        if not file.is_file():
            raise CommandError(_("Le fichier %(file)s n’existe pas.") % {"file": file})
        report = self._import(file, into, options)
        self._tell(report, file)
        if not report.written:
            sys.exit(1)

    def _import(self, file: Path, wave: Wave, options: dict[str, Any]) -> ImportReport:
        skip_bad, columns = options["skip_bad"], options["columns"]
        part, refused = (file.with_name(f"{file.name}.{end}") for end in ("part", "refused.csv"))
        with ExitStack() as stack:
            target = None
            if skip_bad:
                # The mark lets spreadsheets read the accents.
                opened = part.open("w", encoding="utf-8-sig", newline="")
                target = stack.enter_context(opened)
                stack.callback(part.unlink, missing_ok=True)
            source = stack.enter_context(file.open("rb"))
            report = import_sample(
                wave,
                source,
                file.name,
                by=None,
                now=clock.now(),
                skip_bad=skip_bad,
                refused_to=target,
                fields=None if columns is None else columns.split(","),
                earlier=options["earlier"],
            )
            if target and report.refused:
                target.close()
                part.replace(refused)
                self.stdout.write(_("Lignes refusées : %(file)s") % {"file": refused})
        return report

    def _tell(self, report: ImportReport, file: Path) -> None:
        if report.encoding == "xlsx":
            self.stdout.write(_("%(file)s : classeur, première feuille.") % {"file": file.name})
        elif report.encoding:
            self.stdout.write(
                _("%(file)s : encodage %(encoding)s, séparateur %(separator)s.")
                % {
                    "file": file.name,
                    "encoding": ENCODINGS[report.encoding],
                    "separator": SEPARATORS[report.separator],
                }
            )
        if report.unread:
            names = ", ".join(report.unread)
            self.stdout.write(_("Colonnes non lues : %(names)s.") % {"names": names})
        for refusal in report.refusals:
            self.stderr.write(_line(refusal))
        counts = {"accepted": report.accepted, "refused": report.refused}
        if report.written:
            self.stdout.write(
                _("Fiches importées : %(accepted)s. Lignes refusées : %(refused)s.") % counts
            )
        else:
            self.stdout.write(
                _("Rien n’est importé, la vague est inchangée. Lignes refusées : %(refused)s.")
                % counts
            )


def _line(refusal: Refusal) -> str:
    """« ligne 12, telephone « 0473 » : Le numéro est trop court. Vérifiez … »"""
    place = _("ligne %(line)s") % {"line": refusal.line} if refusal.line else _("fichier")
    if refusal.column:
        place += f", {refusal.column}"
    if refusal.value:
        place += f" « {refusal.value} »"
    return f"{place} : {refusal.reason} {refusal.mend}"
