"""A state machine over interview, place and lease, through the product's operations.

Two interviewers, a supervisor and an eraser act in any order on the cases of a short questionnaire,
which stand at its rare places from the start: left halfway, complete and lost, in progress outside
a full sector, counted in its last place. After every act each projection equals its journal, the
cells count what the places say, and nothing that was typed is lost. How often each rare thing was
reached is counted and asserted, so that the search cannot go blind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from cati.models import Case, CaseAct, LateAnswer, QuotaCell, User
from cati.operations import calls, claim, erase, leases, quarantine
from cati.operations.errors import Refused, StaleLease
from cati.operations.outcome import OutcomeInput, record_outcome
from cati.operations.record import AnswerInput, begin_interview, save_answer
from cati.operations.steer_cases import Order, steer
from questionnaire.models import Interview
from questionnaire.operations import AnswerRefused, rebuild
from tests.machine import Undone, ask, committed, search
from tests.world import World

pytestmark = pytest.mark.django_db
MANIFEST = """
instrument: court
title: Court
specials: [dk, refused]
preloads:
  SECTEUR_FICHIER: {type: text, values: [CN, VE, T1]}
roles: {sector: SECTEUR, consent: C}
files: [t.yaml]
"""
THEME = """
theme: T
title: Thème
items:
- {code: C, type: consent, per_contact: true, text: Oui ?, choices: {1: Oui, 2: Non}, specials: []}
- {end: {if: C == 2, outcome: "40"}}
- {code: Q, type: single, text: Où ?, choices: {1: CN, 2: VE}, specials: []}
- {compute: SECTEUR, type: text, value: "recode(Q, {1: 'CN', 2: 'VE'})"}
- {quota: SECTEUR, cell: SECTEUR}
- {end: {if: quota_full(SECTEUR), outcome: QUOTA}}
- {code: A, type: single, text: A ?, choices: {1: Oui, 2: Non}}
- {code: B, type: single, ask_if: A == 1, text: B ?, choices: {1: Oui, 2: Non}}
- {code: W, type: text, text: Pourquoi ?}
"""
CANARY = "canari"
VALUES: dict[str, list[dict[str, Any]]] = {
    "C": [{"v": 1}, {"v": 1}, {"v": 1}, {"v": 2}],
    "Q": [{"v": 2}, {"v": 1}],
    "A": [{"v": 1}, {"v": 2}, {"special": "dk"}],
    "B": [{"v": 1}, {"v": 2}],
    "W": [{"v": CANARY}, {"special": "refused"}],
}
RARE = (
    "expired", "taken over", "resumed", "resumed by another", "complete", "complete, resumed",
    "end reopened", "parked", "late", "late accepted", "late refused", "late discarded",
    "late note", "full", "outside", "complete, outside", "released",
    "erased complete", "erased in a call", "broken off", "case reopened", "cell moved",
)  # fmt: skip

# What never is, each as a count of what is wrong; together they are one statement, one moment.
WRONG = {
    "cells that do not count what places say": """
        SELECT count(*) FROM cati_quotacell c WHERE (c.reserved, c.counted) <> (
          SELECT count(*) FILTER (WHERE p.state = 'reserved'),
                 count(*) FILTER (WHERE p.state = 'confirmed')
          FROM cati_place p WHERE p.cell_id = c.id)""",
    "cells that count too many": """
        SELECT count(*) FROM cati_quotacell WHERE counted > target + allowance""",
    "places reserved for an interview that nobody conducts": """
        SELECT count(*) FROM cati_place p WHERE p.state = 'reserved' AND NOT EXISTS (
          SELECT 1 FROM cati_attempt a
          WHERE a.interview_id = p.interview_id AND a.closed_at IS NULL)""",
    "places of complete interviews that are neither counted nor outside": """
        SELECT count(*) FROM cati_place p
        JOIN cati_caseinterview l ON l.interview_id = p.interview_id
        JOIN cati_case c ON c.id = l.case_id
        WHERE c.disposition = '10' AND p.state NOT IN ('confirmed', 'outside')""",
    "numbers held without a lease, or leases without their numbers": """
        SELECT count(*) FROM cati_case c WHERE (c.holder_id IS NOT NULL) <> EXISTS (
          SELECT 1 FROM cati_phonehold h WHERE h.case_id = c.id AND h.epoch = c.epoch)""",
    "answers lost from the journal": """
        SELECT count(*) FROM unnest(%(journal)s::uuid[]) id WHERE NOT EXISTS (
          SELECT 1 FROM questionnaire_answerevent e WHERE e.id = id.id)""",
    "answers and notes lost from the quarantine": """
        SELECT count(*) FROM unnest(%(quarantine)s::uuid[]) id WHERE NOT EXISTS (
          SELECT 1 FROM cati_lateanswer l WHERE l.uuid = id.id)""",
    "words of people who were erased": """
        SELECT count(*) FROM cati_caseinterview l
        JOIN questionnaire_interview i ON i.id = l.interview_id
        WHERE l.case_id = ANY(%(erased)s) AND (i.answers::text LIKE %(said)s OR EXISTS (
            SELECT 1 FROM questionnaire_answerevent e
            WHERE e.interview_id = i.id AND e.value::text LIKE %(said)s)
          OR EXISTS (SELECT 1 FROM cati_note n WHERE n.case_id = l.case_id)
          OR EXISTS (SELECT 1 FROM cati_lateanswer w
                     WHERE w.case_id = l.case_id AND w.value <> '{}'))""",
}
EVERYTHING = "SELECT " + ", ".join(f"({one})" for one in WRONG.values())


class Hands:
    """What one interviewer has on her screen: her case and its epoch, as her page knows them."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.case: Case | None = None
        self.interview: int | None = None


class Floor:
    """Who acts and when, and what became of all that was typed. Rules and stage play on it."""

    def __init__(self, world: World, reached: Counter[str]) -> None:
        self.world, self.reached, self.now = world, reached, world.now
        self.hands = [Hands(world.nadia), Hands(world.yann)]
        # Where each thing that was typed is to be found.
        self.kept: dict[UUID, str] = {}
        self.erased: set[int] = set()
        self.last_holder: dict[int, int] = {}
        self.cases = list(Case.objects.filter(wave=world.wave).order_by("pk"))

    def does(self, act: Callable[[], Any]) -> Any:
        """The act, and what waits for its commit; time goes on."""
        self.now += timedelta(seconds=1)
        return committed(act)

    def order(self) -> Order:
        return Order("Il le faut", self.world.claire, self.now)

    def begin(self, hers: Hands, which: int) -> None:
        """Claim, with that case first in line, or go back to the one she holds; call, and open."""
        chosen = self.cases[which]
        # Refused where it is closed or held: the claim then gives what there is.
        with suppress(Refused):
            self.does(lambda: steer(chosen.pk, CaseAct.Kind.PUSH, self.order()))
        case = self.does(lambda: claim.next_case(self.world.wave, hers.user, self.now))
        if case is None:
            return
        before = case.interviews.filter(current=True).select_related("interview").first()
        fresh = hers.case is None or (hers.case.pk, hers.case.epoch) != (case.pk, case.epoch)
        phone = case.phones.all()[0]
        self.does(lambda: calls.dial(case.pk, hers.user, case.epoch, phone.pk, self.now))
        interview = self.does(lambda: begin_interview(case.pk, hers.user, case.epoch, self.now))
        hers.case, hers.interview = case, interview.pk
        if before is not None and fresh:
            another = self.last_holder.get(case.pk) not in (None, hers.user.pk)
            self.reached["resumed by another" if another else "resumed"] += 1
            self.reached["complete, resumed"] += before.interview.outcome == "complete"
        self.last_holder[case.pk] = hers.user.pk

    def say(self, hers: Hands, draws: list[int]) -> None:
        """What is to be asked next, one after the other."""
        for draw in draws:
            if hers.interview is not None:
                self.answer(hers, self.interview(hers).next_item, draw)

    def interview(self, hers: Hands) -> Interview:
        """What is asked and where; its answers weigh more than all that is looked at here."""
        return Interview.objects.defer("answers").get(pk=hers.interview)

    def answer(self, hers: Hands, code: str, draw: int) -> None:
        if hers.case is None or not code:
            return
        before = self.interview(hers)
        value = VALUES[code][draw % len(VALUES[code])]
        kind = "special" if "special" in value else "answer"
        given = AnswerInput(uuid4(), kind, code, value=value)
        case, user = hers.case, hers.user

        def send() -> Any:
            return save_answer(case.pk, user, case.epoch, given, self.now)

        try:
            reply = self.does(send)
        except (AnswerRefused, Refused, StaleLease):
            return
        if draw > 4:
            assert self.does(send).body == reply.body
        self.kept[given.uuid] = "journal" if reply.status == 200 else "quarantine"
        self.reached["late"] += reply.status == 409
        if reply.status == 200:
            after = self.interview(hers)
            self.reached["parked"] += bool(reply.body["parked"])
            self.reached["full"] += after.outcome == "QUOTA" != before.outcome
            self.reached["end reopened"] += bool(before.outcome) and not after.outcome
            self.reached["cell moved"] += bool(before.sector) and before.sector != after.sector

    def end(self, hers: Hands, code: str) -> None:
        if hers.case is None:
            return
        case, user = hers.case, hers.user
        at = self.now + timedelta(days=1) if code == "20" else None
        outcome = OutcomeInput(uuid4(), code, at=at)
        try:
            reply = self.does(lambda: record_outcome(case.pk, user, case.epoch, outcome, self.now))
        except (Refused, StaleLease):
            return
        if code == "10":
            self.reached["complete" if reply.body["counted"] else "complete, outside"] += 1
        self.reached["broken off"] += code == "22"

    def pass_time(self, minutes: int) -> None:
        """What was to be called again is due; those in a call go on talking."""
        self.now += timedelta(minutes=minutes)
        soon = self.now + timedelta(minutes=1)
        Case.objects.filter(state="open", due_at__gt=soon).update(due_at=self.now)
        Case.objects.filter(holder__isnull=False).update(lease_until=soon)

    def lapse(self) -> None:
        """Every lease runs out."""
        self.now += timedelta(seconds=121)
        self.reached["expired"] += self.does(lambda: leases.expire_leases(self.now))


# What is answered on the way to each of the cases that stand somewhere from the start.
HALFWAY, COMPLETE = [0, 1, 0, 0], [0, 1, 1, 0]
LAST_PLACE = [0, 0, 1, 0]
LEFT, LOST, OUTSIDE, COUNTED = 1, 2, 3, 4


def stage(world: World) -> Floor:
    """The cases as every run finds them. Nadia's page still shows the one that she has lost."""
    floor = Floor(world, Counter())
    nadia, yann = floor.hands
    floor.begin(nadia, COUNTED)
    floor.say(nadia, LAST_PLACE)
    floor.end(nadia, "10")
    floor.begin(nadia, LEFT)
    floor.say(nadia, HALFWAY)
    floor.end(nadia, "22")
    floor.begin(nadia, LOST)
    floor.say(nadia, COMPLETE)
    floor.lapse()
    floor.begin(yann, OUTSIDE)
    floor.say(yann, HALFWAY)
    floor.pass_time(minutes=6)
    floor.answer(yann, "Q", 0)
    assert floor.reached["complete"] == floor.reached["broken off"] == floor.reached["expired"] == 1
    return floor


class Fieldwork(Undone):
    world: ClassVar[World]
    staged: ClassVar[Floor]

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor(self.world, self.reached)
        self.floor.now, self.floor.last_holder = self.staged.now, dict(self.staged.last_holder)
        for hers, staged in zip(self.floor.hands, self.staged.hands, strict=True):
            hers.case, hers.interview = staged.case, staged.interview
        self.seen: dict[int, Interview] = {}

    # --- interviewers

    @rule(who=st.integers(0, 1), which=st.integers(0, 5), draws=st.lists(st.integers(0, 5)))
    def begin(self, who: int, which: int, draws: list[int]) -> None:
        hers = self.floor.hands[who]
        self.floor.begin(hers, which)
        self.floor.say(hers, draws[:3])

    @rule(who=st.integers(0, 1), code=st.sampled_from([*VALUES]), draw=st.integers(0, 5))
    def edit(self, who: int, code: str, draw: int) -> None:
        """Any question, whether it is asked now or not; from a stale page as well."""
        self.floor.answer(self.floor.hands[who], code, draw)

    @rule(who=st.integers(0, 1), draws=st.lists(st.integers(0, 5), min_size=5, max_size=5))
    def finish(self, who: int, draws: list[int]) -> None:
        """All that is asked, and the outcome that is right if nothing ended it before."""
        self.floor.say(self.floor.hands[who], draws)
        self.floor.end(self.floor.hands[who], "10")

    @rule(who=st.integers(0, 1), code=st.sampled_from(["22", "13", "20", "22", "40"]))
    def end(self, who: int, code: str) -> None:
        """Break-off, line cut, appointment, refusal."""
        self.floor.end(self.floor.hands[who], code)

    @rule(who=st.integers(0, 1))
    def note(self, who: int) -> None:
        hers, uuid = self.floor.hands[who], uuid4()
        if hers.case is None:
            return
        case, given = hers.case, {"uuid": uuid, "text": CANARY, "item": ""}

        def keep() -> Any:
            now = self.floor.now
            return calls.add_note(case.pk, hers.user, epoch=case.epoch, now=now, **given)

        try:
            late = self.floor.does(keep).status == 409
        except StaleLease:
            return
        self.reached["late note"] += late
        if late:
            self.floor.kept[uuid] = "quarantine"

    # --- everybody else

    @rule(minutes=st.sampled_from([6, 2 * 24 * 60]))
    def time_goes_by(self, minutes: int) -> None:
        self.floor.pass_time(minutes)

    @rule()
    def lapse(self) -> None:
        self.floor.lapse()

    @rule(which=st.integers(0, 5), closes=st.booleans())
    def steer(self, which: int, closes: bool) -> None:
        """Take it from who holds it, reopen it where it is closed, and at times close it."""
        case = Case.objects.get(pk=self.floor.cases[which].pk)
        kind = (
            CaseAct.Kind.REOPEN
            if case.state == Case.State.CLOSED
            else CaseAct.Kind.CLOSE
            if closes
            else CaseAct.Kind.TAKE_OVER
        )
        try:
            self.floor.does(lambda: steer(case.pk, kind, self.floor.order()))
        except Refused:
            return
        self.reached["taken over"] += kind == CaseAct.Kind.TAKE_OVER
        self.reached["case reopened"] += kind == CaseAct.Kind.REOPEN

    @rule(accept=st.booleans())
    def decide(self, accept: bool) -> None:
        """The oldest thing that waits. Where nobody conducts the interview, an end that was said
        stays, and a complete one too; an end of the route alone goes with the answers."""
        late = LateAnswer.objects.filter(state="waiting").select_related("interview").first()
        if late is None:
            return
        act = quarantine.accept if accept else quarantine.discard
        left = late.interview and late.interview.outcome
        said = left == "complete" or (
            left and late.interview.events.filter(kind="end", value__outcome=left).exists()
        )
        try:
            self.floor.does(lambda: act(late.pk, self.world.claire, self.floor.now))
        except Refused:
            self.reached["late refused"] += 1
            return
        self.reached["late accepted" if accept else "late discarded"] += 1
        if accept and late.kind != LateAnswer.NOTE:
            self.floor.kept[late.pk] = "journal"
            talking = late.case.calls.filter(closed_at__isnull=True, interview=late.interview)
            now_is = Interview.objects.get(pk=late.interview_id).outcome
            assert talking.exists() or not said or now_is == left

    @rule(which=st.integers(0, 5), really=st.integers(0, 3))
    def erase(self, which: int, really: int) -> None:
        """Seldom, since nothing happens on a case afterwards."""
        case = Case.objects.get(pk=self.floor.cases[which].pk)
        if really or case.pk in self.floor.erased:
            return
        complete = Interview.objects.filter(case_link__case=case, outcome="complete").exists()
        order = erase.Order("Demande écrite", self.world.alain, self.floor.now)
        self.floor.does(lambda: erase.erase_case(case.pk, order))
        self.floor.erased.add(case.pk)
        self.reached["erased complete"] += complete
        self.reached["erased in a call"] += case.holder_id is not None

    # --- what always holds

    @invariant()
    def nothing_is_wrong(self) -> None:
        where = self.floor.kept
        known = {
            "journal": [uuid for uuid, place in where.items() if place == "journal"],
            "quarantine": [uuid for uuid, place in where.items() if place == "quarantine"],
            "erased": list(self.floor.erased),
            "said": f"%{CANARY}%",
        }
        with connection.cursor() as cursor:
            cursor.execute(EVERYTHING, known)
            counts = dict(zip(WRONG, cursor.fetchone(), strict=True))
            assert not any(counts.values()), counts
            cursor.execute("SELECT DISTINCT state FROM cati_place")
            self.reached.update(state for (state,) in cursor.fetchall())

    @invariant()
    def every_projection_equals_its_journal(self) -> None:
        """Of what has changed since the last look."""
        for interview in Interview.objects.all():
            before = self.seen.get(interview.pk)
            if before is None or vars_of(before) != vars_of(interview):
                assert rebuild(interview) == []
                self.seen[interview.pk] = interview


def vars_of(interview: Interview) -> dict[str, Any]:
    return {field.attname: getattr(interview, field.attname) for field in interview._meta.fields}


@pytest.fixture
def staged(world: World) -> None:
    """Six cases of a short questionnaire, with room for two in a sector and for one in another."""
    ask(world, MANIFEST, THEME, world.now)
    QuotaCell.objects.filter(wave=world.wave).update(target=2, allowance=0)
    QuotaCell.objects.filter(pk=world.cells["VE"].pk).update(target=1)
    Fieldwork.world, Fieldwork.staged = world, stage(world)


@pytest.mark.slow
def test_two_hundred_runs_hold_what_always_holds(staged: None) -> None:
    search(Fieldwork, RARE, runs=200, steps=15, derandomize=True)


@pytest.mark.nightly
@pytest.mark.parametrize("thousand", range(1, 11))
def test_a_thousand_runs_hold_what_always_holds(staged: None, thousand: int) -> None:
    print(f"\nthe {thousand}. thousand", end="")
    search(Fieldwork, RARE, runs=1_000, steps=15, derandomize=False)
