"""The one clock is the database's, asked now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from cati import clock

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)


class Database:
    """A database that says noon, and takes `seconds` to say so."""

    def __init__(self) -> None:
        self.asked, self.seconds, self.steady = 0, 0.001, 100.0

    def time(self) -> datetime:
        self.asked += 1
        self.steady += self.seconds
        return NOON + timedelta(seconds=self.steady - 100.0)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database()
    monkeypatch.setattr(clock, "_said", None)
    monkeypatch.setattr(clock, "_database_time", database.time)
    monkeypatch.setattr(clock.time, "monotonic", lambda: database.steady)
    return database


def test_it_is_the_time_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_said", None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        before = cursor.fetchone()[0]
        now, later = clock.now(), clock.now()
        cursor.execute("SELECT clock_timestamp()")
        after = cursor.fetchone()[0]
    exact = timedelta(seconds=clock.EXACT)
    assert before <= now <= later <= after + exact


def test_the_database_is_asked_every_two_seconds(database: Database) -> None:
    first = clock.now()
    database.steady += 1.5
    assert clock.now() - first == timedelta(seconds=1.5)
    assert database.asked == 1
    database.steady += 1
    clock.now()
    assert database.asked == 2


def test_an_answer_that_was_long_to_come_is_used_once(database: Database) -> None:
    database.seconds = 0.5
    clock.now()
    clock.now()
    assert database.asked == 2


def test_the_offset_is_added(database: Database, settings: Any) -> None:
    plain = clock.now()
    settings.CLOCK_OFFSET_SECONDS = 86_400
    assert clock.now() - plain == timedelta(days=1)
