"""Release a random part of the sample: from then on its cases are called, and count in the rates.

It is not taken back: a part that was called is part of the sample.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from cati.models import Case, Replicate, User, Wave
from cati.operations.errors import Refused


def release_replicate(wave: Wave, number: int, by: User, now: datetime) -> None:
    """Release the replicate. Refused where it is released already, or is none of the wave's."""
    waiting = Replicate.objects.filter(wave=wave, number=number, released_at__isnull=True)
    if not waiting.update(released_at=now, released_by=by):
        released = _("Le réplicat %(number)s n’attend pas d’être libéré.")
        raise Refused({"": released % {"number": number}})


def is_held_back(case: Case) -> bool:
    """Whether the case is of a part that waits: nobody may call it yet."""
    waiting = Replicate.objects.filter(
        wave=case.wave_id, number=case.replicate, released_at__isnull=True
    )
    return waiting.exists()
