"""The shared cast: one wave that calls, another one, who works in them, and a tiny sample.

`world` is what nearly every test of the fieldwork stands on. Numbers are reserved for fiction, and
`NOW` is a Tuesday in the past, at 15:00 in Clermont-Ferrand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client

from cati.core.phones import normalise, phone_key
from cati.models import Case, Contact, Membership, Phone, QuotaCell, Role, Sector, User, Wave
from cati.operations.setup_wave import (
    create_wave,
    load_sectors,
    load_targets,
    published_sectors,
)
from questionnaire.core.instrument import content_hash, to_json
from questionnaire.core.load import load_instrument
from questionnaire.models import InstrumentVersion
from tests.replay import again

NOW = datetime(2026, 3, 17, 14, 0, tzinfo=UTC)
PARAMETERS = {"ANNEE": 2026, "SELECTION": "quotas", "MODULES": True}
PASSWORD = "quatre mots de passe"
# One round instead of a million: the tests log in, they do not guard secrets.
HASH = PBKDF2PasswordHasher().encode(PASSWORD, salt="world", iterations=1)
SAMPLE = ("CN", "CN", "VE", "VE", "T1", "T1")


def fictional(number: int) -> str:
    """The `number`-th of 10,000 numbers reserved for fiction, in E.164."""
    return normalise(f"01 99 00 {number // 100:02d} {number % 100:02d}")


@dataclass
class World:
    """Rows of the test database, by the names that tests use for them.

    Nadia and Yann are interviewers, Claire the supervisor, Alain the admin of `wave`; Oscar, the
    outsider, is admin of `other_wave` alone. `cells` are the sector cells of `wave` by code.
    """

    wave: Wave
    other_wave: Wave
    nadia: User
    yann: User
    claire: User
    alain: User
    oscar: User
    sectors: dict[str, Sector]
    cells: dict[str, QuotaCell]
    cases: list[Case] = field(default_factory=list)
    now: datetime = NOW
    numbers: int = 0

    def add_case(
        self, sector: str = "CN", *, phones: int = 1, shares: Case | None = None, **fields: Any
    ) -> Case:
        """One more open case, due now; with `shares`, it has the first number of that case too."""
        case = Case.objects.create(
            wave=self.wave,
            number=len(self.cases) + 1,
            frame_sector=self.sectors[sector],
            **{"due_at": self.now - timedelta(minutes=1)} | fields,
        )
        Contact.objects.create(
            case=case, name=f"Personne {case.number}", address=f"{case.number} rue des Tests"
        )
        numbers = [fictional(self.numbers + rank) for rank in range(1, phones + 1)]
        self.numbers += phones
        if shares is not None:
            numbers[0] = shares.phones.first().e164  # type: ignore[union-attr]
        Phone.objects.bulk_create(
            Phone(
                case=case,
                rank=rank,
                e164=number,
                phone_key=phone_key(number, settings.PHONE_KEY_SECRET),
            )
            for rank, number in enumerate(numbers, start=1)
        )
        self.cases.append(case)
        return case

    def client(self, user: User) -> Client:
        """A browser in which `user` is logged in."""
        client = Client()
        client.force_login(user)
        return client


def person(username: str, first: str, last: str, **roles: Wave) -> User:
    """Somebody with one role per wave: `person("x", "X", "Y", admin=wave)`."""
    user = User.objects.create(username=username, first_name=first, last_name=last, password=HASH)
    Membership.objects.bulk_create(
        Membership(user=user, wave=wave, role=Role(role)) for role, wave in roles.items()
    )
    return user


@cache
def content() -> dict[str, Any]:
    """The survey's own questionnaire as a version keeps it, read once per run."""
    folder = settings.BASE_DIR / "questionnaire" / "instruments" / "allo_quartiers"
    return to_json(load_instrument(folder))


@pytest.fixture
def instrument(db: None) -> InstrumentVersion:
    """The survey's own questionnaire, published."""
    return again("instrument", _published)


def _published() -> InstrumentVersion:
    return InstrumentVersion.objects.create(
        name="allo_quartiers",
        number=1,
        content=content(),
        hash=content_hash(content()),
        published_at=NOW,
    )


@pytest.fixture
def world(instrument: InstrumentVersion) -> World:
    """The whole cast, with six cases in three sectors, the sixth with two numbers."""
    return again("world", lambda: _cast(instrument))


def _cast(instrument: InstrumentVersion) -> World:
    both: Any = {"now": NOW, "version": instrument, "parameters": PARAMETERS, "state": "open"}
    wave = create_wave("Vague 2026", "2026", 2026, **both)
    other = create_wave("Vague 2025", "2025", 2025, **both)
    rows = published_sectors()
    sectors = load_sectors(wave, rows)
    targets = {row.code: row.target for row in rows if row.target is not None}
    cells = {cell.sector.code: cell for cell in load_targets(wave, targets, allowance=0)}
    world = World(
        wave=wave,
        other_wave=other,
        nadia=person("nadia", "Nadia", "Benali", interviewer=wave),
        yann=person("yann", "Yann", "Chabert", interviewer=wave),
        claire=person("claire", "Claire", "Fournier", supervisor=wave),
        alain=person("alain", "Alain", "Vidal", admin=wave),
        oscar=person("oscar", "Oscar", "Weber", admin=other),
        sectors=sectors,
        cells=cells,
    )
    for number, sector in enumerate(SAMPLE, start=1):
        world.add_case(sector, phones=2 if number == len(SAMPLE) else 1)
    return world
