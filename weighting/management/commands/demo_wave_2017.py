"""`manage.py demo_wave_2017`: make the wave of 2017 anew from what was published of it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cati import clock
from cati.operations.errors import Refused
from weighting import queries
from weighting.operations.wave_2017 import prepare_wave_2017


class Command(BaseCommand):
    help = "Make the wave of 2017: synthetic interviews whose tables are those published."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wave = prepare_wave_2017(clock.now())
        except Refused as refused:
            raise CommandError(" ".join(refused.messages.values())) from None
        said = _("Vague « %(name)s » : %(n)s entretiens, synthétiques.")
        self.stdout.write(said % {"name": wave.name, "n": queries.counted(wave).count()})
