"""The API: tokens, what each role reads, pages and filters, and its own description of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.authtoken.models import Token
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cati.models import Case, CaseInterview, Contact, Place, User
from questionnaire.models import InstrumentVersion, Interview
from tests.world import PASSWORD, World

V1 = "/api/v1"
CASES = f"{V1}/waves/2026/cases/"
INTERVIEWS = f"{V1}/waves/2026/interviews/"
QUOTAS = f"{V1}/waves/2026/quotas/"
# A filter's value or a name that fits its type may still mean nothing; that is no fault.
CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ANSWERS = {"S05": {"v": "CN"}, "NUM01": {"v": 1}}


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    cache.clear()


@pytest.fixture
def interview(world: World) -> Interview:
    """A complete, counted interview of the first case."""
    version = InstrumentVersion.objects.create(
        name="api", number=3, content={}, hash="0", published_at=world.now
    )
    interview = Interview.objects.create(
        version=version,
        answers=ANSWERS,
        sector="CN",
        outcome="complete",
        started_at=world.now,
        last_event_at=world.now,
        ended_at=world.now,
    )
    CaseInterview.objects.create(case=world.cases[0], interview=interview)
    Place.objects.create(
        interview=interview,
        cell=world.cells["CN"],
        state=Place.State.CONFIRMED,
        since=world.now,
    )
    return interview


def program(user: User) -> Client:
    """A program that acts as `user`."""
    token, _created = Token.objects.get_or_create(user=user)
    return Client(headers={"Authorization": f"Token {token.key}"})


def ask_token(username: str, password: str = PASSWORD) -> Any:
    credentials = {"username": username, "password": password}
    return Client().post(f"{V1}/token/", credentials, content_type="application/json")


def test_name_and_password_give_a_token_that_opens_the_api(world: World) -> None:
    token = ask_token("claire").json()["token"]
    client = Client(headers={"Authorization": f"Token {token}"})
    assert client.get(CASES).status_code == 200
    assert ask_token("claire").json()["token"] == token


def test_the_refusal_does_not_say_which_was_wrong(world: World) -> None:
    wrong, unknown = ask_token("claire", "faux"), ask_token("personne", "faux")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_tokens_share_their_tries_with_the_login_screen(world: World) -> None:
    for _ in range(3):
        ask_token("claire", "faux")
        Client().post("/connexion/", {"username": "claire", "password": "faux"})
    refused = ask_token("claire")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")


def test_without_a_token_nothing_is_read(world: World) -> None:
    assert Client().get(CASES).status_code == 401
    wrong = Client(headers={"Authorization": "Token 0123456789"})
    assert wrong.get(CASES).status_code == 401


def test_the_token_of_a_deactivated_person_opens_nothing(world: World) -> None:
    client = program(world.claire)
    User.objects.filter(pk=world.claire.pk).update(is_active=False)
    assert client.get(CASES).status_code == 401


def test_everybody_reads_her_waves_and_her_role_there(world: World) -> None:
    (wave,) = program(world.nadia).get(f"{V1}/waves/").json()["results"]
    assert (wave["slug"], wave["role"], wave["state"]) == ("2026", "interviewer", "open")
    assert program(world.nadia).get(f"{V1}/waves/2025/").status_code == 404


def test_an_interviewer_reads_nothing_else(world: World) -> None:
    client = program(world.nadia)
    assert [client.get(url).status_code for url in (CASES, INTERVIEWS, QUOTAS)] == [403] * 3


def test_a_wave_of_others_does_not_exist(world: World) -> None:
    client = program(world.oscar)
    assert [client.get(url).status_code for url in (CASES, INTERVIEWS, QUOTAS)] == [404] * 3


def test_a_case_tells_where_it_stands(world: World) -> None:
    case = program(world.claire).get(f"{CASES}3/").json()
    assert (case["number"], case["frame_sector"], case["held"]) == (3, "VE", False)


def test_no_answer_carries_contact_data(world: World, interview: Interview) -> None:
    contact = Contact.objects.get(case=world.cases[0])
    phone = world.cases[0].phones.get()
    client = program(world.alain)
    for url in (CASES, f"{CASES}1/", INTERVIEWS, f"{INTERVIEWS}?answers=1"):
        text = client.get(url).content.decode()
        for secret in (contact.name, contact.address, phone.e164, phone.phone_key):
            assert secret not in text


def test_lists_come_in_pages_of_fifty_two_hundred_at_most(world: World) -> None:
    sector = world.sectors["CN"]
    Case.objects.bulk_create(
        Case(wave=world.wave, number=number, frame_sector=sector, due_at=world.now)
        for number in range(101, 341)
    )
    client = program(world.claire)
    first = client.get(CASES).json()
    assert (first["count"], len(first["results"])) == (246, 50)
    assert len(client.get(CASES, {"page_size": 1000}).json()["results"]) == 200
    last = client.get(CASES, {"page": 5}).json()
    assert [row["number"] for row in last["results"]][-1] == 340
    assert client.get(CASES, {"page": 9}).status_code == 404


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"frame_sector": "VE"}, [3, 4]),
        ({"state": "closed"}, [2]),
        ({"tier": "4"}, [5]),
        ({"due_before": "2026-03-17T13:00:00Z"}, [6]),
        ({"frame_sector": "VE", "state": "closed"}, []),
    ],
)
def test_cases_are_filtered(world: World, query: dict[str, str], numbers: list[int]) -> None:
    Case.objects.filter(number=2).update(state=Case.State.CLOSED)
    Case.objects.filter(number=5).update(tier=Case.Tier.SOFT)
    Case.objects.filter(number=6).update(due_at="2026-03-17T12:00:00Z")
    rows = program(world.claire).get(CASES, query).json()["results"]
    assert [row["number"] for row in rows] == numbers


def test_a_filter_that_means_nothing_is_refused(world: World) -> None:
    refused = program(world.claire).get(CASES, {"state": "somewhere"})
    assert refused.status_code == 400
    assert "state" in refused.json()


def test_an_interview_tells_its_place_but_not_its_answers(
    world: World, interview: Interview
) -> None:
    (row,) = program(world.claire).get(INTERVIEWS, {"place": "confirmed"}).json()["results"]
    assert (row["case"], row["version"], row["sector"], row["place"]) == (1, 3, "CN", "confirmed")
    assert "answers" not in row
    assert program(world.claire).get(INTERVIEWS, {"place": "full"}).json()["count"] == 0


def test_answers_are_for_admins_who_ask(world: World, interview: Interview) -> None:
    (row,) = program(world.alain).get(INTERVIEWS, {"answers": "1"}).json()["results"]
    assert row["answers"] == ANSWERS
    assert "answers" not in program(world.alain).get(f"{INTERVIEWS}{interview.pk}/").json()
    assert program(world.claire).get(INTERVIEWS, {"answers": "1"}).status_code == 403


def test_quota_cells_tell_their_counts(world: World) -> None:
    (cell,) = program(world.claire).get(QUOTAS, {"sector": "CN"}).json()["results"]
    target = world.cells["CN"].target
    assert (cell["target"], cell["counted"], cell["missing"]) == (target, 0, target)


def test_an_address_that_leads_nowhere_answers_in_json(world: World) -> None:
    nowhere = program(world.claire).get(f"{CASES}minus-one/")
    assert (nowhere.status_code, list(nowhere.json())) == (404, ["detail"])


def test_nothing_is_written_through_it(world: World) -> None:
    client = program(world.alain)
    for url in (CASES, f"{CASES}1/", INTERVIEWS, QUOTAS, f"{V1}/waves/2026/"):
        for method in ("post", "put", "patch", "delete"):
            assert getattr(client, method)(url).status_code == 405


def test_the_description_draws_itself_without_a_foreign_host(world: World) -> None:
    page = Client().get("/api/docs/").content.decode()
    assert 'data-schema="/api/schema/"' in page
    assert "//" not in page.replace("<!doctype", "").replace("://", "//").split("<title>")[0]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests stay on the test's connection, as those of Django's test client do."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.mark.faults
@pytest.mark.parametrize(("who", "may_start"), [("claire", False), ("alain", True)])
def test_what_it_answers_is_what_it_describes(
    world: World, interview: Interview, one_connection: None, who: str, may_start: bool
) -> None:
    """Every operation, with generated parameters, half of them in a wave that is there."""
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", WSGIHandler())
    headers = {"Authorization": f"Token {Token.objects.create(user=getattr(world, who)).key}"}
    statuses = {
        result.ok().label: statuses_of(result.ok(), headers)
        for result in schema.get_all_operations()
    }
    assert len(statuses) == 26
    assert statuses["GET /api/v1/waves/{wave}/quotas/"] >= {200, 404}
    assert statuses["GET /api/v1/waves/{wave}/rates/"] >= {200, 404}
    assert statuses["POST /api/v1/waves/{wave}/runs/"] >= ({202, 404} if may_start else {403})


def statuses_of(operation: Any, headers: dict[str, str]) -> set[int]:
    """The statuses that the operation answered; each answer fits the description, none is a 500."""
    seen = set()

    @hypothesis_settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), own_wave=st.booleans())
    def conforms(case: Any, own_wave: bool) -> None:
        if own_wave and "wave" in case.path_parameters:
            case.path_parameters["wave"] = "2026"
        response = case.call(headers=headers)
        seen.add(response.status_code)
        case.validate_response(response, checks=CONFORMANCE)

    conforms()
    return seen
