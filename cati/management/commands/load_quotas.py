"""`manage.py load_quotas FILE --wave W --reason R`: exit code 0 when the targets are sound."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cati import clock
from cati.models import Wave
from cati.operations import quota_file
from cati.operations.errors import Refused
from cati.operations.quotas import Order, load_targets


class Command(BaseCommand):
    help = "Load the quota targets of a CSV file (secteur;famille;code;modalité;cible) into a wave."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--wave", required=True, help="the wave's slug")
        parser.add_argument("--reason", default="", help="why, kept with the act")
        parser.add_argument("--dry-run", action="store_true", help="say what would change")

    def handle(self, *args: Any, file: Path, wave: str, **options: Any) -> None:
        into = Wave.objects.filter(slug=wave).first()
        if into is None:
            raise CommandError(_("Aucune vague « %(wave)s ».") % {"wave": wave})
        if not file.is_file():
            raise CommandError(_("Le fichier %(file)s n’existe pas.") % {"file": file})
        try:
            checked = quota_file.check(into, quota_file.read(file.read_bytes()))
            self._tell(checked)
            if not options["dry_run"]:
                order = Order(options["reason"], by=None, now=clock.now())
                changed = load_targets(into, checked.targets, order)
                self.stdout.write(_("%(n)s cibles chargées.") % {"n": changed})
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None

    def _tell(self, checked: quota_file.Checked) -> None:
        """The changes, or the faults; CommandError where there are faults."""
        for number, said in sorted(checked.faults.items()):
            self.stderr.write(_("ligne %(n)s : %(said)s") % {"n": number, "said": " ".join(said)})
        if checked.faults:
            faulty = _("%(n)s lignes à corriger : rien n’est chargé.")
            raise CommandError(faulty % {"n": len(checked.faults)})
        for (sector, family, category), label, before, after in checked.changes:
            where = f"{sector} {family} {category} {label}".strip()
            self.stdout.write(f"{where} : {'—' if before is None else before} → {after}")
