"""An outcome taken back by whoever typed it.

1. Within two minutes the call is open again: case, number, promise and count as they were.
2. Another outcome is then given to the same call; that there was a first one stays on the case.
3. A complete interview is counted no more until it is ended again, and then once.
4. Not later, not by others, not after the supervision has acted, never an opposition.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from cati import clock, queries
from cati.models import Appointment, Attempt, Case, CaseAct, Phone, Place, QuotaCell
from cati.operations.errors import Refused
from cati.operations.inbound import take_call
from cati.operations.steer_cases import Order, steer
from cati.operations.take_back import take_back_outcome
from questionnaire.operations import rebuild
from tests.cati.test_call_screens import at, claim, dial, end, text
from tests.cati.test_interview_life import Call
from tests.world import World

COLUMNS = ("state", "disposition", "tier", "due_at", "part", "owner", "attempts")


@pytest.fixture
def nadia(world: World) -> Client:
    return world.client(world.nadia)


def called(client: Client, world: World) -> Case:
    case = claim(client, world)
    dial(client, case)
    return case


def stood(case: Case) -> dict[str, Any]:
    return Case.objects.values(*COLUMNS).get(pk=case.pk)


def take_back(client: Client, case: Case) -> Any:
    address = f"/v/{case.wave.slug}/enquete/issue/{case.number}/"
    return client.post(address, {"uuid": uuid4()}, follow=True)


def why_not(world: World, case: Case, user: Any = None, later: timedelta = timedelta()) -> str:
    with pytest.raises(Refused) as refusal:
        take_back_outcome(world.wave, case.number, user or world.nadia, clock.now() + later)
    return refusal.value.messages[""]


def test_a_wrong_outcome_is_taken_back_and_another_given(nadia: Client, world: World) -> None:
    case = called(nadia, world)
    before, phone = stood(case), case.phones.get()
    page = end(nadia, case, "34")
    assert Phone.objects.get(pk=phone.pk).state == Phone.State.CLOSED
    page = text(nadia.get(page.url))
    assert f"Fiche {case.number}, issue 34" in page
    opened = take_back(nadia, case)
    case.refresh_from_db()
    assert opened.redirect_chain[-1][0] == at(case, "fin/")
    assert stood(case) == before
    assert (case.holder, Phone.objects.get(pk=phone.pk).state) == (world.nadia, Phone.State.VALID)
    end(nadia, case, "32")
    attempt = Attempt.objects.get(case=case)
    assert (attempt.disposition, stood(case)["attempts"]) == ("32", 1)
    act = CaseAct.objects.get(case=case)
    assert (act.kind, act.reason, act.by) == ("take_back", "34 Faux numéro", world.nadia)
    assert "34 Faux numéro" in text(
        world.client(world.claire).get(f"/v/{world.wave.slug}/fiches/{case.number}/")
    )


def test_a_promise_goes_with_the_outcome_that_made_it(nadia: Client, world: World) -> None:
    case = called(nadia, world)
    end(nadia, case, "20", day="+1 18h")
    take_back(nadia, case)
    case.refresh_from_db()
    end(nadia, case, "20", day="+2 18h")
    promises = Appointment.objects.filter(case=case).order_by("at")
    assert [one.state for one in promises] == ["cancelled", "pending"]
    # The earlier promise was kept by this very call: it is due again with it.
    Case.objects.filter(pk=case.pk).update(due_at=clock.now())
    case = called(nadia, world)
    end(nadia, case, "32")
    assert not promises.filter(state="pending").exists()
    take_back(nadia, case)
    assert [one.state for one in promises.all()] == ["cancelled", "pending"]


def test_a_complete_interview_is_counted_once_when_it_ends_again(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.to_the_end()
    call.end("10")

    def counts() -> set[tuple[int, int]]:
        cells = QuotaCell.objects.filter(places__interview=call.interview())
        return set(cells.values_list("counted", "reserved"))

    assert counts() == {(1, 0)}
    call.now += timedelta(minutes=1)
    call.case = take_back_outcome(world.wave, call.case.number, world.nadia, call.now)
    assert counts() == {(0, 1)}
    with pytest.raises(Refused, match="complet"):
        call.end("32")
    assert call.end("10")["counted"]
    assert counts() == {(1, 0)}
    assert rebuild(call.interview()) == []


def test_an_interview_that_goes_on_has_its_place_again(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.end("12")
    call.now += timedelta(minutes=1)
    call.case = take_back_outcome(world.wave, call.case.number, world.nadia, call.now)
    assert set(Place.objects.values_list("state", flat=True)) == {Place.State.RESERVED}
    assert call.to_the_end()["outcome"] == "complete"
    assert call.end("10")["counted"]


def test_a_complete_interview_opens_again_where_an_earlier_call_ended_tomorrow(
    world: World,
) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.end("12")
    call.now -= timedelta(days=1)
    call.case = take_call(world.wave, call.case.number, world.nadia, call.now)
    call.begin()
    call.to_the_end()
    call.end("10")
    call.now += timedelta(minutes=1)
    offered = queries.may_take_back(world.wave, world.nadia, call.now)
    assert offered is not None
    assert offered.disposition == "10"
    call.case = take_back_outcome(world.wave, call.case.number, world.nadia, call.now)
    call.case.refresh_from_db()
    assert call.case.state == Case.State.OPEN
    # While the call goes on, the case is no fresh one, whatever is written.
    with pytest.raises(IntegrityError, match="rung before"), transaction.atomic():
        Case.objects.filter(pk=call.case.pk).update(tier=Case.Tier.FRESH, part=0)
    assert call.end("10")["counted"]


def test_who_may_not_take_an_outcome_back_is_told_why(nadia: Client, world: World) -> None:
    case = called(nadia, world)
    assert "pas d’issue" in why_not(world, case)
    end(nadia, case, "32")
    assert "pas d’issue" in why_not(world, case, world.yann)
    assert "Deux minutes" in why_not(world, case, later=timedelta(minutes=3))
    # The server's clock was a day ahead when the outcome was given.
    assert "Deux minutes" in why_not(world, case, later=timedelta(days=-1))
    steer(case.pk, CaseAct.Kind.PUSH, Order("vite", world.claire, clock.now()))
    assert "supervision est intervenue" in why_not(world, case)
    assert Attempt.objects.get(case=case).disposition == "32"
    opposed = called(nadia, world)
    end(nadia, opposed, "42")
    assert "opposition" in why_not(world, opposed)
    assert "Reprendre l’issue" not in text(nadia.get(f"/v/{world.wave.slug}/enquete/"))


def test_a_colleague_on_the_case_or_a_call_of_hers_stands_in_the_way(
    nadia: Client, world: World
) -> None:
    case = called(nadia, world)
    end(nadia, case, "31")
    Case.objects.exclude(pk=case.pk).update(state=Case.State.CLOSED)
    Case.objects.filter(pk=case.pk).update(due_at=clock.now() - timedelta(minutes=1))
    claim(world.client(world.yann), world)
    assert "Yann C. est déjà" in why_not(world, case)


def test_a_respondent_who_rings_at_once_stands_in_the_way(nadia: Client, world: World) -> None:
    case = called(nadia, world)
    end(nadia, case, "31")
    ended = Attempt.objects.get(case=case)
    # By a clock that was set back a little, she took this call before she gave that outcome.
    take_call(world.wave, case.number, world.nadia, ended.opened_at - timedelta(seconds=1))
    assert "pas d’issue" in why_not(world, case)
    assert Attempt.objects.get(pk=ended.pk).disposition == "31"
