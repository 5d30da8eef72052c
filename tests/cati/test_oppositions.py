"""A person who asked not to be called is not called again: at once, everywhere, for ever.

1. Her number, her other numbers and her cases are bound, in every wave.
2. A running lease ends: the holder is told at her next request, and cannot dial again.
3. It survives the purge of the contact data and refuses a later import.
4. The list is searched by number, name, case and reason; the act asks for a reason and to be sure.
"""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from lxml import html

from cati import clock
from cati.core.phones import phone_key
from cati.models import Case, CaseAct, Contact, Opposition, Phone
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.errors import Refused, StaleLease
from cati.operations.import_sample import import_sample
from cati.operations.oppose import Bound, oppose_number
from tests.world import NOW, World, fictional

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/oppositions/"


@pytest.fixture
def claire(world: World) -> Client:
    return world.client(world.claire)


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


def oppose(world: World, number: str) -> Bound:
    return oppose_number(number, reason="au téléphone", by=world.claire, now=NOW)


def post(client: Client, number: str, **given: str) -> Any:
    form = {"uuid": str(uuid4()), "number": number, "reason": "au téléphone", "sure": "on"}
    return client.post(PAGE, form | given, follow=True)


def key(number: int) -> str:
    return phone_key(fictional(number), settings.PHONE_KEY_SECRET)


# 1. What is bound.


def test_the_other_numbers_and_the_case_are_bound(world: World) -> None:
    case = world.cases[5]
    first, second = case.phones.all()
    assert oppose(world, first.e164) == Bound(numbers=2, cases=1)
    assert {one.phone_key for one in Opposition.objects.all()} == {
        first.phone_key,
        second.phone_key,
    }
    case.refresh_from_db()
    assert (case.state, case.disposition) == ("closed", "42")
    assert {phone.state for phone in case.phones.all()} == {"closed"}
    assert CaseAct.objects.get().case == case


def test_every_case_with_the_number_is_bound_in_every_wave(world: World) -> None:
    sharing = world.add_case("VE", phones=2, shares=world.cases[0])
    sector = world.other_wave.sectors.create(code="CN", label="Croix-de-Neyrat", kind="qpv")
    there = Case.objects.create(wave=world.other_wave, number=1, frame_sector=sector, due_at=NOW)
    Phone.objects.create(case=there, e164=fictional(1), phone_key=key(1))
    assert oppose(world, fictional(1)) == Bound(numbers=2, cases=3)
    for case in (world.cases[0], sharing, there):
        case.refresh_from_db()
        assert case.state == "closed"


def test_a_case_that_only_shares_another_number_lives_on_by_its_own(world: World) -> None:
    neighbour = world.add_case("VE", phones=2, shares=world.cases[5])
    second = world.cases[5].phones.get(rank=2)
    assert oppose(world, second.e164).cases == 1
    neighbour.refresh_from_db()
    assert neighbour.state == "open"
    assert [phone.state for phone in neighbour.phones.all()] == ["closed", "valid"]


def test_a_complete_interview_stays_complete(world: World) -> None:
    Case.objects.filter(number=1).update(state="closed", disposition="10")
    oppose(world, fictional(1))
    assert Case.objects.get(number=1).disposition == "10"


def test_nobody_is_given_the_case_any_more(world: World) -> None:
    for number in range(1, 7):
        oppose(world, fictional(number))
    assert next_case(world.wave, world.nadia, clock.now()) is None


# 2. Running leases.


def test_a_running_call_ends_and_is_not_dialled_again(world: World) -> None:
    now = clock.now()
    case = next_case(world.wave, world.nadia, now)
    assert case
    phone = case.phones.all()[0]
    dial(case.pk, world.nadia, case.epoch, phone.pk, now)
    oppose(world, phone.e164)
    with pytest.raises(StaleLease):
        dial(case.pk, world.nadia, case.epoch, phone.pk, now)
    told = world.client(world.nadia).get(f"/v/2026/fiche/{case.number}/")
    assert told.status_code == 409


def test_a_number_shared_with_a_held_case_cannot_be_dialled_from_it(world: World) -> None:
    neighbour = world.add_case("VE", phones=2, shares=world.cases[5])
    Case.objects.exclude(pk=neighbour.pk).update(state="closed")
    now = clock.now()
    case = next_case(world.wave, world.nadia, now)
    assert case == neighbour
    oppose(world, world.cases[5].phones.get(rank=2).e164)
    with pytest.raises(Refused, match="plus à appeler"):
        dial(case.pk, world.nadia, case.epoch, case.phones.get(rank=1).pk, now)


# 3. For ever.


def test_it_survives_the_purge_and_refuses_the_import(world: World) -> None:
    oppose(world, fictional(1))
    Contact.objects.all().delete()
    Phone.objects.update(e164="")
    text = f"tel,nom,adresse,secteur\n{fictional(1)},A,B,CN\n"
    report = import_sample(world.other_wave, io.BytesIO(text.encode()), "f.csv", by=None, now=NOW)
    assert not report.written
    world.other_wave.sectors.create(code="CN", label="Croix-de-Neyrat", kind="qpv")
    report = import_sample(world.other_wave, io.BytesIO(text.encode()), "f.csv", by=None, now=NOW)
    assert "ne plus être appelée" in report.refusals[0].reason


def test_a_number_of_no_sample_is_listed_all_the_same(world: World) -> None:
    assert oppose(world, "01 99 00 77 77") == Bound(numbers=1, cases=0)
    assert Opposition.objects.get().phone_key == key(7777)


def test_opposing_again_keeps_the_first_reason(world: World) -> None:
    oppose(world, fictional(1))
    oppose_number(fictional(1), reason="encore", by=world.alain, now=clock.now())
    assert Opposition.objects.get().reason == "au téléphone"


# 4. The page.


def test_the_page_opposes_once_and_says_what_it_bound(world: World, claire: Client) -> None:
    assert "Personne ne s’est opposé" in words(claire.get(PAGE))
    uuid = str(uuid4())
    told = [words(post(claire, "01 99 00 00 06", uuid=uuid)) for _ in range(3)]
    assert all("2 numéros sur la liste, 1 fiche close." in one for one in told)
    assert Opposition.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"number": "0473"}, "trop court"),
        ({"reason": " "}, "Dites pourquoi"),
        ({"sure": ""}, "sans retour"),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_written(
    world: World, claire: Client, given: dict[str, str], said: str
) -> None:
    form = {"uuid": str(uuid4()), "number": fictional(1), "reason": "x", "sure": "on"} | given
    form = {name: value for name, value in form.items() if value}
    assert said in words(claire.post(PAGE, form, follow=True))
    assert not Opposition.objects.exists()


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("01 99 00 00 01", 1),
        ("personne+1", 1),
        ("1", 1),
        ("courrier", 1),
        ("fournier", 2),
        ("0199007777", 1),
        ("rien", 0),
    ],
)
def test_the_list_is_searched(world: World, claire: Client, asked: str, rows: int) -> None:
    oppose_number(fictional(1), reason="courrier", by=world.claire, now=NOW)
    oppose(world, fictional(7777))
    page = html.fromstring(claire.get(f"{PAGE}?q={asked}").content)
    assert len(page.xpath("//tbody/tr[th]")) == rows


def test_a_number_that_was_imported_while_it_was_opposed_is_not_dialled(world: World) -> None:
    case = next_case(world.wave, world.nadia, NOW)
    assert case is not None
    phone = case.phones.get()
    # What an import leaves that did not see the opposition, nor the opposition its rows.
    Opposition.objects.create(phone_key=phone.phone_key, at=NOW, by=world.claire)
    with pytest.raises(Refused):
        dial(case.pk, world.nadia, case.epoch, phone.pk, NOW)
    assert not case.calls.exists()
