"""The demo wave.

1. It is complete: open, calling at every hour, with a questionnaire, people, targets and a sample.
2. The sample is invented, rings nobody, and is the same each time.
3. A second start changes nothing that was done in between.
4. It exists only where DEMO is on, and takes nothing that is somebody's.
"""

from __future__ import annotations

import csv
from collections import Counter

import phonenumbers
import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from pytest_django import Settings

from cati.core.demo_sample import demo_rows
from cati.core.scheduling import may_call
from cati.models import Case, Membership, Phone, QuotaCell, User, Wave
from cati.operations.demo import ACCOUNTS, SIZE, prepare_demo
from cati.operations.errors import Refused
from cati.operations.setup_wave import demo_shares
from tests.clients import clients
from tests.world import HASH, NOW
from weighting.core.demo import DEMO

pytestmark = pytest.mark.slow

# As ARCEP lists them (decision 2018-0881), not as the product does.
FICTION = ("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")
TARGETS = {"CN": 105, "CO": 85, "QVA": 90, "T1": 410, "T2": 300}


@pytest.fixture
def wave(db: None, settings: Settings) -> Wave:
    """The demo wave with a small sample, which is all that most tests need."""
    # Passwords here are made to be read by a test, and not to withstand anybody.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return prepare_demo(NOW, size=150)


# 1. Complete.


def test_the_wave_is_open_at_every_hour_with_a_published_questionnaire(wave: Wave) -> None:
    assert (wave.slug, wave.name, wave.is_demo, wave.state) == ("2026", "Vague 2026", True, "open")
    assert may_call(wave.calling_hours, NOW.replace(hour=3))
    assert wave.version is not None
    assert wave.version.name == "allo_quartiers"
    assert wave.parameters["ANNEE"] == 2026


def test_the_targets_are_those_of_the_survey(wave: Wave) -> None:
    sectors = QuotaCell.objects.filter(wave=wave, family="sector")
    assert sectors.count() == 10
    assert sum(cell.target for cell in sectors) == 1500


def test_each_family_shares_out_its_sector(wave: Wave) -> None:
    sums = QuotaCell.objects.filter(wave=wave).order_by().values_list("family", "sector__code")
    by_family = {(family, sector): n for family, sector, n in sums.annotate(Sum("target"))}
    families = {family for family, _sector in by_family}
    assert families == {"sector", "sexe", "age", "emploi", "composition", "occupation"}
    for (_family, sector), total in by_family.items():
        assert total == by_family["sector", sector]


def test_the_shares_are_those_of_the_margins() -> None:
    names = {"composition": "composition_familiale", "occupation": "statut_occupation"}
    with (DEMO / "margins_demo.csv").open(encoding="utf-8-sig") as lines:
        margins = {
            (row["sector"], row["criterion"], row["category_code"]): float(row["pct"])
            for row in csv.DictReader(lines)
        }
    assert margins == {
        (row.sector, names.get(row.family, row.family), row.category): row.share
        for row in demo_shares()
    }


def test_each_account_opens_with_its_password_and_has_its_role(wave: Wave) -> None:
    for account in ACCOUNTS:
        user = authenticate(username=account.username, password=account.password)
        assert isinstance(user, User)
        assert user.is_demo
        assert not user.is_superuser
        assert user.memberships.get().role == account.role
    assert Counter(account.role for account in ACCOUNTS) == {
        "interviewer": 3,
        "supervisor": 1,
        "admin": 1,
    }


def test_the_whole_sample_follows_the_targets(db: None) -> None:
    wave = prepare_demo(NOW)
    cases = Case.objects.filter(wave=wave)
    assert cases.count() == SIZE
    spread = Counter(cases.values_list("frame_sector__code", flat=True))
    for cell in QuotaCell.objects.filter(wave=wave, family="sector").select_related("sector"):
        assert spread[cell.sector.code] == 4 * cell.target
    second = Phone.objects.filter(case__wave=wave, rank=2).count()
    assert 0.04 < second / SIZE < 0.06
    assert {case.tier for case in cases} == {Case.Tier.FRESH}


# 2. Invented.


def test_every_number_is_valid_and_reserved_for_fiction(wave: Wave) -> None:
    for phone in Phone.objects.filter(case__wave=wave):
        number = phonenumbers.parse(phone.e164)
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert phonenumbers.is_valid_number(number)
        assert written.startswith(FICTION)


def test_the_sample_is_the_same_for_a_seed_and_another_for_another() -> None:
    first = list(demo_rows(TARGETS, 500, seed=1))
    assert first == list(demo_rows(TARGETS, 500, seed=1))
    assert first != list(demo_rows(TARGETS, 500, seed=2))


def test_no_number_comes_twice() -> None:
    numbers = [number for row in demo_rows(TARGETS, 10_000, seed=1) for number in row[:2] if number]
    assert len(numbers) == len(set(numbers)) > 10_000


def test_more_rows_than_fictional_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="fiction"):
        next(demo_rows(TARGETS, 10_001, seed=1))


# 3. Again.


def test_a_second_start_keeps_what_was_done(wave: Wave) -> None:
    Case.objects.filter(number=1).update(state="closed", disposition="34")
    QuotaCell.objects.filter(family="sector", sector__code="CN").update(counted=3)
    User.objects.filter(username="n.benali").update(password=HASH)
    Membership.objects.filter(user__username="y.chabert").update(role="supervisor")
    again = prepare_demo(NOW, size=150)
    assert again.version == wave.version
    assert Case.objects.get(number=1).disposition == "34"
    assert QuotaCell.objects.get(family="sector", sector__code="CN").counted == 3
    assert User.objects.get(username="n.benali").password == HASH
    assert Membership.objects.get(user__username="y.chabert").role == "supervisor"
    assert (Case.objects.count(), User.objects.count(), Wave.objects.count()) == (150, 5, 1)


def prepare_small(_nothing: None) -> int:
    return prepare_demo(NOW, size=20).cases.count()


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_make_one_demo() -> None:
    connection.close()
    with clients(4) as several:
        assert several.run(prepare_small, [None] * 4) == [20] * 4
    assert (Wave.objects.count(), User.objects.count(), Case.objects.count()) == (1, 5, 20)


def test_the_command_prints_every_account(wave: Wave, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo")
    printed = capsys.readouterr().out
    for account in ACCOUNTS:
        assert account.username in printed
        assert account.password in printed


# 4. Only where it may be.


def test_without_demo_nothing_is_made(db: None, settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        call_command("demo")
    assert not Wave.objects.exists()
    assert not User.objects.exists()


def test_a_real_wave_of_that_name_is_not_taken(db: None) -> None:
    Wave.objects.create(name="Vraie", slug="2026", year=2026, created_at=NOW)
    with pytest.raises(Refused):
        prepare_demo(NOW)
    assert not Case.objects.exists()


def test_a_real_person_of_that_name_is_not_taken(db: None) -> None:
    User.objects.create(username="n.benali", password=HASH)
    with pytest.raises(Refused) as refused:
        prepare_demo(NOW)
    assert "n.benali" in refused.value.messages["username"]
    assert not Wave.objects.exists()
