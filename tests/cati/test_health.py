"""/livez and /readyz, and the answers of a server whose engines are gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from tests.world import World


@pytest.fixture
def dead_database() -> Iterator[None]:
    """Every statement fails as it does when PostgreSQL is gone."""

    def refuse(*args: Any) -> Any:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        yield


def test_alive_asks_the_database_nothing() -> None:
    # Without the `db` fixture any statement would raise.
    response = Client().get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_all_answer(db: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
    }


def test_degraded_but_ready_without_redis(db: None, dead_redis: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["cache"]) == ("degraded", "down")


def test_unready_without_its_database(db: None, dead_database: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert (response.json()["status"], response.json()["database"]) == ("unready", "down")
    assert b"refused" not in response.content


def test_unready_where_a_migration_is_missing(db: None) -> None:
    applied = MigrationRecorder(connection).migration_qs
    applied.filter(app="cati").order_by("name").last().delete()
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["migrations"]) == (503, "missing")


def test_pages_do_without_redis(world: World, dead_redis: None) -> None:
    client = world.client(world.claire)
    assert client.get("/v/2026/terrain/").status_code == 200
    assert client.get("/v/2026/terrain/tableau/").status_code == 200
