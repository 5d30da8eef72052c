"""`manage.py demo`: make the demo wave where it is missing, and print its accounts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cati import clock
from cati.operations.demo import ACCOUNTS, prepare_demo
from cati.operations.errors import Refused


class Command(BaseCommand):
    help = "Make the demo wave with its accounts and 6,000 invented cases (only where DEMO=1)."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wave = prepare_demo(clock.now())
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None
        self.stdout.write(_("Comptes de démonstration, %(wave)s :") % {"wave": wave.name})
        for account in ACCOUNTS:
            who = f"{account.first_name} {account.last_name}"
            self.stdout.write(
                f"  {account.username:<12}{account.password:<14}{who:<18}{account.role.label}"
            )
