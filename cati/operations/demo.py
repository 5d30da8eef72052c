"""The demo wave: sectors, targets, people, questionnaire and 6,000 invented cases.

Each piece is made where it is missing and left alone where it stands: what was done in the demo
survives the next start. Only where the installation says DEMO: its passwords are public.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils.translation import gettext as _

from cati.core.demo_sample import HEADER, demo_rows
from cati.models import Membership, QuotaCell, Role, User, Wave
from cati.operations.errors import Refused
from cati.operations.import_sample import import_sample
from cati.operations.setup_wave import (
    create_wave,
    demo_shares,
    load_sectors,
    load_targets,
    published_sectors,
    share_targets,
)
from questionnaire.core.load import load_instrument
from questionnaire.models import InstrumentVersion
from questionnaire.operations import publish

NAME, SLUG, YEAR = "Vague 2026", "2026", 2026
SEED = 2026
SIZE = 6_000
INSTRUMENT = "allo_quartiers"
PARAMETERS = {"ANNEE": YEAR, "SELECTION": "quotas", "MODULES": True}

# What later apps make in the demo wave (its margins, …); each leaves alone what is there.
STEPS: list[Callable[[Wave], None]] = []


@dataclass(frozen=True)
class Account:
    """Somebody of the demo; the password is printed at every start."""

    username: str
    first_name: str
    last_name: str
    role: Role
    password: str
    converts_refusals: bool = False


ACCOUNTS = (
    Account("n.benali", "Nadia", "Benali", Role.INTERVIEWER, "demo-enquete"),
    Account("y.chabert", "Yann", "Chabert", Role.INTERVIEWER, "demo-enquete"),
    # Refusals are taken up again by her alone: without anybody they would wait for ever.
    Account(
        "s.mercier", "Sophie", "Mercier", Role.INTERVIEWER, "demo-enquete", converts_refusals=True
    ),
    Account("c.fournier", "Claire", "Fournier", Role.SUPERVISOR, "demo-terrain"),
    Account("a.vidal", "Alain", "Vidal", Role.ADMIN, "demo-gestion"),
)


def prepare_demo(now: datetime, *, size: int = SIZE) -> Wave:
    """The demo wave, complete and open. Refused where DEMO is off, or where its place is taken."""
    if not settings.DEMO:
        off = _("La vague de démonstration n’existe que là où DEMO=1.")
        raise Refused({"": off})
    with transaction.atomic():
        _one_at_a_time()
        wave = _wave(now)
        _create(missing_accounts())
        _enrol(wave)
        if not wave.cases.exists():
            _draw_sample(wave, size, now)
        for step in STEPS:
            step(wave)
    return wave


def missing_accounts() -> list[Account]:
    """The accounts that do not exist yet. Refused where somebody real has such a name."""
    names = [account.username for account in ACCOUNTS]
    found = dict(User.objects.filter(username__in=names).values_list("username", "is_demo"))
    if real := sorted(name for name, is_demo in found.items() if not is_demo):
        taken = _("Ces comptes existent hors de la démonstration : %(names)s.")
        raise Refused({"username": taken % {"names": ", ".join(real)}})
    return [account for account in ACCOUNTS if account.username not in found]


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('demo', 0))")


def _wave(now: datetime) -> Wave:
    if wave := standing_demo(SLUG):
        return wave
    wave = create_wave(
        NAME,
        SLUG,
        YEAR,
        now=now,
        version=_version(now),
        parameters=PARAMETERS,
        state=Wave.State.OPEN,
        is_demo=True,
    )
    load_published_sectors(wave)
    share_targets(wave, demo_shares())
    return wave


def standing_demo(slug: str) -> Wave | None:
    """The demo wave that was made before. Refused where a real wave has its place."""
    wave = Wave.objects.filter(slug=slug).first()
    if wave is not None and not wave.is_demo:
        taken = _("La vague « %(slug)s » existe et n’est pas une démonstration.")
        raise Refused({"slug": taken % {"slug": slug}})
    return wave


def load_published_sectors(wave: Wave) -> None:
    """Give the wave the published sectors, and its cells their targets."""
    rows = published_sectors()
    load_sectors(wave, rows)
    load_targets(wave, {row.code: row.target for row in rows if row.target is not None})


def _version(now: datetime) -> InstrumentVersion:
    folder = settings.BASE_DIR / "questionnaire" / "instruments" / INSTRUMENT
    return publish(load_instrument(folder), name=INSTRUMENT, actor=None, now=now)


def _create(accounts: list[Account]) -> None:
    # A hash is made to take its time; one per password, not per account, keeps the start short.
    hashes = {word: make_password(word) for word in {account.password for account in accounts}}
    User.objects.bulk_create(
        User(
            username=account.username,
            first_name=account.first_name,
            last_name=account.last_name,
            password=hashes[account.password],
            converts_refusals=account.converts_refusals,
            is_demo=True,
        )
        for account in accounts
    )


def _enrol(wave: Wave) -> None:
    """Give each account its role in the wave; a role that was changed meanwhile stays changed."""
    users = {user.username: user for user in User.objects.filter(is_demo=True)}
    Membership.objects.bulk_create(
        (
            Membership(user=users[account.username], wave=wave, role=account.role)
            for account in ACCOUNTS
        ),
        ignore_conflicts=True,
    )


def _draw_sample(wave: Wave, size: int, now: datetime) -> None:
    cells = QuotaCell.objects.filter(wave=wave, family="sector").order_by("sector__order")
    targets: Mapping[str, int] = dict(cells.values_list("sector__code", "target"))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(demo_rows(targets, size, SEED))
    source = io.BytesIO(text.getvalue().encode())
    report = import_sample(wave, source, "demo.csv", by=None, now=now)
    if not report.written:
        raise Refused({"sample": " ".join(refusal.reason for refusal in report.refusals)})
