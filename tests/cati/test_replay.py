"""Every projection equals its journal, after random interviews with corrections, places and draws.

Every landing plays five, the nightly run a hundred.
"""

from __future__ import annotations

import io
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from cati.models import Place, QuotaCell
from questionnaire.core.instrument import Item
from questionnaire.operations import AnswerRefused
from questionnaire.queries import current_route, program_of
from tests.cati.test_interview_life import PLAIN, Call
from tests.world import World

pytestmark = pytest.mark.django_db
MOVES = 70


def random_value(item: Item, draw: Random) -> tuple[str, Any]:
    """An answer that often fits the item, as a kind and its tagged value."""
    if item.type == "info":
        return "seen", {}
    if item.specials and draw.random() < 0.1:
        return "special", {"special": draw.choice(item.specials)}
    if item.code in PLAIN:
        return "answer", {"v": PLAIN[item.code] + draw.randint(0, 2)}
    if item.type == "multiple":
        codes = [choice.code for choice in item.choices]
        return "answer", {"v": draw.sample(codes, draw.randint(1, min(2, len(codes))))}
    if item.choices:
        # The first code mostly: it is the one that goes on.
        likely = [item.choices[0].code] * 3
        return "answer", {"v": draw.choice(likely + [choice.code for choice in item.choices])}
    if item.type in ("integer", "decimal"):
        return "answer", {
            "v": draw.randint(0, 9) if draw.random() < 0.5 else 1900 + draw.randint(60, 120)
        }
    return "answer", {"v": f"mots {draw.randint(1, 99)}"}


def play(call: Call, draw: Random) -> None:
    """Answer what is asked, and come back on an earlier answer one time in five."""
    interview = call.begin()
    items = program_of(interview.version).instrument
    for _move in range(MOVES):
        route = current_route(call.interview())
        back = bool(route.asked) and draw.random() < 0.2
        code = draw.choice(route.asked) if back else route.next
        if code is None:
            code = draw.choice(route.asked)
        kind, value = random_value(items.item(code), draw)
        try:
            call.answer(code, value, kind=kind)
        except AnswerRefused:
            continue


def play_and_check(world: World, interviews: int) -> None:
    for number in range(interviews):
        world.add_case("VE")
        call = Call(world, world.nadia)
        play(call, Random(number))
        outcome = current_route(call.interview()).outcome
        call.end("10" if outcome == "complete" else "40")
    out = io.StringIO()
    call_command("rebuild_answers", "--check", stdout=out)
    assert out.getvalue() == f"{interviews} interviews, 0 differ from their journal\n"
    reserved = QuotaCell.objects.filter(wave=world.wave).values_list("reserved", flat=True)
    assert sum(reserved) == Place.objects.filter(state=Place.State.RESERVED).count() == 0


@pytest.mark.faults
def test_five_random_interviews_replay_to_their_projections(world: World) -> None:
    play_and_check(world, 5)


@pytest.mark.nightly
def test_a_hundred_random_interviews_replay_to_their_projections(world: World) -> None:
    play_and_check(world, 100)
