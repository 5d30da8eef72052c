"""A demo wave small enough to be played in a test: one sector, and the themes that weights need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from cati.core.phones import phone_key
from cati.models import Case, Contact, Phone, Role, User, Wave
from cati.operations.setup_wave import (
    create_wave,
    load_sectors,
    load_targets,
    published_sectors,
)
from questionnaire.core.instrument import from_json
from questionnaire.operations import publish
from tests.world import PARAMETERS, content, fictional, person

THEMES = ("S", "PRO", "NUM", "F")


def short_wave(now: datetime, *, sector: str, target: int, cases: int) -> Wave:
    """An open demo wave with an interviewer of the demo, called « n.benali »."""
    whole = from_json(content())
    short = replace(whole, themes=tuple(one for one in whole.themes if one.code in THEMES))
    wave = create_wave(
        "Vague courte",
        "2026",
        2026,
        now=now,
        version=publish(short, name="court", actor=None, now=now),
        parameters=PARAMETERS,
        state=Wave.State.OPEN,
        is_demo=True,
    )
    rows = [replace(row, parent="", reference="") for row in published_sectors()]
    sectors = load_sectors(wave, [row for row in rows if row.code == sector])
    load_targets(wave, {sector: target})
    nadia = person("n.benali", "Nadia", "Benali", interviewer=wave)
    User.objects.filter(pk=nadia.pk).update(is_demo=True)
    person("a.vidal", "Alain", "Vidal", **{Role.ADMIN: wave})
    created = Case.objects.bulk_create(
        Case(
            wave=wave,
            number=number,
            frame_sector=sectors[sector],
            due_at=now - timedelta(minutes=1),
            jitter=(number * 0.618) % 1,
        )
        for number in range(1, cases + 1)
    )
    Contact.objects.bulk_create(Contact(case=case, name=f"Foyer {case.number}") for case in created)
    Phone.objects.bulk_create(
        Phone(
            case=case,
            e164=fictional(case.number),
            phone_key=phone_key(fictional(case.number), settings.PHONE_KEY_SECRET),
        )
        for case in created
    )
    return wave
