"""The life of an interview through the operations: answers, places, outcome, resume.

1. An answer is saved once; the same UUID with other content is refused.
2. The sector's place is reserved when the sector is known, counted at completion, given back on
   suspension, taken again on resume.
3. A full sector ends politely before five minutes of consent, and never after.
4. What outlived its place is complete, outside quota.
5. A stale holder's answer is kept aside, and she is told who holds the case.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from cati.models import Attempt, Case, IdempotentRequest, Place, QuotaCell, User
from cati.operations import calls, claim, leases, record
from cati.operations.errors import Refused
from cati.operations.outcome import OutcomeInput, record_outcome
from cati.operations.record import AnswerInput, begin_interview, save_answer
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import AnswerRefused, rebuild
from questionnaire.queries import current_route, program_of
from tests.world import World

pytestmark = pytest.mark.django_db

BEFORE_SECTOR: list[tuple[str, Any]] = [
    ("S01", 1), ("S10", 1), ("S11", 1), ("S02", 1), ("S03", 1), ("S04", "12 rue des Tests"),
]  # fmt: skip
VERGNES = 3


class Call:
    """One interviewer on one case, from the claim on."""

    def __init__(self, world: World, user: User) -> None:
        self.world, self.user, self.now = world, user, world.now
        case = claim.next_case(world.wave, user, world.now)
        assert case is not None
        self.case = case
        phone = case.phones.first()
        assert phone is not None
        calls.dial(case.pk, user, case.epoch, phone.pk, self.now)

    def begin(self) -> Interview:
        return begin_interview(self.case.pk, self.user, self.case.epoch, self.now)

    def answer(self, item: str, value: Any, **given: Any) -> Any:
        kind = given.pop("kind", "answer")
        tagged = value if isinstance(value, dict) else {"v": value}
        reply = save_answer(
            self.case.pk,
            self.user,
            self.case.epoch,
            AnswerInput(given.pop("uuid", uuid4()), kind, item, value=tagged),
            self.now,
        )
        return reply.body

    def to_sector(self, sector: int = VERGNES) -> Any:
        self.begin()
        for item, value in BEFORE_SECTOR:
            self.answer(item, value)
        return self.answer("S05", sector)

    def to_the_end(self) -> Any:
        """Answer whatever is asked, in the plainest way."""
        interview = self.interview()
        items = program_of(interview.version).instrument
        reply: dict[str, Any] = {"next": current_route(interview).next}
        while reply["next"]:
            item = items.item(reply["next"])
            if item.type == "info":
                reply = self.answer(item.code, {}, kind="seen")
            elif item.code in PLAIN:
                reply = self.answer(item.code, PLAIN[item.code])
            elif "dk" in item.specials:
                reply = self.answer(item.code, {"special": "dk"}, kind="special")
            else:
                reply = self.answer(item.code, item.choices[0].code)
        return reply

    def interview(self) -> Interview:
        return Interview.objects.get(case_link__case=self.case, case_link__current=True)

    def end(self, code: str, **given: Any) -> Any:
        outcome = OutcomeInput(uuid4(), code, **given)
        return record_outcome(self.case.pk, self.user, self.case.epoch, outcome, self.now).body


PLAIN = {"S06": 2, "S08": 1980, "D01": 2, "EDU01": 0}


def cell(world: World, code: str = "VE") -> QuotaCell:
    return QuotaCell.objects.get(wave=world.wave, sector__code=code, family="sector")


def test_a_whole_interview_is_counted_once(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    assert (cell(world).reserved, cell(world).counted) == (1, 0)
    assert call.to_the_end()["outcome"] == "complete"
    assert call.end("10") == {"next": "home", "label": "Entretien complet", "counted": True}
    assert (cell(world).reserved, cell(world).counted) == (0, 1)
    case = Case.objects.get(pk=call.case.pk)
    assert (case.state, case.disposition, case.holder, case.screened) == (
        "closed",
        "10",
        None,
        True,
    )
    attempt = Attempt.objects.get(case=case)
    assert (attempt.disposition, attempt.aapor, attempt.interview) == (
        "10",
        "1.1",
        call.interview(),
    )
    assert call.interview().outcome == "complete"
    assert rebuild(call.interview()) == []


def test_the_same_answer_sent_again_is_one_line_of_the_journal(world: World) -> None:
    call = Call(world, world.nadia)
    call.begin()
    uuid = uuid4()
    first = call.answer("S01", 1, uuid=uuid)
    assert call.answer("S01", 1, uuid=uuid) == first
    assert AnswerEvent.objects.filter(item="S01").count() == 1
    other = call.answer("S01", 4, uuid=uuid)
    assert other["error"] == "uuid-reused"
    assert AnswerEvent.objects.filter(item="S01").count() == 1


def test_an_answer_that_does_not_fit_leaves_no_trace(world: World) -> None:
    call = Call(world, world.nadia)
    call.begin()
    with pytest.raises(AnswerRefused):
        call.answer("S01", 12)
    with pytest.raises(AnswerRefused):
        call.answer("NUM05", [1])
    assert not AnswerEvent.objects.filter(item__in=["S01", "NUM05"]).exists()
    assert not IdempotentRequest.objects.exists()


def test_what_belongs_to_the_contact_never_reaches_the_journal(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    event = AnswerEvent.objects.get(item="S04")
    assert event.value == {"given": True}
    assert "12 rue des Tests" not in str(call.interview().answers)
    call.case.contact.refresh_from_db()
    assert call.case.contact.kept == {"S04": "12 rue des Tests"}


def test_a_full_sector_ends_politely_and_closes_the_case(world: World) -> None:
    QuotaCell.objects.filter(pk=cell(world).pk).update(target=0)
    call = Call(world, world.nadia)
    reply = call.to_sector()
    assert (reply["outcome"], reply["next"]) == ("QUOTA", None)
    call.end("64")
    case = Case.objects.get(pk=call.case.pk)
    assert (case.state, Attempt.objects.get(case=case).aapor) == ("closed", "4.80")
    assert (cell(world).reserved, cell(world).counted) == (0, 0)


def test_no_quota_ends_an_interview_five_minutes_after_consent(world: World) -> None:
    QuotaCell.objects.filter(pk=cell(world).pk).update(target=0)
    call = Call(world, world.nadia)
    call.begin()
    for item, value in BEFORE_SECTOR:
        call.answer(item, value)
    call.now += record.NO_QUOTA_AFTER
    assert call.answer("S05", VERGNES)["outcome"] is None
    assert Place.objects.get().state == "outside"
    call.to_the_end()
    assert call.end("10")["counted"] is False
    assert (cell(world).reserved, cell(world).counted) == (0, 0)


def test_a_change_of_sector_moves_the_place(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.answer("S05", 1)
    assert (cell(world, "VE").reserved, cell(world, "CN").reserved) == (0, 1)
    assert call.interview().sector == "CN"
    call.answer("S05", VERGNES)
    assert (cell(world, "VE").reserved, cell(world, "CN").reserved) == (1, 0)


def test_a_suspended_interview_gives_its_place_back_and_takes_another(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.answer("S06", 2)
    call.end("20", at=world.now + timedelta(hours=2), ask_for="Mme Kaya")
    assert (cell(world).reserved, Place.objects.get().state) == (0, "released")
    world.now += timedelta(hours=2, minutes=1)
    again = Call(world, world.nadia)
    assert again.case.pk == call.case.pk
    interview = again.begin()
    # Who answers is asked again; everything after it is kept.
    assert current_route(interview).next == "S01"
    again.answer("S01", 1)
    again.answer("S10", 1)
    assert current_route(again.interview()).next == "S08"
    assert (cell(world).reserved, Place.objects.get().state) == (1, "reserved")
    assert rebuild(again.interview()) == []


def test_a_resumed_interview_goes_on_where_its_sector_has_filled_up(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.end("20", at=world.now + timedelta(minutes=1))
    QuotaCell.objects.filter(pk=cell(world).pk).update(target=0)
    world.now += timedelta(minutes=2)
    again = Call(world, world.nadia)
    again.begin()
    again.answer("S01", 1)
    reply = again.answer("S10", 1)
    assert (reply["next"], Place.objects.get().state) == ("S06", "outside")
    assert again.to_the_end()["outcome"] == "complete"
    assert again.end("10")["counted"] is False


def test_an_interview_that_outlived_its_place_is_complete_outside_quota(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.to_the_end()
    from cati.operations import places

    places.release(call.interview(), call.now)
    QuotaCell.objects.filter(pk=cell(world).pk).update(target=0)
    assert call.end("10")["counted"] is False
    assert Place.objects.get().state == "outside"


def test_an_expired_lease_frees_case_number_and_place(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    later = world.now + timedelta(seconds=world.wave.lease_seconds + 1)
    assert leases.expire_leases(later) == 1
    case = Case.objects.get(pk=call.case.pk)
    assert (case.holder, case.holds.count(), cell(world).reserved) == (None, 0, 0)
    attempt = Attempt.objects.get(case=case)
    assert (attempt.abandoned, attempt.closed_at) == (True, later)
    assert call.answer("S06", 2) == {"stale": True, "holder": "", "kept": True}


def test_a_stale_holder_is_told_who_holds_the_case(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    leases.expire_leases(world.now + timedelta(hours=1))
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    Call(world, world.yann)
    assert call.answer("S06", 2) == {"stale": True, "holder": "Yann C.", "kept": True}
    assert not AnswerEvent.objects.filter(item="S06").exists()


def test_the_sample_s_sector_stays_when_the_person_lives_elsewhere(world: World) -> None:
    call = Call(world, world.nadia)
    assert call.case.frame_sector.code != "VE"
    call.to_sector(VERGNES)
    call.case.refresh_from_db()
    assert (call.interview().sector, call.case.frame_sector.code != "VE") == ("VE", True)


@pytest.mark.parametrize("code", ["99", "", "COMPLET"])
def test_an_unknown_outcome_changes_nothing(world: World, code: str) -> None:
    call = Call(world, world.nadia)
    with pytest.raises(Refused):
        call.end(code)
    assert Attempt.objects.get().closed_at is None


def test_complete_is_refused_before_the_end_and_anything_else_after(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    with pytest.raises(Refused):
        call.end("10")
    call.to_the_end()
    with pytest.raises(Refused):
        call.end("40")


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "at"), ({"minutes": -5}, "at"), ({"days": 61}, "at")],
)
def test_an_appointment_that_cannot_be_kept_is_refused(
    world: World, given: dict[str, int], field: str
) -> None:
    call = Call(world, world.nadia)
    at = world.now + timedelta(**given) if given else None
    with pytest.raises(Refused) as refused:
        call.end("20", at=at)
    assert field in refused.value.messages


def test_opposition_silences_every_number_of_the_person_at_once(world: World) -> None:
    case = world.cases[-1]
    Case.objects.exclude(pk=case.pk).update(state="closed")
    call = Call(world, world.nadia)
    call.end("42")
    assert set(case.phones.values_list("state", flat=True)) == {"closed"}
    assert claim.next_case(world.wave, world.yann, world.now) is None
