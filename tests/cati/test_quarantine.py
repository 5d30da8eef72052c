"""Late answers: kept aside, shown beside what stands, recorded or set aside one by one.

1. An answer of a stale holder is kept with who, when and under which epoch; its reply says who
   holds the case now; sent again, it is answered the same.
2. An answer that was saved before the case was lost is answered again, without the next question.
3. Nobody can write into the quarantine of a case that was never hers.
4. Accepted, it is in the journal under the name of who typed it, with the cause « quarantine ».
5. What does not fit any more, or would reopen a complete interview, is refused with its reason.
6. A decision is made once; only supervisors and admins of the wave make it.
7. What belongs to the contact goes there, and leaves the quarantine either way.
8. A late note waits like an answer, and becomes a note of its writer, of the hour when she wrote.
9. A complete interview outside the quota stays outside, whatever has room by now.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from cati.models import Case, CaseAct, Contact, LateAnswer, Note, Place, QuotaCell
from cati.operations import quarantine
from cati.operations.errors import Refused, StaleLease
from cati.operations.steer_cases import Order, steer
from questionnaire.models import AnswerEvent
from questionnaire.operations import rebuild
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db


def take_over(world: World, case: Case) -> None:
    order = Order("Ligne perdue", world.claire, world.now)
    steer(case.pk, CaseAct.Kind.TAKE_OVER, order)


def late(world: World, item: str = "S06", value: Any = 2, **given: Any) -> tuple[Call, LateAnswer]:
    """Nadia loses her case at the sector, and answers one more question."""
    call = Call(world, world.nadia)
    call.to_sector()
    take_over(world, call.case)
    call.answer(item, value, **given)
    return call, LateAnswer.objects.get()


def send(world: World, call: Call, uuid: UUID, item: str, value: Any) -> Any:
    body = {"uuid": str(uuid), "kind": "answer", "item": item, "value": {"v": value}}
    body["epoch"] = call.case.epoch
    url = f"/v/2026/fiche/{call.case.number}/reponse/"
    client = world.client(call.user)
    return client.post(url, json.dumps(body), content_type="application/json")


def test_a_late_answer_is_kept_with_who_and_when(world: World) -> None:
    call, kept = late(world)
    assert (kept.item, kept.value, kept.actor, kept.epoch) == ("S06", {"v": 2}, world.nadia, 1)
    assert (kept.case, kept.interview, kept.at) == (call.case, call.interview(), world.now)
    assert not AnswerEvent.objects.filter(item="S06").exists()


def test_the_reply_says_who_holds_the_case_and_is_the_same_again(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    take_over(world, call.case)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    Call(world, world.yann)
    uuid = uuid4()
    replies = [send(world, call, uuid, "S06", 2) for _time in range(3)]
    assert {reply.status_code for reply in replies} == {409}
    said = [reply.json() for reply in replies]
    assert said == [{"stale": True, "holder": "Yann C.", "kept": True}] * 3
    assert LateAnswer.objects.count() == 1
    page = world.client(world.nadia).get(f"/v/2026/fiche/{call.case.number}/entretien/")
    assert page.status_code == 409
    assert "1 réponse est arrivée après" in page.content.decode()


def test_an_answer_saved_in_time_is_answered_again_without_the_next_question(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    uuid = uuid4()
    first = send(world, call, uuid, "S06", 2)
    assert (first.status_code, "html" in first.json()) == (200, True)
    take_over(world, call.case)
    again = send(world, call, uuid, "S06", 2)
    assert (again.status_code, again.json()["seq"]) == (200, first.json()["seq"])
    assert (again.json()["stale"], "html" in again.json()) == (True, False)
    assert not LateAnswer.objects.exists()


def test_nobody_writes_into_the_quarantine_of_a_case_that_was_never_hers(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    call.user = world.yann
    with pytest.raises(StaleLease):
        call.answer("S06", 2)
    assert send(world, call, uuid4(), "S06", 2).json() == {"stale": True, "holder": "Nadia B."}
    assert not LateAnswer.objects.exists()


def test_an_accepted_answer_stands_in_the_journal_under_its_writer(world: World) -> None:
    call, kept = late(world)
    quarantine.accept(kept.pk, world.claire, world.now)
    line = AnswerEvent.objects.get(pk=kept.pk)
    assert (line.item, line.value, line.actor, line.cause) == (
        "S06", {"v": 2}, world.nadia, "quarantine",
    )  # fmt: skip
    interview = call.interview()
    assert interview.answers["answers"]["S06"] == {"v": 2}
    assert rebuild(interview) == []
    kept.refresh_from_db()
    assert (kept.state, kept.decided_by, kept.decided_at) == ("accepted", world.claire, world.now)


def test_an_accepted_sector_takes_no_place_while_nobody_calls(world: World) -> None:
    call, kept = late(world, "S05", 2)
    quarantine.accept(kept.pk, world.claire, world.now)
    assert call.interview().sector == "CH"
    assert Place.objects.get().state == "released"
    assert rebuild(call.interview()) == []
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    resumed = Call(world, world.yann)
    resumed.begin()
    place = Place.objects.get()
    assert (place.state, place.cell.sector.code) == ("reserved", "CH")


def test_a_discarded_answer_changes_nothing_and_stays_readable(world: World) -> None:
    call, kept = late(world)
    before = call.interview()
    quarantine.discard(kept.pk, world.claire, world.now)
    after = call.interview()
    assert (after.seq, after.answers) == (before.seq, before.answers)
    kept.refresh_from_db()
    assert (kept.state, kept.value) == ("discarded", {"v": 2})


@pytest.mark.parametrize(
    ("item", "value", "why"),
    [("S06", 77, "Saisissez un nombre entre 1 et 12"), ("NUM05", [1], "n’est pas posée"),
     ("NOSUCH", 1, "n’existe pas")],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_reason(
    world: World, item: str, value: Any, why: str
) -> None:
    _call, kept = late(world, item, value)
    with pytest.raises(Refused) as refusal:
        quarantine.accept(kept.pk, world.claire, world.now)
    assert why in refusal.value.messages[""]
    kept.refresh_from_db()
    assert kept.state == "waiting"


def test_no_late_answer_reopens_a_complete_interview(world: World) -> None:
    call, kept = late(world, "S03", 8)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    second = Call(world, world.yann)
    second.begin()
    second.to_the_end()
    second.end("10")
    before = second.interview().answers
    with pytest.raises(Refused) as refusal:
        quarantine.accept(kept.pk, world.claire, world.now)
    assert "rouvrirait" in refusal.value.messages[""]
    assert second.interview().answers == before
    assert Place.objects.get().state == "confirmed"


def test_an_interview_that_was_left_stays_as_it_was_left(world: World) -> None:
    call, kept = late(world)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    second = Call(world, world.yann)
    second.begin()
    second.end("42")
    assert second.interview().outcome == "42"
    quarantine.accept(kept.pk, world.claire, world.now)
    interview = second.interview()
    assert (interview.outcome, interview.answers["answers"]["S06"]) == ("42", {"v": 2})
    assert rebuild(interview) == []


def test_a_suspended_interview_is_resumed_before_it_takes_a_late_answer(world: World) -> None:
    call, kept = late(world)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    second = Call(world, world.yann)
    second.begin()
    second.end("22")
    # Consent is to be asked again, and S06 stands behind it.
    with pytest.raises(Refused, match="n’est pas posée"):
        quarantine.accept(kept.pk, world.claire, world.now)
    assert LateAnswer.objects.get().state == "waiting"


def test_an_accepted_answer_joins_a_running_interview(world: World) -> None:
    call, kept = late(world)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    second = Call(world, world.yann)
    assert second.begin().next_item == "S06"
    quarantine.accept(kept.pk, world.claire, world.now)
    assert second.interview().next_item != "S06"
    assert Place.objects.get().state == "reserved"


def test_a_decision_is_made_once(world: World) -> None:
    _call, kept = late(world)
    quarantine.discard(kept.pk, world.claire, world.now)
    for decide in (quarantine.accept, quarantine.discard):
        with pytest.raises(Refused):
            decide(kept.pk, world.alain, world.now)
    assert not AnswerEvent.objects.filter(pk=kept.pk).exists()


@pytest.mark.parametrize(("act", "address"), [("accept", "9 rue Neuve"), ("discard", "1 rue A")])
def test_what_belongs_to_the_contact_leaves_the_quarantine(
    world: World, act: str, address: str
) -> None:
    call = Call(world, world.nadia)
    call.begin()
    for item, value in [("S01", 1), ("S10", 1), ("S11", 1), ("S02", 1), ("S03", 1)]:
        call.answer(item, value)
    call.answer("S04", "1 rue A")
    take_over(world, call.case)
    call.answer("S04", "9 rue Neuve")
    kept = LateAnswer.objects.get()
    getattr(quarantine, act)(kept.pk, world.claire, world.now)
    kept.refresh_from_db()
    assert kept.value == {"given": True}
    assert Contact.objects.get(case=call.case).kept["S04"] == address
    assert not AnswerEvent.objects.filter(value__icontains="1 rue").exists()
    assert not AnswerEvent.objects.filter(value__icontains="9 rue").exists()


def test_the_page_shows_both_values_and_decides_once(world: World) -> None:
    call, kept = late(world, "S05", 2)
    client = world.client(world.claire)
    page = client.get("/v/2026/quarantaine/").content.decode()
    assert f"Fiche {call.case.number}" in page
    assert all(words in page for words in ("Nadia B.", "2 ", "3 ", "1 à décider"))
    assert "1 réponse en quarantaine" in client.get("/v/2026/terrain/").content.decode()
    url = f"/v/2026/quarantaine/{kept.pk}/accepter/"
    assert "Enregistrer la réponse à S05" in client.get(url).content.decode()
    form = {"uuid": str(uuid4())}
    answers = [client.post(url, form) for _time in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert AnswerEvent.objects.filter(pk=kept.pk).count() == 1
    page = client.get("/v/2026/quarantaine/").content.decode()
    assert "Réponse à S05 enregistrée" in page
    assert "Rien n’attend" in page


def test_a_refused_decision_says_why_on_the_page(world: World) -> None:
    _call, kept = late(world, "S06", 77)
    client = world.client(world.claire)
    url = f"/v/2026/quarantaine/{kept.pk}/accepter/"
    page = client.post(url, {"uuid": str(uuid4())}, follow=True).content.decode()
    assert "Saisissez un nombre entre 1 et 12" in page
    assert "1 à décider" in page


def write_note(world: World, call: Call, uuid: UUID, text: str) -> Any:
    url = f"/v/2026/fiche/{call.case.number}/note/"
    form = {"uuid": str(uuid), "epoch": call.case.epoch, "text": text, "item": "S06"}
    return world.client(call.user).post(url, form, headers={"Accept": "application/json"})


def test_a_late_note_waits_and_becomes_a_note_of_its_writer(world: World) -> None:
    call = Call(world, world.nadia)
    take_over(world, call.case)
    uuid = uuid4()
    replies = [write_note(world, call, uuid, "Rappeler Mme Roux") for _time in range(2)]
    assert [reply.status_code for reply in replies] == [409, 409]
    assert replies[0].json() == {"stale": True, "holder": ""}
    kept = LateAnswer.objects.get()
    assert (kept.kind, kept.value, kept.interview) == ("note", {"text": "Rappeler Mme Roux"}, None)
    assert not Note.objects.exists()
    page = world.client(world.nadia).get(f"/v/2026/fiche/{call.case.number}/")
    assert "est arrivé" in page.content.decode()

    supervisor = world.client(world.claire)
    assert "Rappeler Mme Roux" in supervisor.get("/v/2026/quarantaine/").content.decode()
    url = f"/v/2026/quarantaine/{uuid}/accepter/"
    assert "Enregistrer la note" in supervisor.get(url).content.decode()
    for _time in range(2):
        supervisor.post(url, {"uuid": str(uuid4())})
    note = Note.objects.get()
    assert (note.author, note.text, note.item) == (world.nadia, "Rappeler Mme Roux", "S06")
    assert note.at == kept.at


def test_nobody_leaves_a_late_note_where_she_never_called(world: World) -> None:
    call = Call(world, world.nadia)
    call.user = world.yann
    assert write_note(world, call, uuid4(), "Bonjour").status_code == 409
    assert not LateAnswer.objects.exists()


@pytest.mark.parametrize(("item", "value"), [("S06", 2), ("EMP01", 4)])
def test_a_late_answer_leaves_a_complete_interview_outside(
    world: World, item: str, value: int
) -> None:
    call, kept = late(world, item, value)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    second = Call(world, world.yann)
    QuotaCell.objects.update(target=0)
    second.begin()
    second.to_the_end()
    assert second.end("10")["counted"] is False
    QuotaCell.objects.update(target=5)
    quarantine.accept(kept.pk, world.claire, world.now)
    assert Place.objects.get().state == "outside"
    assert not QuotaCell.objects.exclude(reserved=0, counted=0).exists()
    interview = second.interview()
    assert (interview.outcome, interview.answers["answers"][item]) == ("complete", {"v": value})
    assert rebuild(interview) == []


def test_a_full_sector_ends_no_interview_that_nobody_conducts(world: World) -> None:
    call = Call(world, world.nadia)
    call.begin()
    for item, value in [("S01", 1), ("S10", 1), ("S11", 1), ("S02", 1), ("S03", 1), ("S04", "1 r")]:
        call.answer(item, value)
    take_over(world, call.case)
    call.answer("S05", 3)
    QuotaCell.objects.update(target=0)
    quarantine.accept(LateAnswer.objects.get().pk, world.claire, world.now)
    interview = call.interview()
    assert (interview.sector, interview.outcome) == ("VE", "")
    assert interview.next_item == "S06"
    assert not Place.objects.exists()
