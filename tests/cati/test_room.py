"""Breaks and messages: what passes in the telephone room besides calls.

1. A break begins and ends by one key; whoever takes a case is back; none begins during a call.
2. The home says how long the breaks of the day were, and since when she is there.
3. A message reaches all interviewers or one, stays until it is read, and its author sees by whom.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from cati import clock, queries
from cati.models import Break, Case, Message
from tests.cati.test_call_screens import claim, dial, text
from tests.world import World


@pytest.fixture
def nadia(world: World) -> Client:
    return world.client(world.nadia)


def post(client: Client, world: World, place: str, **form: Any) -> str:
    address = f"/v/{world.wave.slug}/{place}"
    return text(client.post(address, {"uuid": uuid4()} | form, follow=True))


def home(client: Client, world: World) -> str:
    return text(client.get(f"/v/{world.wave.slug}/enquete/"))


def test_a_break_gives_the_case_back_and_ends_with_the_next_one(
    nadia: Client, world: World
) -> None:
    claim(nadia, world)
    assert "En pause depuis" in post(nadia, world, "enquete/pause/")
    assert not Case.objects.filter(holder=world.nadia).exists()
    assert "En pause depuis" in post(nadia, world, "enquete/pause/")
    assert "Prochaine fiche" in post(nadia, world, "enquete/retour/")
    post(nadia, world, "enquete/pause/")
    # A clock that is set back meanwhile keeps her from nothing.
    Break.objects.filter(ended_at=None).update(began_at=clock.now() + timedelta(days=1))
    claim(nadia, world)
    assert [one.ended_at is None for one in Break.objects.all()] == [False, False]


def test_no_break_begins_in_the_middle_of_a_call(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    dial(nadia, case)
    said = post(nadia, world, "enquete/pause/")
    assert f"Vous êtes en appel sur la fiche {case.number}" in said
    assert not Break.objects.exists()


def test_the_breaks_of_the_day_are_added_up(world: World) -> None:
    now = world.now
    for began, ended in ((-120, -100), (-30, -20), (-5, None)):
        Break.objects.create(
            wave=world.wave, user=world.nadia, began_at=now + timedelta(minutes=began),
            ended_at=None if ended is None else now + timedelta(minutes=ended),
        )  # fmt: skip
    seen = queries.presence(world.wave, world.nadia, now)
    assert (seen.minutes, seen.since) == (35, now - timedelta(hours=2))
    assert seen.resting is not None
    assert [one.user for one in queries.resting_in(world.wave)] == [world.nadia]
    assert queries.presence(world.wave, world.yann, now).since is None


def test_a_message_is_for_all_or_for_one_and_waits_until_it_is_read(
    nadia: Client, world: World
) -> None:
    claire = world.client(world.claire)
    post(claire, world, "messages/", text="  Cournon est\nen retard. ")
    post(claire, world, "messages/", text="Relisez SAN06.", to=world.yann.pk)
    page = home(nadia, world)
    assert "Cournon est en retard." in page
    assert '<span class="tag warn">' in page
    assert "Relisez SAN06." not in page
    assert "Relisez SAN06." in home(world.client(world.yann), world)
    to_all, to_yann = Message.objects.order_by("pk")
    for message in (to_all, to_all, to_yann):
        post(nadia, world, f"enquete/message/{message.pk}/")
    assert '<span class="tag warn">' not in home(nadia, world)
    assert "lu à" in home(nadia, world)
    assert [read for _message, read in queries.messages_of(world.wave)] == [1, 0]


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"text": "  "}, "vide"),
        ({"text": "x" * 401}, "400 caractères"),
        ({"text": "Bonjour", "to": "zéro"}, "Choisissez un enquêteur"),
        ({"text": "Bonjour", "to": "999999"}, "Choisissez un enquêteur"),
    ],
)
def test_a_message_that_cannot_be_left_says_why(
    world: World, form: dict[str, str], why: str
) -> None:
    assert why in post(world.client(world.claire), world, "messages/", **form)
    assert not Message.objects.exists()


def test_an_unread_message_stands_before_a_later_one_that_was_read(world: World) -> None:
    for text_, minutes in (("première", 3), ("seconde", 2), ("troisième", 1)):
        Message.objects.create(
            wave=world.wave, author=world.claire, text=text_,
            at=clock.now() - timedelta(minutes=minutes),
        )  # fmt: skip
    third = Message.objects.get(text="troisième")
    third.readings.create(user=world.nadia, at=clock.now())
    shown = [one.text for one, _at in queries.messages_for(world.wave, world.nadia)]
    assert shown == ["seconde", "première", "troisième"]
