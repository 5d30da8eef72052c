"""Who asks, read for every request: the session and its person, each by one hand-written statement.

The ORM takes two to three times as long to write each of them. Whoever reads the person with
something else says so by `known`, and she is not read again; it is still Django that judges whether
the session is hers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from cati.models import User
from questionnaire.rows import Columns

SESSION, PERSON = Columns(Session, "s"), Columns(User, "u")
LIVE_SESSION = f"""
SELECT {SESSION.sql} FROM django_session s WHERE s.session_key = %s AND s.expire_date > %s
"""  # noqa: S608
PERSON_BY_ID = f"SELECT {PERSON.sql} FROM cati_user u WHERE u.id = %s"  # noqa: S608


class SessionStore(db.SessionStore):
    """Django's sessions in the database, read by hand."""

    def load(self) -> dict[str, Any]:
        row = _row(LIVE_SESSION, self.session_key, timezone.now())
        if row is None:
            self._session_key = None
            return {}
        session, _nothing = SESSION.take(row)
        content: dict[str, Any] = self.decode(session.session_data)
        return content


_known: ContextVar[User | None] = ContextVar("known", default=None)


@contextmanager
def known(person: User | None) -> Iterator[None]:
    """Whoever asks in here is `person`, as just read, where the session names her."""
    before = _known.set(person)
    try:
        yield
    finally:
        _known.reset(before)


def person_id(request: HttpRequest) -> int | None:
    """Whom the session names; not yet judged. None where nobody is logged in."""
    try:
        return int(request.session[SESSION_KEY])
    except (KeyError, ValueError):
        return None


class Backend(ModelBackend):
    """Django's accounts with a password, read by hand."""

    def get_user(self, user_id: int) -> User | None:
        person = _known.get()
        if person is None or person.pk != user_id:
            row = _row(PERSON_BY_ID, user_id)
            person = PERSON.take(row)[0] if row else None
        return person if self.user_can_authenticate(person) else None


def _row(statement: str, *values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found
