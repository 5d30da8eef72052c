"""The interview over HTTP: each answer in one round trip, corrections, and the polite ends."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati.models import Case, Place
from questionnaire.models import AnswerEvent, Interview
from tests.world import World

# From the contact to the sector, as a person in the sampled neighbourhood answers.
TO_THE_SECTOR = [
    ("S01", {"v": 1}),
    ("S10", {"v": 1}),
    ("S11", {"v": 1}),
    ("S02", {"v": 1}),
    ("S03", {"v": 1}),
    ("S04", {"v": "12 rue des Tests"}),
    ("S05", {"v": 1}),
]


class Call:
    """An interviewer on the line in Croix-de-Neyrat, whose interview has begun."""

    def __init__(self, world: World) -> None:
        world.wave.cases.exclude(frame_sector__code="CN").update(state="closed")
        self.client: Client = world.client(world.nadia)
        self.client.post(f"/v/{world.wave.slug}/enquete/suivante/")
        self.case = Case.objects.get(holder=world.nadia)
        phone = self.case.phones.get(rank=1)
        self.post("appel/", phone=phone.pk)
        self.post("entretien/")

    def at(self, place: str) -> str:
        return f"/v/{self.case.wave.slug}/fiche/{self.case.number}/{place}"

    def post(self, place: str, **form: Any) -> Any:
        return self.client.post(self.at(place), {"epoch": self.case.epoch} | form)

    def send(self, item: str, value: dict[str, Any], place: str = "reponse/", **more: Any) -> Any:
        kind = "special" if "special" in value else "answer"
        body = {"uuid": str(uuid4()), "kind": kind, "item": item, "value": value}
        body |= {"epoch": self.case.epoch, "client_at": "2026-03-17T14:00:00.000Z"} | more
        return self.client.post(self.at(place), body, "application/json")

    def play(self, answers: list[tuple[str, dict[str, Any]]]) -> Any:
        for item, value in answers:
            reply = self.send(item, value)
            assert reply.status_code == 200, (item, reply.content)
        return reply.json()

    @property
    def interview(self) -> Interview:
        return Interview.objects.get(case_link__case=self.case)


@pytest.fixture
def call(world: World) -> Call:
    return Call(world)


def drawn(reply: dict[str, Any]) -> Any:
    """The question that a reply carries."""
    return html.fragment_fromstring(reply["html"], create_parent=True).get_element_by_id("question")


def test_the_page_opens_on_the_first_question_and_reads_the_introduction(call: Call) -> None:
    page = html.document_fromstring(call.client.get(call.at("entretien/")).content)
    assert page.get_element_by_id("question").get("data-item") == "S01"
    assert "Allo Quartiers" in page.get_element_by_id("question").text_content()


def test_an_answer_is_saved_and_its_reply_draws_the_next_question(call: Call) -> None:
    reply = call.send("S01", {"v": 1}, ms_on_screen=1200).json()
    assert (reply["next"], drawn(reply).get("data-item")) == ("S10", "S10")
    line = AnswerEvent.objects.get(interview=call.interview, item="S01")
    assert (line.value, line.ms_on_screen) == ({"v": 1}, 1200)


def test_the_same_request_again_has_one_effect_and_the_same_question(call: Call) -> None:
    uuid = str(uuid4())
    first, again = (call.send("S01", {"v": 1}, uuid=uuid).json() for _ in range(2))
    assert (first["seq"], drawn(first).get("data-item")) == (again["seq"], "S10")
    assert AnswerEvent.objects.filter(interview=call.interview, item="S01").count() == 1


def test_the_same_uuid_with_another_answer_is_a_conflict(call: Call) -> None:
    uuid = str(uuid4())
    call.send("S01", {"v": 1}, uuid=uuid)
    assert call.send("S01", {"v": 2}, uuid=uuid).status_code == 409


def test_a_value_that_does_not_fit_says_how_to_mend_it(call: Call) -> None:
    reply = call.send("S01", {"v": 77})
    assert reply.status_code == 422
    assert "Saisissez un code entre 1 et 9" in reply.json()["errors"][0]
    call.client.cookies["django_language"] = "en"
    said = call.send("S01", {"v": 77}).json()["errors"]
    assert said == ["No answer has the code 77. Enter a code between 1 and 9."]


@pytest.mark.parametrize("value", ["text", 3, [1], None])
def test_a_value_that_is_no_object_is_refused(call: Call, value: Any) -> None:
    body = {"uuid": str(uuid4()), "kind": "answer", "item": "S01", "epoch": call.case.epoch}
    reply = call.client.post(call.at("reponse/"), body | {"value": value}, "application/json")
    assert reply.status_code in {400, 422}


def test_a_stale_writer_is_told_and_her_answer_is_kept_aside(call: Call, world: World) -> None:
    Case.objects.filter(pk=call.case.pk).update(holder=world.yann, epoch=call.case.epoch + 1)
    reply = call.send("S01", {"v": 1})
    assert reply.status_code == 409
    assert reply.json() == {"stale": True, "holder": "Yann C.", "kept": True}
    assert not AnswerEvent.objects.filter(interview=call.interview, item="S01").exists()


def test_an_address_stays_with_the_contact_and_comes_back_on_its_screen(call: Call) -> None:
    call.play(TO_THE_SECTOR)
    line = AnswerEvent.objects.get(interview=call.interview, item="S04")
    assert line.value == {"given": True}
    shown = call.client.get(call.at("question/S04/")).json()
    assert drawn(shown).get_element_by_id("words").get("value") == "12 rue des Tests"
    assert json.loads(drawn(shown).get("data-stored")) == {"v": "12 rue des Tests"}


def test_a_prefilled_answer_stands_ready_and_is_not_taken_as_given(call: Call) -> None:
    reply = call.play(TO_THE_SECTOR[:-1])
    question = drawn(reply)
    chosen = question.xpath(".//input[@name='choice'][@checked]/@value")
    assert (question.get("data-item"), chosen, question.get("data-stored")) == ("S05", ["1"], "")


def test_the_sector_takes_a_place_and_the_panel_says_what_is_missing(call: Call) -> None:
    reply = call.play(TO_THE_SECTOR)
    assert Place.objects.get(interview=call.interview).state == Place.State.RESERVED
    assert "Il manque 105 entretiens ici" in reply["html"]


def test_a_correction_is_told_before_it_takes_answers_off_the_route(call: Call) -> None:
    call.play(TO_THE_SECTOR)
    before = call.interview.seq
    reply = call.send("S02", {"v": 2}, "apercu/").json()
    assert reply["parked"] == 3
    assert "3 réponses sortiront du parcours" in reply["html"]
    assert "L’entretien s’arrêtera sur cette réponse." in reply["html"]
    assert "12 rue" not in reply["html"]
    assert call.interview.seq == before


def test_a_correction_that_parks_nothing_needs_no_dialog(call: Call) -> None:
    call.play(TO_THE_SECTOR)
    assert call.send("S11", {"v": 2}, "apercu/").json() == {"parked": 0}


def test_a_question_off_the_route_is_not_shown(call: Call) -> None:
    assert call.client.get(call.at("question/NUM03/")).status_code == 404
    assert call.client.get(call.at("question/NOTHING/")).status_code == 404


def test_the_answers_are_listed_by_theme(call: Call) -> None:
    call.play(TO_THE_SECTOR)
    listed = call.client.get(call.at("reponses/")).json()["html"]
    assert "Croix-de-Neyrat" in listed
    assert "gardé à part" in listed


def test_a_refusal_ends_politely_with_its_code_ready(call: Call) -> None:
    reply = call.send("S01", {"v": 4}).json()
    assert "html" not in reply
    page = html.document_fromstring(call.client.get(call.at("fin/")).content)
    assert page.get_element_by_id("code").get("value") == "40"
    assert "Je comprends. Merci et bonne journée." in page.text_content()


def test_a_full_sector_ends_politely_with_the_quota_code_ready(call: Call, world: World) -> None:
    cell = world.cells["CN"]
    cell.counted = cell.target
    cell.save(update_fields=["counted"])
    assert call.play(TO_THE_SECTOR)["outcome"] == "QUOTA"
    page = html.document_fromstring(call.client.get(call.at("fin/")).content)
    assert page.get_element_by_id("code").get("value") == "64"
    assert "Nous avons déjà interrogé suffisamment de personnes" in page.text_content()


def test_the_interview_page_leads_to_the_outcome_once_an_end_is_reached(call: Call) -> None:
    call.send("S01", {"v": 4})
    assert call.client.get(call.at("entretien/")).url == call.at("fin/")


def test_a_suspended_interview_says_on_its_card_where_it_resumes(call: Call, world: World) -> None:
    call.play(TO_THE_SECTOR)
    uuid = str(uuid4())
    call.post("fin/", code="20", uuid=uuid, day="+1", hour="18 h", firm="1", mine="1")
    Case.objects.filter(pk=call.case.pk).update(due_at=world.now)
    call.client.post(f"/v/{world.wave.slug}/enquete/suivante/")
    page = call.client.get(call.at("")).content.decode()
    assert "Nous avions commencé" in page
    assert "Dernières réponses" in page
