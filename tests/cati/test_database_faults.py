"""What people see while the database fails, and what becomes of the answer they were giving.

1. Without its server, a request is answered after a second: 503, {"retry": true} or a page that
   tries again by itself; never a stack trace, never a login page.
2. A full disk, a killed session or a deadlock leaves nothing behind: the same request, sent again
   with its UUID, is saved once.
3. A deadlock that passes is not even seen.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from psycopg import Connection

from cati.models import IdempotentRequest, User
from questionnaire.models import AnswerEvent
from questionnaire.operations import rebuild
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
# A second of waiting for a connection, and room for a machine that does much else.
SOON = 5.0
WORDS_OF_A_FAULT = ("Traceback", "psycopg", "connection", "OperationalError", "cati_")


@contextmanager
def gone() -> Iterator[None]:
    """This thread's connection leads where no server listens."""
    usual = connections["default"]
    dead = usual.copy()
    dead.settings_dict = usual.settings_dict | {"HOST": "/nonexistent", "PORT": ""}
    dead.alias = "gone"
    connections["default"] = dead
    try:
        yield
    finally:
        dead.close_pool()
        connections["default"] = usual


@contextmanager
def failing(statement: str) -> Iterator[None]:
    """Every new line of the journal runs this PL/pgSQL statement first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE SEQUENCE fault_count;"
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {statement}; RETURN NEW; END $$;"
            "CREATE TRIGGER fault BEFORE INSERT ON questionnaire_answerevent"
            " FOR EACH ROW EXECUTE FUNCTION fault()"
        )
    try:
        yield
    finally:
        # A session that was killed is replaced by a new one.
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION fault() CASCADE; DROP SEQUENCE fault_count")


class Sender:
    """Nadia in an interview, sending one answer as her page does."""

    def __init__(self, world: World) -> None:
        self.call = Call(world, world.nadia)
        self.call.begin()
        self.url = f"/v/2026/fiche/{self.call.case.number}/reponse/"
        self.client = Client(raise_request_exception=False)
        self.client.force_login(world.nadia)
        self.body = {
            "uuid": str(uuid4()), "epoch": self.call.case.epoch, "kind": "answer", "item": "S01",
            "value": {"v": 1},
        }  # fmt: skip

    def send(self) -> Any:
        return self.client.post(self.url, json.dumps(self.body), content_type="application/json")

    def saved_once(self) -> bool:
        lines = AnswerEvent.objects.filter(item="S01")
        interview = self.call.interview()
        return [str(line.pk) for line in lines] == [self.body["uuid"]] and not rebuild(interview)


def is_calm(response: Any) -> bool:
    text = response.content.decode()
    return response.status_code == 503 and not any(word in text for word in WORDS_OF_A_FAULT)


def test_sessions_that_ended_while_they_rested_are_not_noticed(world: World) -> None:
    sender = Sender(world)
    pool = connection.pool
    resting = [pool.getconn() for _ in range(3)]
    others = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE pid = ANY(%s)"
    ended = [one.info.backend_pid for one in resting]
    with connection.cursor() as cursor:
        cursor.execute(others, [ended])
        assert cursor.fetchall() == [(True,)] * 3
    for one in resting:
        pool.putconn(one)
    connection.close()
    assert pool.get_stats()["pool_available"] >= 3
    assert sender.send().status_code == 200
    assert sender.saved_once()


def test_a_connection_that_rested_is_asked_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*args: Any) -> None:
        raise AssertionError

    connection.close()
    # The pool's own check is a statement of the connection; those of the product are of cursors.
    monkeypatch.setattr(Connection, "execute", ask)
    assert User.objects.filter(pk=world.nadia.pk).exists()


def test_a_server_that_is_gone_is_a_calm_retry_for_the_page(world: World) -> None:
    sender = Sender(world)
    with gone():
        began = time.monotonic()
        refused = sender.send()
        assert time.monotonic() - began < SOON
    assert is_calm(refused)
    assert refused.json()["retry"] is True
    assert refused.headers["Retry-After"] == "5"
    assert sender.send().status_code == 200
    assert sender.saved_once()


@pytest.mark.slow
def test_a_page_tries_again_by_itself_and_a_form_says_how(world: World) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.claire)
    with gone():
        began = time.monotonic()
        page = client.get("/v/2026/terrain/")
        assert time.monotonic() - began < SOON
        form = client.post("/v/2026/oppositions/", {"number": "01 99 00 00 01"})
        program = client.get("/api/v1/waves/")
    assert is_calm(page)
    assert '<meta http-equiv="refresh" content="5">' in page.content.decode()
    assert is_calm(form)
    assert "refresh" not in form.content.decode()
    assert "Rechargez cette page" in form.content.decode()
    assert program.json()["retry"] is True
    assert client.get("/v/2026/terrain/").status_code == 200


def test_readiness_is_refused_without_waiting(db: None) -> None:
    with gone():
        began = time.monotonic()
        response = Client().get("/readyz")
        took = time.monotonic() - began
    assert (response.status_code, response.json()["database"]) == (503, "down")
    assert took < SOON


@pytest.mark.parametrize(
    "fault",
    [
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'",
        "PERFORM pg_terminate_backend(pg_backend_pid())",
        "RAISE EXCEPTION 'deadlock' USING ERRCODE = 'deadlock_detected'",
        "RAISE EXCEPTION 'going down' USING ERRCODE = 'admin_shutdown'",
    ],
    ids=["full disk", "killed session", "deadlock", "restart"],
)
def test_the_same_answer_sent_again_is_saved_once(world: World, fault: str) -> None:
    sender = Sender(world)
    with failing(fault):
        refused = sender.send()
        assert is_calm(refused)
        assert refused.json()["retry"] is True
    assert not IdempotentRequest.objects.exists()
    replies = [sender.send() for _time in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert sender.saved_once()


def test_a_deadlock_that_passes_is_not_seen(world: World) -> None:
    sender = Sender(world)
    once = "IF nextval('fault_count') < 3 THEN RAISE EXCEPTION '' USING ERRCODE = '40P01'; END IF"
    with failing(once):
        assert sender.send().status_code == 200
    assert sender.saved_once()


def test_a_fault_of_ours_is_not_taken_for_one_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(world)

    def wrong(*args: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("cati.operations.record.cells_of", wrong)
    refused = sender.send()
    assert (refused.status_code, "Zero" in refused.content.decode()) == (500, False)
