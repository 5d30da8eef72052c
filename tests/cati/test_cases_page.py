"""« Fiches » : the supervisor finds a case, reads all its past, and acts on it with a reason.

1. Search by case, name and telephone; filters; pages; nothing found says what to do.
2. The case shows calls, notes, appointments, interviews, acts and oppositions.
3. Each act asks for a reason that is kept, is done once however often it is posted, and refuses
   what makes no sense.
4. Whoever held the case is told at her next request.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati import clock
from cati.models import Appointment, Attempt, Case, CaseAct, Contact, Note, Phone, PhoneHold
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.record import begin_interview
from tests.world import NOW, World

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/fiches/"


@pytest.fixture
def claire(world: World) -> Client:
    return world.client(world.claire)


def found(client: Client, query: str = "") -> list[int]:
    page = html.fromstring(client.get(PAGE + query).content)
    return [int(text) for text in page.xpath("//table[@class='cases']/tbody/tr/th//b/text()")]


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


def act(client: Client, number: int, kind: str, **given: Any) -> Any:
    form = {"uuid": str(uuid4()), "reason": "essai"} | given
    return client.post(f"{PAGE}{number}/{kind}/", form, follow=True)


# 1. Search.


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("?q=3", [3]),
        ("?q=elise+oeuvre", [2]),
        ("?q=%C3%89LISE", [2]),
        ("?q=l%E2%80%99oeuvre", [2]),
        ("?q=01+99+00+00+04", [4]),
        ("?q=0199000004", [4]),
        ("?q=%2B33+1+99+00+00+04", [4]),
        ("?q=000004", [4]),
        ("?q=elise+durand", []),
        ("?q=%27%3B+DROP%00", []),
        ("?sector=VE", [3, 4]),
        ("?state=held", [1]),
        ("?state=closed", [5]),
        ("?outcome=32", [5]),
        ("?outcome=none&sector=T1", [6]),
        ("?sector=VE&q=4", [4]),
        ("?person=x", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_cases_are_found(world: World, claire: Client, query: str, expected: list[int]) -> None:
    Contact.objects.filter(case__number=2).update(name="Élise L’Œuvré")
    Case.objects.filter(number=5).update(state="closed", disposition="32")
    Case.objects.filter(number=1).update(holder=world.nadia, lease_until=clock.now())
    assert found(claire, query) == expected


def test_a_person_s_cases_are_those_she_holds_owns_or_has_called(
    world: World, claire: Client
) -> None:
    first, second, third, *_others = world.cases
    Case.objects.filter(pk=first.pk).update(holder=world.nadia, lease_until=NOW)
    Case.objects.filter(pk=second.pk).update(owner=world.nadia)
    Attempt.objects.create(
        case=third, interviewer=world.nadia, epoch=1, opened_at=NOW, closed_at=NOW, disposition="32"
    )
    assert found(claire, f"?person={world.nadia.pk}") == [1, 2, 3]
    assert found(claire, f"?person={world.yann.pk}") == []


def test_thirty_to_a_page_and_the_search_stays(world: World, claire: Client) -> None:
    for _ in range(30):
        world.add_case("CN")
    assert len(found(claire, "?sector=CN")) == 30
    page = html.fromstring(claire.get(PAGE + "?sector=CN").content)
    assert page.xpath("string(//a[@rel='next']/@href)") == "?sector=CN&page=2"
    assert len(found(claire, "?sector=CN&page=2")) == 2


def test_nothing_found_and_nothing_there_say_what_to_do(world: World, claire: Client) -> None:
    assert "Retirez un mot ou un filtre" in words(claire.get(PAGE + "?q=personne+du+tout"))
    Case.objects.all().delete()
    assert "Aucune fiche encore" in words(claire.get(PAGE))


# 2. One case.


def test_a_case_shows_everything_that_happened(world: World, claire: Client) -> None:
    now = clock.now()
    case = next_case(world.wave, world.nadia, now)
    assert case
    call = dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, now)
    begin_interview(case.pk, world.nadia, case.epoch, now)
    call.closed_at, call.disposition = now + timedelta(seconds=245), "20"
    call.save()
    Note.objects.create(case=case, author=world.nadia, text="Chien qui aboie", at=now)
    Appointment.objects.create(
        case=case, attempt=call, at=now + timedelta(days=1), owner=world.nadia, ask_for="Mme Sow"
    )
    act(claire, case.number, "oppose", reason="demande écrite")
    shown = words(claire.get(f"{PAGE}{case.number}/"))
    for told in (
        "20 Rendez-vous", "4:05", "Chien qui aboie", "Mme Sow", "annulé", "version 1",
        "opposition", "demande écrite", "Claire F.", f"Personne {case.number}",
    ):  # fmt: skip
        assert told in shown, told


def test_a_case_that_nobody_called_says_what_may_be_done(claire: Client) -> None:
    assert "mettez-la en tête" in words(claire.get(f"{PAGE}1/"))
    assert claire.get(f"{PAGE}999/").status_code == 404
    assert claire.get(f"{PAGE}1/inconnu/").status_code == 404


# 3. Acts.


def state(case: Case) -> tuple[Any, ...]:
    case.refresh_from_db()
    return (case.state, case.tier, case.owner, case.holder)


def test_assigning_puts_the_case_first_for_somebody(world: World, claire: Client) -> None:
    case = world.cases[3]
    told = words(act(claire, 4, "assign", person=world.yann.pk, reason="le connaît"))
    assert "Fiche 4 confiée" in told
    assert state(case) == ("open", Case.Tier.PUSHED, world.yann, None)
    kept = CaseAct.objects.get()
    assert (kept.kind, kept.reason, kept.person, kept.by) == (
        "assign", "le connaît", world.yann, world.claire,
    )  # fmt: skip
    assert next_case(world.wave, world.nadia, clock.now()) != case
    assert next_case(world.wave, world.yann, clock.now()) == case


def test_a_promised_hour_stays_when_the_case_is_given_to_somebody_else(
    world: World, claire: Client
) -> None:
    case, due = world.cases[3], clock.now() + timedelta(days=1)
    call = Attempt.objects.create(
        case=case, interviewer=world.nadia, epoch=1, opened_at=NOW, closed_at=NOW, disposition="20"
    )
    promise = Appointment.objects.create(case=case, attempt=call, at=due, owner=world.nadia)
    Case.objects.filter(pk=case.pk).update(tier=2, due_at=due, owner=world.nadia)
    act(claire, 4, "assign", person=world.yann.pk)
    assert state(case) == ("open", Case.Tier.APPOINTMENT, world.yann, None)
    promise.refresh_from_db()
    assert (case.due_at, promise.owner) == (due, world.yann)


def test_a_case_is_given_to_nobody_but_an_interviewer_of_the_wave(
    world: World, claire: Client
) -> None:
    for person in (world.oscar.pk, world.alain.pk, "", "x"):
        told = words(act(claire, 4, "assign", person=person))
        assert "Choisissez un enquêteur" in told
    assert not CaseAct.objects.exists()


def test_a_pushed_case_is_the_next_one(world: World, claire: Client) -> None:
    act(claire, 5, "push")
    assert next_case(world.wave, world.nadia, clock.now()) == world.cases[4]


def test_closing_and_reopening(world: World, claire: Client) -> None:
    case = world.cases[0]
    act(claire, 1, "close")
    assert state(case)[0] == "closed"
    assert "déjà close" in words(act(claire, 1, "close"))
    act(claire, 1, "reopen")
    assert state(case)[:2] == ("open", Case.Tier.RETRY)
    assert "déjà ouverte" in words(act(claire, 1, "reopen"))
    assert [one.kind for one in CaseAct.objects.all()] == ["reopen", "close"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"disposition": "10"}, "est complet"), ({"disposition": "42"}, "plus de numéro")],
)
def test_what_is_over_is_not_reopened(
    world: World, claire: Client, fields: dict[str, str], said: str
) -> None:
    Case.objects.filter(number=1).update(state="closed", **fields)
    if fields["disposition"] == "42":
        Phone.objects.filter(case__number=1).update(state="closed")
    assert said in words(act(claire, 1, "reopen"))
    assert state(world.cases[0])[0] == "closed"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_no_act_without_a_reason(world: World, claire: Client, reason: str) -> None:
    told = words(act(claire, 1, "close", reason=reason))
    assert "motif" in told
    assert state(world.cases[0])[0] == "open"


@pytest.mark.parametrize("kind", ["assign", "push", "close", "oppose"])
def test_three_posts_are_one_act(world: World, claire: Client, kind: str) -> None:
    form = {"uuid": str(uuid4()), "reason": "une fois", "person": world.yann.pk}
    replies = [claire.post(f"{PAGE}2/{kind}/", form) for _ in range(3)]
    assert {(reply.status_code, reply["Location"]) for reply in replies} == {(302, f"{PAGE}2/")}
    assert CaseAct.objects.count() == 1


def test_the_page_of_an_act_says_what_it_does(claire: Client) -> None:
    assert "sans retour possible" in words(claire.get(f"{PAGE}1/oppose/"))
    assert "Un quart d’heure" in words(claire.get(f"{PAGE}1/assign/"))


# 4. The holder.


@pytest.mark.parametrize("kind", ["take_over", "close", "oppose"])
def test_the_holder_is_told_and_her_numbers_are_free(
    world: World, claire: Client, kind: str
) -> None:
    now = clock.now()
    case = next_case(world.wave, world.nadia, now)
    assert case
    dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, now)
    act(claire, case.number, kind)
    assert state(case)[3] is None
    assert not PhoneHold.objects.exists()
    assert Attempt.objects.get().abandoned
    told = world.client(world.nadia).get(f"/v/2026/fiche/{case.number}/")
    assert told.status_code == 409
    assert "n’est plus réservée pour vous" in words(told)


def test_a_case_in_a_call_is_neither_given_nor_pushed(world: World, claire: Client) -> None:
    case = next_case(world.wave, world.nadia, clock.now())
    assert case
    for kind in ("assign", "push"):
        assert "tient cette fiche" in words(act(claire, case.number, kind, person=world.yann.pk))
    assert "Personne ne tient" in words(act(claire, 6, "take_over"))
