"""A respondent calls back: her case is found and open at once, unless somebody else is on it.

1. Found by case, name or number, with its past and its state; each row has its key.
2. Opened with its lease, its numbers held and its call open; a closed case is open again.
3. Refused politely: somebody on it, its number rung elsewhere, complete, opposed, held back.
4. The case that she was about to dial goes back; one in a call does not.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati import clock
from cati.models import Attempt, Case, CaseAct, Contact, PhoneHold, Replicate
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.errors import Refused
from cati.operations.inbound import take_call
from cati.operations.oppose import oppose_number
from cati.operations.record import begin_interview
from tests.world import NOW, World, fictional

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/enquete/rappel/"


@pytest.fixture
def nadia(world: World) -> Client:
    return world.client(world.nadia)


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


def take(world: World, number: int) -> Case:
    return take_call(world.wave, number, world.nadia, clock.now())


# 1. Found.


@pytest.mark.parametrize("asked", ["4", "0199000004", "00 00 04", "mercier"])
def test_the_case_is_found_with_its_past(world: World, nadia: Client, asked: str) -> None:
    Contact.objects.filter(case__number=4).update(name="Odile Mercier")
    Attempt.objects.create(
        case=world.cases[3], interviewer=world.yann, epoch=1, opened_at=NOW, closed_at=NOW,
        disposition="32",
    )  # fmt: skip
    page = html.fromstring(nadia.get(PAGE, {"q": asked}).content)
    (row,) = page.xpath("//table[@class='callers']/tbody/tr")
    shown = " ".join(row.text_content().split())
    for told in ("Odile Mercier", "fiche 4", "01 99 00 00 04", "Yann C.", "libre"):
        assert told in shown
    assert row.xpath("string(.//button/@data-key)") == "1"
    assert row.xpath(".//button[@autofocus]")


def test_nine_at_most_and_nothing_found_says_what_to_try(world: World, nadia: Client) -> None:
    for _ in range(8):
        world.add_case()
    assert "ajoutez un prénom" in words(nadia.get(PAGE + "?q=personne"))
    assert "nom de famille seul" in words(nadia.get(PAGE + "?q=inconnu"))
    assert "rien n’est à composer" in words(nadia.get(PAGE))


# 2. Opened.


def test_the_case_opens_with_its_call_and_the_interview_may_begin(
    world: World, nadia: Client
) -> None:
    form = {"uuid": str(uuid4())}
    replies = [nadia.post(f"{PAGE}6/", form) for _ in range(3)]
    assert {reply["Location"] for reply in replies} == {"/v/2026/fiche/6/"}
    case = world.cases[5]
    case.refresh_from_db()
    assert (case.holder, case.epoch) == (world.nadia, 1)
    assert PhoneHold.objects.filter(case=case).count() == 2
    assert Attempt.objects.get().phone == case.phones.get(rank=1)
    assert CaseAct.objects.get().kind == "inbound"
    assert "Commencer l’entretien" in words(nadia.get("/v/2026/fiche/6/"))
    assert begin_interview(case.pk, world.nadia, case.epoch, clock.now())


def test_a_refusal_that_calls_back_is_open_again(world: World) -> None:
    Case.objects.filter(number=2).update(state="closed", disposition="41")
    assert take(world, 2).state == "open"


def test_it_works_at_an_hour_at_which_nobody_may_be_called(world: World) -> None:
    world.wave.calling_hours = {}
    world.wave.save()
    with pytest.raises(Refused):
        next_case(world.wave, world.nadia, clock.now())
    assert take(world, 2).holder == world.nadia


# 3. Refused.


def test_somebody_else_is_on_it(world: World, nadia: Client) -> None:
    case = next_case(world.wave, world.yann, clock.now())
    assert case
    assert "chez Yann C." in words(nadia.get(PAGE, {"q": case.number}))
    told = words(nadia.post(f"{PAGE}{case.number}/", {"uuid": str(uuid4())}, follow=True))
    assert "Yann C. est sur cette fiche" in told
    case.refresh_from_db()
    assert case.holder == world.yann


def test_its_number_is_rung_from_another_case(world: World) -> None:
    sharing = world.add_case("VE", shares=world.cases[0])
    Case.objects.filter(number=1).update(tier=0)
    case = next_case(world.wave, world.yann, clock.now())
    assert case == world.cases[0]
    with pytest.raises(Refused, match="depuis une autre fiche"):
        take(world, sharing.number)
    assert not CaseAct.objects.exists()


def test_nobody_is_left_to_talk_to(world: World) -> None:
    Case.objects.filter(number=1).update(state="closed", disposition="10")
    oppose_number(fictional(2), reason="x", by=world.claire, now=NOW)
    Case.objects.filter(number=3).update(replicate=2)
    Replicate.objects.create(wave=world.wave, number=2)
    for number, said in ((1, "complet"), (2, "ne plus être"), (3, "réplicat"), (99, "Aucune")):
        with pytest.raises(Refused, match=said):
            take(world, number)


# 4. What she held.


def test_the_case_that_she_was_about_to_dial_goes_back(world: World) -> None:
    held = next_case(world.wave, world.nadia, clock.now())
    assert held
    taken = take(world, 6)
    held.refresh_from_db()
    assert held.holder is None
    assert taken.holder == world.nadia
    assert take(world, 6).epoch == taken.epoch, "asked again, it is hers as it is"


def test_a_call_is_not_dropped_for_another(world: World) -> None:
    held = next_case(world.wave, world.nadia, clock.now())
    assert held
    dial(held.pk, world.nadia, held.epoch, held.phones.all()[0].pk, clock.now())
    with pytest.raises(Refused, match="donnez d’abord son issue"):
        take(world, 6)
    held.refresh_from_db()
    assert held.holder == world.nadia
