"""Practice: the same screens on invented cases, in a wave of its own that counts nowhere.

1. It is made for whoever comes first, once, and follows the questionnaire of its wave.
2. Nothing is dialled, nothing is counted, and no list of waves shows it.
3. There is always a case to call.
4. A wave without questionnaire or sectors says what is missing.
"""

from __future__ import annotations

from typing import Any

import phonenumbers
import pytest
from django.test import Client
from lxml import html

from cati.models import Attempt, Case, Membership, Phone, Place, Role, Wave
from cati.operations import people, practice
from cati.operations.claim import next_case
from cati.operations.errors import Refused
from cati.operations.leases import release
from questionnaire.models import InstrumentVersion
from tests.world import World

pytestmark = pytest.mark.django_db
START = "/v/2026/enquete/entrainement/"


@pytest.fixture
def nadia(world: World) -> Client:
    return world.client(world.nadia)


def room_of(world: World) -> Wave:
    return Wave.objects.get(practice_for=world.wave)


def test_the_first_one_makes_the_room_and_the_second_finds_it(world: World, nadia: Client) -> None:
    first = nadia.post(START)
    world.client(world.yann).post(START)
    room = room_of(world)
    assert first["Location"] == f"/v/{room.slug}/enquete/"
    members = Membership.objects.filter(wave=room)
    assert set(members.values_list("user", "role")) == {
        (world.nadia.pk, Role.INTERVIEWER),
        (world.yann.pk, Role.INTERVIEWER),
    }
    assert room.cases.count() == practice.BATCH
    assert room.version == world.wave.version


def test_it_follows_the_questionnaire_of_its_wave(
    world: World, instrument: InstrumentVersion
) -> None:
    practice.practise(world.wave, world.nadia, world.now)
    later = InstrumentVersion.objects.create(
        name="allo_quartiers",
        number=2,
        content=instrument.content,
        hash="later",
        published_at=world.now,
    )
    Wave.objects.filter(pk=world.wave.pk).update(version=later)
    assert practice.practise(world.wave, world.nadia, world.now).version_id == later.pk


def test_an_interview_is_played_and_counts_nowhere(world: World, nadia: Client) -> None:
    nadia.post(START)
    room = room_of(world)
    home = html.fromstring(nadia.get(f"/v/{room.slug}/enquete/").content)
    assert home.xpath("//a[@data-key='E']/@href") == ["/v/2026/enquete/"]
    at = nadia.post(f"/v/{room.slug}/enquete/suivante/")["Location"]
    case = Case.objects.get(holder=world.nadia)
    assert at == f"/v/{room.slug}/fiche/{case.number}/"
    assert "Entraînement" in nadia.get(at).content.decode()
    form = {"epoch": case.epoch, "phone": case.phones.get().pk}
    rung = nadia.post(f"{at}appel/", form, headers={"accept": "application/json"})
    assert rung.json()["tel"] == ""
    nadia.post(f"{at}entretien/", {"epoch": case.epoch})
    assert nadia.get(f"{at}entretien/").status_code == 200
    assert not Attempt.objects.filter(case__wave=world.wave).exists()
    assert not Place.objects.filter(cell__wave=world.wave).exists()


def test_its_numbers_are_reserved_for_fiction_and_no_other_sample_has_them(world: World) -> None:
    practice.practise(world.wave, world.nadia, world.now)
    numbers = Phone.objects.filter(case__wave=room_of(world)).values_list("e164", flat=True)
    assert all(number.startswith("+3353649") for number in numbers)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)


def test_she_still_comes_home_to_her_wave(world: World, nadia: Client) -> None:
    nadia.post(START)
    assert nadia.get("/")["Location"] == "/v/2026/enquete/"
    # Who administers her only wave still administers her account.
    assert people.reset_password(world.nadia, world.alain)


def test_there_is_always_a_case_to_call(world: World) -> None:
    room = practice.practise(world.wave, world.nadia, world.now)
    for _rung in range(practice.BATCH):
        practice.refill(room, world.now)
        case = next_case(room, world.nadia, world.now)
        assert case is not None
        release(case.pk, world.nadia, case.epoch, world.now)
        Case.objects.filter(pk=case.pk).update(state="closed")
    assert room.cases.count() == 2 * practice.BATCH


@pytest.mark.parametrize(("lacks", "said"), [("version", "questionnaire"), ("sectors", "secteurs")])
def test_a_wave_that_is_not_ready_says_what_is_missing(
    world: World, lacks: str, said: str, nadia: Client
) -> None:
    bare: Any = Wave.objects.create(
        name="Nue", slug="nue", year=2027, created_at=world.now, version=world.wave.version
    )
    if lacks == "version":
        Wave.objects.filter(pk=bare.pk).update(version=None)
    bare.refresh_from_db()
    with pytest.raises(Refused, match=said):
        practice.practise(bare, world.nadia, world.now)
    assert not Wave.objects.filter(practice_for=bare).exists()
