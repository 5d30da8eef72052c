"""Practice: the screens of a wave on invented cases, in a wave of its own that counts nowhere.

Exports, weights, rates and quotas are those of a wave; a practice wave has interviewers alone, so
that nobody can ask for any.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cati.core.demo_sample import RANGE, demo_rows, written
from cati.core.phones import normalise, phone_key
from cati.models import Case, Contact, Membership, Phone, QuotaCell, Role, Sector, User, Wave
from cati.operations.errors import Refused
from cati.operations.setup_wave import create_wave

# Numbers reserved for fiction that the demo does not use: a held one would keep its own back.
NUMBERS = "05 36 49"
BATCH, FEW = 20, 5
# Never full, so that whoever practises meets the questions and not the quota.
TARGET = 1_000


def practise(wave: Wave, user: User, now: datetime) -> Wave:
    """The wave in which `user` practises for `wave`, with its questionnaire and cases to call.

    Refused where the wave has no questionnaire or no sectors yet.
    """
    with transaction.atomic():
        # Two who come first at once: the second finds what the first has made.
        wave = Wave.objects.select_for_update(of=("self",)).get(pk=wave.pk)
        room = Wave.objects.filter(practice_for=wave).first() or _furnished(wave, now)
        if (room.version_id, room.parameters) != (wave.version_id, wave.parameters):
            room.version_id, room.parameters = wave.version_id, wave.parameters
            room.save(update_fields=["version", "parameters"])
        Membership.objects.get_or_create(user=user, wave=room, defaults={"role": Role.INTERVIEWER})
        refill(room, now)
    return room


def refill(room: Wave, now: datetime) -> None:
    """Twenty more invented cases where fewer than five were never rung."""
    with transaction.atomic():
        Wave.objects.select_for_update(of=("self",)).get(pk=room.pk)
        fresh = room.cases.filter(state=Case.State.OPEN, tier=Case.Tier.FRESH, holder=None)
        if fresh.count() < FEW:
            _invent(room, room.cases.count(), now)


def _furnished(wave: Wave, now: datetime) -> Wave:
    if wave.version is None:
        raise Refused({"": _("La vague n’a pas encore de questionnaire : rien à essayer.")})
    surveyed = list(wave.sectors.exclude(kind=Sector.Kind.GROUP))
    if not surveyed:
        raise Refused({"": _("La vague n’a pas encore de secteurs : rien à essayer.")})
    room = create_wave(
        f"{wave.name[:45]}, entraînement", f"{wave.slug[:36]}-entrainement", wave.year,
        now=now, version=wave.version, parameters=wave.parameters, state=Wave.State.OPEN,
    )  # fmt: skip
    Wave.objects.filter(pk=room.pk).update(practice_for=wave)
    room.practice_for = wave
    sectors = Sector.objects.bulk_create(
        Sector(
            wave=room, code=one.code, label=one.label, label_full=one.label_full, kind=one.kind,
            municipality=one.municipality, order=one.order,
        )
        for one in surveyed
    )  # fmt: skip
    QuotaCell.objects.bulk_create(
        QuotaCell(wave=room, sector=sector, target=TARGET) for sector in sectors
    )
    return room


def _invent(room: Wave, made: int, now: datetime) -> None:
    sectors = {sector.code: sector for sector in room.sectors.all()}
    people = [row[2:] for row in demo_rows(dict.fromkeys(sectors, 1), BATCH, made)]
    cases = Case.objects.bulk_create(
        Case(
            wave=room, number=made + rank, frame_sector=sectors[sector], due_at=now,
            jitter=(made + rank) * 0.618 % 1,
        )
        for rank, (_name, _address, sector) in enumerate(people, start=1)
    )  # fmt: skip
    Contact.objects.bulk_create(
        Contact(case=case, name=name, address=address)
        for case, (name, address, _sector) in zip(cases, people, strict=True)
    )
    numbers = [normalise(written(NUMBERS, case.number % RANGE)) for case in cases]
    Phone.objects.bulk_create(
        Phone(case=case, rank=1, e164=e164, phone_key=phone_key(e164, settings.PHONE_KEY_SECRET))
        for case, e164 in zip(cases, numbers, strict=True)
    )
