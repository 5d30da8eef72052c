"""A state machine over the life of a case: claims, outcomes, promises, acts, jumps of the clock.

1. In every state, the claim's SQL and the pure rules agree on who may be called, for every asker.
2. Whoever asks gets a case exactly while one is due to her, and no call breaks a hard filter, as
   told again from the log of the calls alone.
3. An impossible transition is refused by the database itself, whatever the code would do, and as
   the role under which the application runs.
4. A number is held from one case at most, and just as long as its case.

Cases stand at rare places of their lives from the start: refused, often rung, promised, broken off,
closed, complete, opposed, sharing a number, waiting in a replicate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from cati.core.day_parts import fresh_part, part_at
from cati.core.dispositions import BY_CODE, DISPOSITIONS, Group, Needs, Then
from cati.core.reasons import BROKEN_OFF, REFUSED, Reason, why_not
from cati.core.rules import USUAL, Rules, read_rules, stored_rules
from cati.core.scheduling import PARIS, may_call, next_open
from cati.models import (
    Attempt,
    Case,
    Opposition,
    Phone,
    PhoneHold,
    QuotaCell,
    Replicate,
    User,
    Wave,
)
from cati.operations import calls, claim, inbound, jobs, leases, presence, quotas, rules
from cati.operations.appoint import miss_appointments
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.outcome import OutcomeInput, record_outcome
from cati.operations.record import AnswerInput, begin_interview, save_answer
from cati.operations.replicates import release_replicate
from cati.operations.steer_cases import Order, steer
from cati.operations.take_back import take_back_outcome
from cati.queries.callable import candidates, situation
from cati.queries.schedule import asker, facts_of
from tests.cati.test_journal_privileges import application
from tests.machine import Undone, ask, committed, search
from tests.world import World

__all__ = ["application"]

pytestmark = pytest.mark.django_db
MANIFEST = """
instrument: court
title: Court
specials: [dk, refused]
roles: {sector: SECTEUR}
files: [t.yaml]
"""
THEME = """
theme: T
title: Thème
items:
- {code: A, type: single, text: Où ?, choices: {1: CN, 2: VE}, specials: []}
- {compute: SECTEUR, type: text, value: "recode(A, {1: 'CN', 2: 'VE'})"}
- {quota: SECTEUR, cell: SECTEUR}
- {code: B, type: single, text: B ?, choices: {1: Oui, 2: Non}}
"""
HOURS: dict[str, list[str]] = {str(day): ["10:00", "20:30"] for day in range(1, 7)} | {
    "closed": ["holidays"]
}
SHORT = replace(
    USUAL,
    delays={"": 60, "31": 90, "40": 1440, "41": 1440, "23": 1440, "21": 300},
    maxima={"33": 1},
    most=4,
    most_per_day=2,
    busy_per_day=2,
)
# Wednesday, 15:00. The night that repeats an hour and two holidays are some jumps ahead.
START = datetime(2026, 10, 21, 13, tzinfo=UTC)
NADIA, YANN = 0, 1
ASKED_TWICE, OFTEN, COMPLETE, LEFT_HALFWAY, REFUSED_ONCE, PROMISED, BUSY, OPPOSED = range(5, 13)
CASES = 15
# Who rang which case before, at which local day and hour of that October, and what came of it.
BEFORE = (
    (ASKED_TWICE, NADIA, 16, 11, "40"), (ASKED_TWICE, YANN, 19, 18, "41"),
    (OFTEN, YANN, 19, 11, "32"), (OFTEN, NADIA, 19, 18, "32"), (OFTEN, YANN, 20, 18, "32"),
    (COMPLETE, NADIA, 20, 11, "10"), (LEFT_HALFWAY, YANN, 20, 12, "12"),
    (REFUSED_ONCE, NADIA, 20, 14, "40"), (PROMISED, NADIA, 20, 15, "20"),
    (OPPOSED, YANN, 20, 16, "42"), (BUSY, NADIA, 21, 14, "31"),
)  # fmt: skip
PROMISE = START + timedelta(hours=1)

WHO = st.sampled_from([NADIA, YANN])
WHICH = st.integers(0, CASES - 1)
ANSWERS = st.sampled_from([(), (1,), (1, 1), (1, 2), (2, 1)])
VAIN = [row.code for row in DISPOSITIONS if row.group is Group.NUMBER]
SPOKEN = [row.code for row in DISPOSITIONS if row.offered and row.code not in (*VAIN, "10")]
CONTACTS = ("20", "22", "40", "41", "54")
STEERED = ("push", "assign", "close", "reopen", "take_over", "oppose")
RULED = ("quota closed", "quota reopened", "replicate released", "fresh spread",
         "fresh everywhere")  # fmt: skip

# Each statement touches no row, or is refused: there is no state of a case in which it may pass.
# An outcome that was taken back brings its call and its case back to where they were.
ONCE_FOR_ALL = """NOT EXISTS (SELECT 1 FROM cati_caseact act
  WHERE act.case_id = %(case)s AND act.kind = 'take_back')"""
IMPOSSIBLE = {
    "no tier": "UPDATE cati_case SET tier = 7 WHERE id = %(case)s",
    "no part of the week": "UPDATE cati_case SET part = 10 WHERE id = %(case)s",
    "half a lease": """
        UPDATE cati_case SET lease_until = CASE WHEN holder_id IS NULL THEN %(now)s END
        WHERE id = %(case)s""",
    "closed and held": """
        UPDATE cati_case SET state = 'closed', holder_id = coalesce(holder_id, %(outsider)s),
          lease_until = coalesce(lease_until, %(now)s)
        WHERE id = %(case)s""",
    "epoch falls": "UPDATE cati_case SET epoch = epoch - 1 WHERE id = %(case)s",
    "rung and fresh": f"""
        UPDATE cati_case SET tier = 6, part = 0 WHERE id = %(case)s AND tier <> 6
          AND {ONCE_FOR_ALL}""",
    "complete and open": f"""
        UPDATE cati_case SET state = 'open'
        WHERE id = %(case)s AND state = 'closed' AND disposition = '10' AND {ONCE_FOR_ALL}""",
    "two cases in one hand": """
        UPDATE cati_case c SET holder_id = o.holder_id, lease_until = o.lease_until
        FROM cati_case o
        WHERE c.id = %(case)s AND c.state = 'open' AND o.id <> c.id AND o.holder_id IS NOT NULL""",
    "number held twice": """
        INSERT INTO cati_phonehold SELECT * FROM cati_phonehold WHERE case_id = %(case)s""",
    "two calls at once": """
        INSERT INTO cati_attempt (case_id, interviewer_id, epoch, visit, opened_at, disposition,
          aapor, abandoned, before)
        SELECT case_id, interviewer_id, epoch, visit, opened_at, '', '', false, '{}'
        FROM cati_attempt WHERE case_id = %(case)s AND closed_at IS NULL""",
    "outcome before the end": """
        UPDATE cati_attempt SET disposition = '32'
        WHERE case_id = %(case)s AND closed_at IS NULL""",
    "end without outcome": """
        UPDATE cati_attempt SET closed_at = %(now)s
        WHERE case_id = %(case)s AND closed_at IS NULL""",
    "another outcome": """
        UPDATE cati_attempt SET disposition = '99'
        WHERE case_id = %(case)s AND closed_at IS NOT NULL""",
    "another end": """
        UPDATE cati_attempt SET closed_at = closed_at + interval '1 s'
        WHERE case_id = %(case)s AND closed_at IS NOT NULL""",
    "no end any more": f"""
        UPDATE cati_attempt SET closed_at = NULL, disposition = ''
        WHERE case_id = %(case)s AND closed_at IS NOT NULL AND {ONCE_FOR_ALL}""",
    "two promises": """
        INSERT INTO cati_appointment (case_id, attempt_id, at, firm, owner_id, ask_for, state)
        SELECT case_id, attempt_id, at, firm, owner_id, ask_for, state
        FROM cati_appointment WHERE case_id = %(case)s AND state = 'pending'""",
    "counted beyond its allowance": """
        UPDATE cati_quotacell q SET counted = q.target + q.allowance + 1 FROM cati_case c
        WHERE c.id = %(case)s AND q.sector_id = c.frame_sector_id AND q.allowance IS NOT NULL""",
}
RARE = (
    *(f"kept back: {reason.value}" for reason in Reason),
    "fresh rung", "busy again", "cut line taken up", "broken off taken up", "firm promise in time",
    "soft promise", "promise missed", "another number at once", "converted", "left without a call",
    "complete", "opposed", "expired", "abandoned call", "called back", "closed called back",
    "hour refused", "clock a day back", "clock changed", "nobody due", "taken back",
    "complete taken back", "back before a break", *STEERED, *RULED,
    *(f"refused: {name}" for name in IMPOSSIBLE),
)  # fmt: skip


def waits(case: Case) -> bool:
    return case.state == Case.State.OPEN and case.holder is None


def ended(case: Case) -> bool:
    """Closed, and neither complete nor opposed."""
    return case.state == Case.State.CLOSED and case.disposition not in ("10", "42")


def shut(case: Case) -> bool:
    """Whether its sector's cell is closed."""
    closed = QuotaCell.objects.filter(family="sector", state=QuotaCell.State.CLOSED)
    return closed.filter(sector=case.frame_sector).exists()


# Acts that only some cases bear.
FITS: dict[str, Callable[[Case], bool]] = {
    "push": waits,
    "assign": waits,
    "reopen": ended,
    "take_over": lambda case: case.holder is not None,
    "quota reopened": shut,
}

# Numbers are held with their case and its epoch, and nobody talks without a lease.
WRONG = """
SELECT (SELECT count(*) FROM cati_case c JOIN cati_phone p ON p.case_id = c.id
        FULL JOIN cati_phonehold h ON (h.phone_key, h.case_id, h.epoch)
                                    = (p.phone_key, c.id, c.epoch)
        WHERE (c.holder_id IS NULL) <> (h.phone_key IS NULL)),
       (SELECT count(*) FROM cati_attempt a JOIN cati_case c ON c.id = a.case_id
        WHERE a.closed_at IS NULL AND c.holder_id IS NULL)
"""


class Life(Undone):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.people = (self.world.nadia, self.world.yann)
        self.wave = Wave.objects.get(pk=self.world.wave.pk)
        # What a supervisor, new rules or a caller overruled is not told from the log; nor is
        # anything once the clock went back.
        self.overruled: set[int] = set()
        self.went_back = False
        self.turn = 0

    @initialize(
        hours=st.sampled_from([0, 0, 1, 2, 5.2, 24, 76, 485]),
        aside=st.sets(WHICH, max_size=5), full=st.booleans(), assigned=st.booleans(),
    )  # fmt: skip
    def begin(self, hours: float, aside: set[int], full: bool, assigned: bool) -> None:
        """At some hour, with fewer cases or all of them, and at times with a sector closed."""
        self.pass_to(START + timedelta(hours=hours))
        if assigned:
            self.supervise(BUSY, "assign")
        for which in sorted(aside):
            self.supervise(which, "close")
        if full:
            self.supervise(OFTEN, "quota closed")

    # --- interviewers

    @rule(who=WHO, code=st.sampled_from([*VAIN, "31", "31", "31", "32", "33"]))
    def ring_in_vain(self, who: int, code: str) -> None:
        if case := self.call(self.people[who]):
            self.end(case, self.people[who], code)

    @rule(
        who=WHO, code=st.sampled_from([*SPOKEN, "12", "13", "13", *3 * ["20"], "40", *3 * ["42"]]),
        hours=st.sampled_from([-1, 1, 2, 5, 9, 24]), firm=st.booleans(), mine=st.booleans(),
    )  # fmt: skip
    def speak(self, who: int, code: str, hours: int, firm: bool, mine: bool) -> None:
        """The household picks up; an hour at which nobody may call is asked for again."""
        user = self.people[who]
        if case := self.call(user):
            given = {"at": self.now + timedelta(hours=hours), "firm": firm, "mine": mine}
            if not self.end(case, user, code, **given):
                opens = next_open(HOURS, self.now + timedelta(hours=1))
                self.end(case, user, code, **given | {"at": opens})

    @rule(who=WHO)
    def ask_for_the_night(self, who: int) -> None:
        """She is told when somebody may call, and promises that."""
        user = self.people[who]
        if case := self.call(user):
            night = self.now.astimezone(PARIS).replace(hour=23) + timedelta(days=1)
            if not self.end(case, user, "20", at=night):
                self.end(case, user, "20", at=next_open(HOURS, self.now + timedelta(hours=1)))

    @rule(who=WHO)
    def cut_off(self, who: int) -> None:
        """The line is cut and she is heard of no more; whoever is free takes the case up."""
        user, colleague = self.people[who], self.people[1 - who]
        if case := self.call(user):
            self.end(case, user, "13")
            self.pass_to(self.now + timedelta(minutes=3))
            if taken := self.call(colleague):
                self.end(taken, colleague, "32")

    @rule(who=WHO, answers=ANSWERS, code=st.sampled_from(["12", "12", "13", "13", "40", "20"]))
    def interview(self, who: int, answers: Sequence[int], code: str) -> None:
        """To its end, or left halfway; the person may live in another sector than the sample's."""
        user = self.people[who]
        if case := self.call(user):
            ask_questions(case, user, answers, self.now)
            at = next_open(HOURS, self.now + timedelta(hours=20)) if code == "20" else None
            self.end(case, user, code, at=at)

    @rule(
        who=WHO, dials=st.booleans(), answers=ANSWERS,
        then=st.sampled_from(["", "", "lost", "take_over"]),
    )  # fmt: skip
    def take_up(self, who: int, dials: bool, answers: Sequence[int], then: str) -> None:
        """She takes a case; at times she is heard of no more until every lease has run out, or the
        supervisor takes it from her."""
        user = self.people[who]
        case = self.call(user) if dials else self.claim(user)
        if case is not None and dials and answers:
            ask_questions(case, user, answers, self.now)
        if then == "lost":
            self.pass_to(self.now + timedelta(minutes=3))
        if then == "take_over":
            self.supervise(0, then)
        if case is not None:
            self.reached["abandoned call"] += case.calls.filter(abandoned=True).exists()

    @rule(who=WHO, rings=st.booleans(), answers=ANSWERS, code=st.sampled_from([*VAIN, "12", "40"]))
    def think_better(self, who: int, rings: bool, answers: Sequence[int], code: str) -> None:
        """She takes back what she gave last, just now or earlier, and gives another outcome."""
        user = self.people[who]
        if rings and (case := self.call(user)):
            ask_questions(case, user, answers, self.now)
            self.end(case, user, "34")
        last = Attempt.objects.filter(interviewer=user, abandoned=False).exclude(disposition="")
        # By its number: a clock set back leaves earlier ones in the future.
        given = last.select_related("case").latest("pk")
        self.now += timedelta(seconds=1)
        try:
            case = committed(
                lambda: take_back_outcome(self.wave, given.case.number, user, self.now)
            )
        except Refused:
            return
        assert case.calls.filter(closed_at__isnull=True).get() == given
        self.overruled.add(case.pk)
        self.reached["taken back"] += 1
        self.reached["complete taken back"] += given.disposition == "10"
        self.end(case, user, code)

    @rule(who=WHO)
    def rest(self, who: int) -> None:
        """Before a break, the case that she has not dialled goes back."""
        user = self.people[who]
        case = self.claim(user)
        try:
            committed(lambda: presence.take_break(self.wave, user, self.now))
        except Refused:
            assert case is not None
            assert calls.open_attempt(case)
            return
        assert not Case.objects.filter(holder=user).exists()
        self.reached["back before a break"] += case is not None

    @rule(who=WHO, which=WHICH, closed=st.booleans())
    def call_back(self, who: int, which: int, closed: bool) -> None:
        """A respondent rings us, whose case may be closed."""
        case, user = self.pick(which, lambda case: not closed or ended(case)), self.people[who]
        try:
            committed(lambda: inbound.take_call(self.wave, case.number, user, self.now))
        except Refused:
            return
        self.overruled.add(case.pk)
        self.reached["called back"] += 1
        self.reached["closed called back"] += case.state == Case.State.CLOSED

    def claim(self, user: User) -> Case | None:
        self.now += timedelta(seconds=1)
        held = Case.objects.filter(holder=user).exists()
        due = self.due(user)
        try:
            case = committed(lambda: claim.next_case(self.wave, user, self.now))
        except Refused:
            assert not may_call(HOURS, self.now)
            return None
        assert (case is not None) == bool(due or held)
        if case is None:
            self.reached["nobody due"] += 1
            self.wait(0, 0)
        elif not held:
            assert case.pk in due
            self.judge(case, user)
        return case  # type: ignore[no-any-return]

    def call(self, user: User) -> Case | None:
        """The case that she has on the line."""
        case = self.claim(user)
        phone = case.phones.filter(state=Phone.State.VALID).first() if case else None
        if case is None or phone is None:
            return None
        try:
            committed(lambda: calls.dial(case.pk, user, case.epoch, phone.pk, self.now))
        except Refused:
            assert not may_call(HOURS, self.now)
            return None
        return case

    def end(
        self, case: Case, user: User, code: str, *,
        at: datetime | None = None, firm: bool = True, mine: bool = True,
    ) -> bool:  # fmt: skip
        """Whether the outcome was taken: only its hour may be refused. What is complete is 10."""
        if case.calls.filter(closed_at__isnull=True, interview__outcome="complete").exists():
            code = "10"
        try:
            reply = tell(case, user, code, self.now, at=at, firm=firm, mine=mine)
        except Refused as refused:
            assert refused.messages.keys() == {"at"}
            self.reached["hour refused"] += 1
            return False
        case.refresh_from_db()
        again = reply.body["next"] == "redial" and code != "13"
        exhausted = case.state == Case.State.OPEN and case.tier == 5 and case.part is None
        self.reached["another number at once"] += again
        self.reached["left without a call"] += exhausted
        self.reached["complete"] += code == "10"
        self.reached["opposed"] += code == "42"
        self.overruled.discard(case.pk)
        return True

    # --- the clock

    @rule(which=st.integers(0, 2), late=st.sampled_from([0, 0, 5, 20, 40]))
    def wait(self, which: int, late: int) -> None:
        """Until one of those cases is due that wait the least, or some minutes longer."""
        waiting = self.wave.cases.filter(state="open", holder=None, due_at__gt=self.now)
        for case in waiting.order_by("due_at")[which : which + 1]:
            opens = next_open(HOURS, case.due_at)
            assert opens is not None
            self.pass_to(opens.astimezone(UTC) + timedelta(minutes=late))

    @rule(minutes=st.sampled_from([12, 60, 300, 1440, 11_520]), back=st.integers(0, 4))
    def pass_time(self, minutes: int, back: int) -> None:
        """Seldom, somebody sets the clock a day back."""
        if back:
            self.pass_to(self.now + timedelta(minutes=minutes))
            return
        self.now -= timedelta(days=1)
        self.went_back = True
        self.reached["clock a day back"] += 1

    def pass_to(self, then: datetime) -> None:
        offsets = {at.astimezone(PARIS).utcoffset() for at in (self.now, then)}
        self.reached["clock changed"] += len(offsets) == 2
        self.now = then
        self.reached["expired"] += committed(lambda: leases.expire_leases(self.now))
        self.reached["promise missed"] += committed(lambda: miss_appointments(self.now))

    # --- the supervisor

    @rule(which=WHICH, acts=st.lists(st.sampled_from(STEERED), min_size=1, max_size=3))
    def steer_cases(self, which: int, acts: Sequence[str]) -> None:
        for act in acts:
            self.supervise(which, act)

    @rule(
        which=WHICH,
        acts=st.lists(st.sampled_from([*RULED, *2 * ["quota reopened"]]), min_size=1, max_size=3),
    )
    def rule_the_wave(self, which: int, acts: Sequence[str]) -> None:
        for act in acts:
            self.supervise(which, act)

    def supervise(self, which: int, act: str) -> None:
        case = self.pick(which, FITS.get(act, bool))
        acts = dict.fromkeys(STEERED, self.steer) | {
            "quota closed": self.steer_quota, "quota reopened": self.steer_quota,
            "replicate released": self.release,
            "fresh spread": self.change_rules, "fresh everywhere": self.change_rules,
        }  # fmt: skip
        try:
            committed(lambda: acts[act](case, act))
        except Refused:
            return
        self.reached[act] += 1

    def steer(self, case: Case, act: str) -> None:
        order = Order("Il le faut", self.world.claire, self.now, person=self.world.yann)
        steer(case.pk, act, order)
        self.overruled.add(case.pk)

    def steer_quota(self, case: Case, act: str) -> None:
        order = quotas.Order("Pilotage", self.world.claire, self.now)
        cell = self.world.cells[case.frame_sector.code]
        quotas.set_state(cell.pk, is_open=act == "quota reopened", order=order)

    def release(self, _case: Case, _act: str) -> None:
        release_replicate(self.wave, 7, self.world.claire, self.now)

    def change_rules(self, _case: Case, act: str) -> None:
        """And the job that reckons the pool anew, at once."""
        spread = act == "fresh spread"
        new = replace(SHORT, spread_fresh=spread, delays={**SHORT.delays, "": 30 if spread else 90})
        job = rules.change_rules(self.wave, new, HOURS, "", self.world.claire, self.now)
        jobs.run(job.pk, lambda: self.now)
        self.wave.refresh_from_db()
        self.overruled |= {case.pk for case in self.cases()}

    # --- what cannot be

    @rule(who=WHO, held=st.booleans())
    def try_the_impossible(self, who: int, held: bool) -> None:
        """Each transition that cannot be, of every case, straight at the database; at times with a
        call going on."""
        if held:
            self.call(self.people[who])
        for case in self.cases():
            given: dict[str, Any] = {"case": case.pk, "now": self.now}
            given["outsider"] = self.world.oscar.pk
            with connection.cursor() as cursor:
                for name, statement in IMPOSSIBLE.items():
                    try:
                        with transaction.atomic():
                            cursor.execute(statement, given)
                    except IntegrityError:
                        self.reached[f"refused: {name}"] += 1
                    else:
                        assert cursor.rowcount == 0, name

    # --- what always holds

    @invariant()
    def the_claim_and_the_rules_agree(self) -> None:
        """For each asker in turn, the last of whom is nobody in particular."""
        self.turn += 1
        self.due((*self.people, None)[self.turn % 3])

    def due(self, user: User | None) -> set[int]:
        """Who may be called for `user`, on which SQL and core agree."""
        found = situation(self.wave, user, self.now)
        reasons = {
            case: why_not(facts, found.rules, self.now, asker(user))
            for case, facts in facts_of(self.cases(), found, self.now).items()
        }
        by_sql = {pk for pk, _ in candidates(found, limit=len(reasons))}
        assert by_sql == {pk for pk, reason in reasons.items() if reason is None}, reasons
        self.reached.update(f"kept back: {one.value}" for one in reasons.values() if one)
        return by_sql

    @invariant()
    def numbers_are_held_with_their_case(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(WRONG)
            assert cursor.fetchone() == (0, 0)

    # --- the log tells it again

    def cases(self) -> Sequence[Case]:
        return list(self.wave.cases.select_related("frame_sector", "holder").order_by("pk"))

    def pick(self, which: int, fits: Callable[[Case], bool]) -> Case:
        """One that fits; any, where none does."""
        cases = self.cases()
        fitting = [case for case in cases if fits(case)] or cases
        return fitting[which % len(fitting)]

    def judge(self, case: Case, user: User) -> None:
        """The hard filters of a claim, from the rows and not by the code that claims."""
        ended = case.calls.filter(abandoned=False, closed_at__isnull=False)
        log = list(ended.order_by("closed_at"))
        keys = list(case.phones.values_list("phone_key", flat=True))
        at = read_rules(self.wave.call_rules)
        assert case.state == Case.State.OPEN
        assert may_call(HOURS, self.now)
        assert not Opposition.objects.filter(phone_key__in=keys).exists()
        assert not PhoneHold.objects.filter(phone_key__in=keys).exclude(case=case).exists()
        waiting = Replicate.objects.filter(number=case.replicate, released_at__isnull=True)
        assert not waiting.exists()
        self.judge_skill(case, user, log)
        if case.tier == Case.Tier.FRESH:
            assert not log
            assert fresh_part(at, case.jitter) in (0, part_at(at.parts, self.now))
        overruled = self.went_back or case.pk in self.overruled
        # A dead number is no reason to wait with the next one.
        dead = bool(log) and BY_CODE[log[-1].disposition].then is Then.CLOSE_NUMBER
        if log and case.tier in (Case.Tier.BUSY, Case.Tier.RETRY) and not overruled and not dead:
            self.judge_times(case, log, at)
        self.count(case, at)

    def judge_skill(self, case: Case, user: User, log: Sequence[Attempt]) -> None:
        assert case.language in ("", *user.languages)
        if case.tier == Case.Tier.RETRY and case.disposition in REFUSED:
            assert user.converts_refusals
            refused = [one for one in log if one.disposition in REFUSED]
            assert user.pk not in [one.interviewer_id for one in refused]
            self.reached["converted"] += 1

    def judge_times(self, case: Case, log: Sequence[Attempt], at: Rules) -> None:
        """Delay, maxima and part of the week, for what nobody has overruled since the last call."""
        visits = {one.visit: (_end(one), one.disposition) for one in log}.values()
        last, code = _end(log[-1]), log[-1].disposition
        assert self.now >= last + timedelta(minutes=at.delay(code))
        assert len(visits) < at.most
        today = [code for end, code in visits if _day(end) == _day(self.now)]
        assert len(today) < at.most_per_day
        if case.tier == Case.Tier.RETRY:
            assert not set(today) & set(CONTACTS)
            part = part_at(at.parts, self.now)
            made = [end for end, _code in visits if part_at(at.parts, end) == part]
            assert len(made) < at.parts[part - 1].most

    def count(self, case: Case, at: Rules) -> None:
        promised = case.tier == Case.Tier.APPOINTMENT
        in_time = self.now <= case.due_at + timedelta(minutes=at.grace)
        soft = case.tier == Case.Tier.SOFT and case.disposition not in BROKEN_OFF
        self.reached["fresh rung"] += case.tier == Case.Tier.FRESH
        self.reached["busy again"] += case.tier == Case.Tier.BUSY
        self.reached["cut line taken up"] += case.tier == Case.Tier.LINE_CUT
        self.reached["broken off taken up"] += case.disposition == "12"
        self.reached["soft promise"] += soft
        self.reached["firm promise in time"] += promised and in_time


def ask_questions(case: Case, user: User, answers: Sequence[int], now: datetime) -> None:
    """As far as the answers go; all two of them make the interview complete."""
    interview = committed(lambda: begin_interview(case.pk, user, case.epoch, now))
    for answer in answers:
        if interview.next_item:
            given = AnswerInput(uuid4(), "answer", interview.next_item, value={"v": answer})
            committed(lambda: save_answer(case.pk, user, case.epoch, given, now))  # noqa: B023
            interview.refresh_from_db()


def tell(
    case: Case, user: User, code: str, now: datetime, *,
    at: datetime | None, firm: bool = True, mine: bool = True,
) -> Reply:  # fmt: skip
    """The outcome of her call; where it may be without a promise, only a firm one is made."""
    needs = BY_CODE[code].needs
    given = OutcomeInput(
        uuid4(), code, firm=firm, mine=mine, note="à savoir" if needs is Needs.NOTE else "",
        at=at if firm or needs is Needs.APPOINTMENT else None,
    )  # fmt: skip
    reply: Reply = committed(lambda: record_outcome(case.pk, user, case.epoch, given, now))
    return reply


def _end(call: Attempt) -> datetime:
    assert call.closed_at is not None
    return call.closed_at


def _day(at: datetime) -> Any:
    return at.astimezone(PARIS).date()


@pytest.fixture
def staged(world: World) -> None:
    """Fifteen cases, each where its calls of the days before have brought it."""
    ask(world, MANIFEST, THEME, START)
    Wave.objects.filter(pk=world.wave.pk).update(
        calling_hours=HOURS, call_rules=stored_rules(SHORT)
    )
    Case.objects.filter(wave=world.wave).delete()
    world.cases.clear()
    world.now = START - timedelta(days=9)
    Replicate.objects.create(wave=world.wave, number=7)
    first = world.add_case("CN", jitter=0.1)
    world.add_case("VE", jitter=0.9, phones=2)
    world.add_case("CN", jitter=0.4, shares=first, phones=2, language="tr")
    world.add_case("VE", jitter=0.7, shares=first)
    world.add_case("VE", jitter=0.6, replicate=7)
    for number in range(ASKED_TWICE, OPPOSED + 1):
        world.add_case(("CN", "VE")[number % 2], jitter=number / CASES, phones=2)
    for phones in (1, 2):
        world.add_case("VE", jitter=0.8, shares=world.cases[OPPOSED], phones=phones)
    User.objects.filter(pk=world.nadia.pk).update(converts_refusals=True)
    User.objects.filter(pk=world.yann.pk).update(converts_refusals=True, languages=["tr"])
    for person in (world.nadia, world.yann):
        person.refresh_from_db()
    Life.world = world
    for which, who, day, hour, code in BEFORE:
        at = datetime(2026, 10, day, hour, tzinfo=PARIS).astimezone(UTC)
        live_through(world, which, (world.nadia, world.yann)[who], at, code)


def live_through(world: World, which: int, user: User, at: datetime, code: str) -> None:
    """A call of the days before: the person rang, whatever was due then."""
    number = world.cases[which].number
    case = committed(lambda: inbound.take_call(world.wave, number, user, at))
    if code == "10":
        ask_questions(case, user, [1, 1], at)
    tell(case, user, code, at, at=PROMISE if code == "20" else None)


@pytest.mark.slow
def test_two_hundred_lives_hold_what_always_holds(staged: None) -> None:
    search(Life, RARE, runs=200, steps=12, derandomize=True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_application_makes_no_impossible_transition(staged: None, application: str) -> None:
    world, refused = Life.world, set()
    case = claim.next_case(world.wave, world.nadia, START)
    assert case is not None
    calls.dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, START)
    with psycopg.connect(application, autocommit=True) as connected:
        for one in world.cases:
            given = {"case": one.pk, "now": START, "outsider": world.oscar.pk}
            for name, statement in IMPOSSIBLE.items():
                try:
                    assert connected.execute(statement, given).rowcount == 0, name
                except psycopg.errors.IntegrityError:
                    refused.add(name)
    assert refused == IMPOSSIBLE.keys()


# Ten searches, which as many workers may share.
@pytest.mark.nightly
@pytest.mark.parametrize("thousand", range(1, 11))
def test_a_thousand_lives_hold_what_always_holds(staged: None, thousand: int) -> None:
    print(f"\nthe {thousand}. thousand", end="")
    search(Life, RARE, runs=1_000, steps=12, derandomize=False)
