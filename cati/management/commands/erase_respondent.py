"""`manage.py erase_respondent`: erase a person, or what one of her consents had opened.

Needs the role that migrates: DATABASE_OWNER_URL, beside DATABASE_URL.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _

from cati import clock
from cati.models import Case, User
from cati.operations.erase import Erased, Order, erase_case, erase_number, withdraw_consent
from cati.operations.errors import Refused


class Command(BaseCommand):
    help = "Erase the number, name and answers of a person; who, when and why is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", nargs="?", help="a telephone number, in every wave")
        parser.add_argument("--case", type=int, help="or a case of --wave, by its number")
        parser.add_argument("--wave", help="the wave's slug")
        parser.add_argument(
            "--consent", metavar="ITEM", help="erase only what this consent of the case had opened"
        )
        parser.add_argument("--by", required=True, help="the account of whoever answers for it")
        parser.add_argument("--reason", required=True, help="kept for ever; name nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            by = User.objects.filter(username=options["by"], is_active=True).first()
            if by is None:
                raise CommandError(_("Aucun compte « %(name)s ».") % {"name": options["by"]})
            order = Order(options["reason"], by, clock.now())
            try:
                erased = self._erase(order, **options)
            except Refused as refusal:
                raise CommandError(" ".join(refusal.messages.values())) from None
        told = _("Fiches : %(cases)s. Lignes du journal vidées : %(events)s. Fichiers : %(files)s.")
        self.stdout.write(told % vars(erased))

    def _erase(self, order: Order, **options: Any) -> Erased:
        number, case, consent = options["number"], options["case"], options["consent"]
        if (number is None) == (case is None) or (consent and number):
            raise CommandError(_("Donnez un numéro, ou --case avec --wave (et --consent)."))
        if number is not None:
            return erase_number(number, order)
        found = Case.objects.filter(wave__slug=options["wave"], number=case).first()
        if found is None:
            raise CommandError(_("Aucune fiche %(number)s dans cette vague.") % {"number": case})
        if consent:
            return withdraw_consent(found.pk, consent, order)
        return erase_case(found.pk, order)


@contextmanager
def as_owner() -> Iterator[None]:
    """Have this thread work as the owner of the tables, where its connection is configured."""
    if "owner" not in connections:
        yield
        return
    usual = connections["default"]
    connections["default"] = connections["owner"]
    try:
        yield
    finally:
        connections["default"] = usual
