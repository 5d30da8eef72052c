"""Leases: taken over while the first types, and resumed by the same or another interviewer.

1. A hundred times, the supervisor takes a case while its holder answers question after question:
   every answer is in the journal or in quarantine, none in both, none nowhere.
2. Each late answer is then recorded or set aside, and the projection equals the journal.
3. The next holder goes on where the first one was, whoever she is.
4. A lease lives as long as it is heard of, and its places with it.
5. After the outcome of a call, a window that still shows its interview adds nothing to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from cati.models import Case, CaseAct, LateAnswer, Place, User
from cati.operations import claim, leases, quarantine
from cati.operations.errors import Refused, StaleLease
from cati.operations.record import AnswerInput, save_answer
from cati.operations.steer_cases import Order, steer
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import rebuild
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """Another thread, with a connection of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(lambda: connection.close()).result()


def take_over(case: Case, by: User, now: Any) -> None:
    steer(case.pk, CaseAct.Kind.TAKE_OVER, Order("La ligne est perdue", by, now))


class Hands:
    """The first interviewer's hands, which type on past the moment her case is taken.

    `halfway` is set once `pause` answers are in; from `taken` on, `more` are typed, so that each
    take-over meets some that are late, however fast an answer is.
    """

    def __init__(self, call: Call, pause: int, more: int) -> None:
        self.call, self.pause, self.more = call, pause, more
        self.typed: dict[UUID, int] = {}
        self.halfway, self.taken = Event(), Event()

    def type(self) -> None:
        more = self.more
        while more:
            if len(self.typed) == self.pause:
                self.halfway.set()
            more -= self.taken.is_set()
            self.answer(len(self.typed) % 6 + 1)

    def answer(self, value: int) -> None:
        uuid, call = uuid4(), self.call
        answer = AnswerInput(uuid, "answer", "S06", value={"v": value})
        reply = save_answer(call.case.pk, call.user, call.case.epoch, answer, call.now)
        self.typed[uuid] = reply.status
        assert reply.status == 200 or reply.body["kept"]


def interleave(world: World, aside: ThreadPoolExecutor, draw: Random) -> Counter[str]:
    """One case, taken over at some point of its first interviewer's typing."""
    case = world.add_case("VE")
    call = Call(world, world.nadia)
    assert call.case == case
    call.to_sector()
    hands = Hands(call, pause=draw.randrange(1, 6), more=draw.randrange(1, 6))
    typing = aside.submit(hands.type)
    assert hands.halfway.wait(30)
    Event().wait(draw.random() * 0.01)
    try:
        take_over(case, world.claire, world.now)
    finally:
        hands.taken.set()
    # A late answer locks the case for an instant, in which it is nobody's to claim.
    while claim.next_case(world.wave, world.yann, world.now) is None:
        Event().wait(0.002)
    second = Call(world, world.yann)
    assert second.case == case
    interview = second.begin()
    typing.result(60)
    typed = hands.typed
    saved = {uuid for uuid, status in typed.items() if status == 200}
    lines = AnswerEvent.objects.filter(interview=interview, item="S06", cause="")
    assert set(lines.values_list("pk", flat=True)) == saved
    late = LateAnswer.objects.filter(case=case)
    assert set(late.values_list("pk", flat=True)) == set(typed) - saved
    assert len(saved) >= hands.pause
    assert late.count() >= hands.more
    counted = Counter(typed=len(typed), saved=len(saved), late=late.count())
    counted += decide(late, world, draw)
    second.end("22")
    assert rebuild(Interview.objects.get(pk=interview.pk)) == []
    Case.objects.filter(pk=case.pk).update(state="closed")
    return counted


def decide(late: Any, world: World, draw: Random) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in list(late):
        accepted = draw.random() < 0.5
        act = quarantine.accept if accepted else quarantine.discard
        act(row.pk, world.claire, world.now)
        counted["accepted" if accepted else "discarded"] += 1
        lines = AnswerEvent.objects.filter(pk=row.pk)
        assert [line.cause for line in lines] == (["quarantine"] if accepted else [])
    return counted


def play(world: World, aside: ThreadPoolExecutor, times: int) -> None:
    Case.objects.update(state="closed")
    draw = Random(5)
    total: Counter[str] = Counter()
    for _time in range(times):
        total += interleave(world, aside, draw)
    print(f"\n{times} take-overs under typing hands: {dict(total)}")
    assert total["saved"] + total["late"] == total["typed"]
    # Each way of ending was met.
    assert all(total[name] for name in ("saved", "late", "accepted", "discarded"))


@pytest.mark.slow
def test_ten_take_overs_under_typing_hands_lose_nothing(
    world: World, aside: ThreadPoolExecutor
) -> None:
    play(world, aside, 10)


@pytest.mark.faults
def test_a_hundred_take_overs_under_typing_hands_lose_nothing(
    world: World, aside: ThreadPoolExecutor
) -> None:
    play(world, aside, 100)


@pytest.mark.parametrize("who", ["nadia", "yann"])
def test_whoever_resumes_goes_on_where_it_stopped(world: World, who: str) -> None:
    first = Call(world, world.nadia)
    first.to_sector()
    stopped = first.interview().next_item
    Case.objects.exclude(pk=first.case.pk).update(state="closed")
    leases.expire_leases(world.now + timedelta(seconds=world.wave.lease_seconds + 1))
    assert Place.objects.get(family="sector").state == "released"
    again = Call(world, getattr(world, who))
    interview = again.begin()
    assert (interview.next_item, again.case.epoch) == (stopped, first.case.epoch + 1)
    assert Place.objects.get(family="sector").state == "reserved"
    assert again.answer("S06", 2)["next"] != stopped


def test_a_heartbeat_keeps_the_lease_and_a_stale_one_is_told(world: World) -> None:
    call = Call(world, world.nadia)
    beat = world.now + timedelta(seconds=119)
    leases.heartbeat(call.case.pk, world.nadia, call.case.epoch, beat)
    assert leases.expire_leases(world.now + timedelta(seconds=121)) == 0
    assert leases.expire_leases(beat + timedelta(seconds=121)) == 1
    with pytest.raises(StaleLease):
        leases.heartbeat(call.case.pk, world.nadia, call.case.epoch, beat)


def test_a_take_over_needs_a_reason_and_somebody_who_holds_the_case(world: World) -> None:
    call = Call(world, world.nadia)
    with pytest.raises(Refused):
        steer(call.case.pk, CaseAct.Kind.TAKE_OVER, Order("  ", world.claire, world.now))
    take_over(call.case, world.claire, world.now)
    act = CaseAct.objects.get()
    assert (act.person, act.by, act.reason) == (world.nadia, world.claire, "La ligne est perdue")
    with pytest.raises(Refused):
        take_over(call.case, world.claire, world.now)


def test_a_second_window_does_not_go_on_after_the_outcome(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    assert call.end("13")["next"] == "redial"
    before = call.interview()
    with pytest.raises(Refused):
        call.answer("S06", 2)
    after = call.interview()
    assert (after.seq, after.outcome) == (before.seq, "13")
    assert Place.objects.get(family="sector").state == "released"
