"""From the home to the outcome of a call that reached nobody, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from cati.core.scheduling import PARIS
from cati.models import Appointment, Attempt, Case, Note, User
from tests.world import World

JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def nadia(world: World) -> Client:
    return world.client(world.nadia)


def claim(client: Client, world: World) -> Case:
    client.post(f"/v/{world.wave.slug}/enquete/suivante/")
    return Case.objects.get(holder__isnull=False)


def at(case: Case, place: str = "") -> str:
    return f"/v/{case.wave.slug}/fiche/{case.number}/{place}"


def dial(client: Client, case: Case, **extra: Any) -> Any:
    phone = case.phones.get(rank=1)
    return client.post(at(case, "appel/"), {"epoch": case.epoch, "phone": phone.pk}, **extra)


def end(client: Client, case: Case, code: str, **typed: str) -> Any:
    form = {"uuid": uuid4(), "epoch": case.epoch, "code": code} | typed
    return client.post(at(case, "fin/"), form)


def text(response: Any) -> str:
    return response.content.decode()


def test_the_home_offers_the_next_case_and_says_why_there_is_no_appointment(
    nadia: Client, world: World
) -> None:
    page = text(nadia.get(f"/v/{world.wave.slug}/enquete/"))
    assert "Prochaine fiche" in page
    assert "Aucun rendez-vous aujourd’hui. Appuyez sur Entrée" in page


def test_the_next_case_opens_on_its_card_with_number_and_reason(
    nadia: Client, world: World
) -> None:
    response = nadia.post(f"/v/{world.wave.slug}/enquete/suivante/", follow=True)
    case = Case.objects.get(holder=world.nadia)
    assert response.redirect_chain[-1][0] == at(case)
    assert "01 99 00" in text(response)
    assert "Première prise de contact" in text(response)


def test_asking_again_gives_the_case_that_she_already_holds(nadia: Client, world: World) -> None:
    first = claim(nadia, world)
    assert claim(nadia, world) == first
    assert f"Reprendre la fiche {first.number}" in text(nadia.get(f"/v/{world.wave.slug}/enquete/"))


def test_an_empty_sample_is_said_on_the_home(nadia: Client, world: World) -> None:
    Case.objects.update(due_at=world.now + timedelta(days=3650))
    response = nadia.post(f"/v/{world.wave.slug}/enquete/suivante/", follow=True)
    assert "Aucune fiche à appeler pour le moment" in text(response)


def test_the_script_dials_once_and_gets_the_number_to_hand_over(
    nadia: Client, world: World
) -> None:
    case = claim(nadia, world)
    first, again = dial(nadia, case, **JSON), dial(nadia, case, **JSON)
    assert first.json()["tel"] == again.json()["tel"] == f"tel:{case.phones.get(rank=1).e164}"
    assert 'id="acts"' in first.json()["html"]
    assert Attempt.objects.filter(case=case).count() == 1


def test_without_a_script_dialling_comes_back_to_the_card_in_call(
    nadia: Client, world: World
) -> None:
    case = claim(nadia, world)
    assert dial(nadia, case).url == at(case)
    assert "En communication" in text(nadia.get(at(case)))


def test_a_call_that_nobody_answers_is_coded_and_leads_home(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    dial(nadia, case)
    assert end(nadia, case, "32").url == f"/v/{world.wave.slug}/enquete/"
    case.refresh_from_db()
    assert (case.holder, case.disposition) == (None, "32")
    assert "Ne répond pas, enregistré" in text(nadia.get(f"/v/{world.wave.slug}/enquete/"))


def test_an_outcome_before_any_call_is_refused_with_what_to_do(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    response = end(nadia, case, "32")
    assert response.status_code == 422
    assert "Aucun appel en cours. Appelez" in text(response)


@pytest.mark.parametrize(
    ("typed", "mend"),
    [
        ({}, "Il manque le jour ou l’heure"),
        ({"day": "un jour", "hour": "18 h"}, "Jour non compris. Écrivez"),
        ({"day": "+1", "hour": "tard"}, "Heure non comprise. Écrivez"),
    ],
)
def test_an_appointment_that_cannot_be_read_keeps_what_was_typed(
    nadia: Client, world: World, typed: dict[str, str], mend: str
) -> None:
    case = claim(nadia, world)
    dial(nadia, case)
    response = end(nadia, case, "20", ask_for="Mme Kaya", **typed)
    assert response.status_code == 422
    assert mend in text(response)
    assert "Mme Kaya" in text(response)
    assert not Appointment.objects.exists()


def test_an_appointment_is_promised_at_the_local_hour(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    dial(nadia, case)
    end(nadia, case, "20", day="+1", hour="18 h 10", ask_for="Mme Kaya", firm="", mine="1")
    promised = Appointment.objects.get(case=case)
    assert (promised.firm, promised.owner, promised.ask_for) == (False, world.nadia, "Mme Kaya")
    assert f"{promised.at.astimezone(PARIS):%H:%M}" == "18:10"


def test_a_refresh_makes_no_second_appointment(nadia: Client, world: World) -> None:
    """The same posting sent again, and the whole page filled in anew after it went through."""
    case = claim(nadia, world)
    dial(nadia, case)
    form = {"uuid": uuid4(), "epoch": case.epoch, "code": "20", "day": "+1", "hour": "18 h 10"}
    first = nadia.post(at(case, "fin/"), form)
    again = nadia.post(at(case, "fin/"), form)
    assert (again.status_code, again["Location"]) == (first.status_code, first["Location"])
    assert nadia.post(at(case, "fin/"), form | {"uuid": uuid4()}).status_code == 409
    assert Appointment.objects.count() == 1


def test_sending_the_same_outcome_twice_has_one_effect(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    dial(nadia, case)
    form = {"uuid": uuid4(), "epoch": case.epoch, "code": "32"}
    nadia.post(at(case, "fin/"), form)
    nadia.post(at(case, "fin/"), form)
    case.refresh_from_db()
    assert case.attempts == 1


def test_a_note_is_kept_with_its_author_and_drawn_again(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    form = {"uuid": uuid4(), "epoch": case.epoch, "text": "Rappeler <après> 18 h", "item": "NUM03"}
    reply = nadia.post(at(case, "note/"), form, **JSON)
    assert "Rappeler &lt;après&gt; 18 h" in reply.json()["html"]
    kept = Note.objects.get(case=case)
    assert (kept.author, kept.item) == (world.nadia, "NUM03")


def test_an_empty_note_says_how_to_go_on(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    form = {"uuid": uuid4(), "epoch": case.epoch, "text": " "}
    reply = nadia.post(at(case, "note/"), form, **JSON)
    assert reply.status_code == 422
    assert "La note est vide" in reply.json()["errors"]["text"]


def test_a_case_handed_back_is_free_for_the_next_one(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    nadia.post(at(case, "rendre/"), {"epoch": case.epoch})
    case.refresh_from_db()
    assert case.holder is None


def taken_over(case: Case, by: User) -> None:
    Case.objects.filter(pk=case.pk).update(holder=by, epoch=case.epoch + 1)


@pytest.mark.parametrize("place", ["", "fin/", "entretien/", "question/S01/", "reponses/"])
def test_a_case_that_somebody_took_over_names_her_and_shows_no_contact(
    nadia: Client, world: World, place: str
) -> None:
    case = claim(nadia, world)
    taken_over(case, world.yann)
    response = nadia.get(at(case, place))
    assert response.status_code == 409
    assert "Yann C." in text(response)
    assert "01 99 00" not in text(response)


def test_a_late_write_is_told_who_holds_the_case(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    Case.objects.filter(pk=case.pk).update(epoch=case.epoch + 1)
    beat = nadia.post(at(case, "battement/"), {"epoch": case.epoch}, "application/json")
    assert (beat.status_code, beat.json()["stale"]) == (409, True)


def test_the_heartbeat_keeps_the_lease(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    assert case.lease_until is not None
    nadia.post(at(case, "battement/"), {"epoch": case.epoch}, "application/json")
    later = Case.objects.get(pk=case.pk).lease_until
    assert later is not None and later >= case.lease_until


def test_what_is_no_json_is_refused_and_not_an_error_page(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    for body in ("", "[1]", "{", '{"epoch": "x"}'):
        assert nadia.post(at(case, "battement/"), body, "application/json").status_code == 400
        assert nadia.post(at(case, "reponse/"), body, "application/json").status_code == 400


def test_a_case_of_the_other_wave_does_not_exist(nadia: Client, world: World) -> None:
    case = claim(nadia, world)
    url = at(case).replace(world.wave.slug, world.other_wave.slug, 1)
    assert nadia.get(url).status_code == 404
