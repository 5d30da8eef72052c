"""A worker that starts has the questionnaires in the field, and starts without its database too."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cati.web.warm import warm_up
from questionnaire import queries
from tests.world import World


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_programs", type(queries._programs)())
    monkeypatch.setattr(queries, "_hashes", {})
    # The collector's frozen share and the test's connection outlive the test.
    monkeypatch.setattr("cati.web.warm.gc.freeze", lambda: None)
    monkeypatch.setattr("cati.web.warm.gc.set_threshold", lambda _objects: None)
    monkeypatch.setattr(connection, "close", lambda: None)


def test_the_questionnaire_in_the_field_is_compiled_before_anybody_asks(world: World) -> None:
    warm_up()
    version = world.wave.version_id
    assert version is not None
    with CaptureQueriesContext(connection) as asked:
        queries.program_by_id(version)
    assert len(asked) == 0


def test_a_worker_starts_while_its_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[int]:
        raise OperationalError

    monkeypatch.setattr("cati.queries.versions_in_the_field", away)
    warm_up()
