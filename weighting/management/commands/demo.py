"""`manage.py demo`: make the demo wave where it is missing, begun, and print its accounts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cati import clock
from cati.operations.demo import ACCOUNTS, prepare_demo
from cati.operations.demo_fieldwork import SEED, begin_fieldwork
from cati.operations.errors import Refused
from cati.operations.simulation import targets
from weighting.core.demo_population import demo_sampling


class Command(BaseCommand):
    help = "Make the demo wave, two thirds done, with accounts and 6,000 cases (only where DEMO=1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fresh", action="store_true", help="nobody has been called yet")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            wave = prepare_demo(now)
            if not options["fresh"]:
                begin_fieldwork(wave, demo_sampling(targets(wave), SEED), now)
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None
        self.stdout.write(_("Comptes de démonstration, %(wave)s :") % {"wave": wave.name})
        for account in ACCOUNTS:
            who = f"{account.first_name} {account.last_name}"
            self.stdout.write(
                f"  {account.username:<12}{account.password:<14}{who:<18}{account.role.label}"
            )
