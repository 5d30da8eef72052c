"""Who asks, read for every request: the session and its person, each by one hand-written statement.

The ORM takes two to three times as long to write each of them. Whoever reads the person with
something else says so by `known`, and she is not read again; it is still Django that judges whether
the session is hers. A session that this process has read before need not be read again either,
where the statement that reads something else says that it is the `SAME_SESSION` still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, NamedTuple

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
SAME_SESSION = """EXISTS (SELECT FROM django_session s
  WHERE s.session_key = %s AND s.session_data = %s AND s.expire_date > %s)"""
PERSON_BY_ID = f"SELECT {PERSON.sql} FROM cati_user u WHERE u.id = %s"  # noqa: S608


class _Read(NamedTuple):
    """A session as the database had it, and what it says."""

    data: str
    content: dict[str, Any]


# {key: session}, by this process; small, and emptied when it is not.
_read: dict[str, _Read] = {}
MOST_READ = 1_000


class SessionStore(db.SessionStore):
    """Django's sessions in the database, read by hand."""

    def load(self) -> dict[str, Any]:
        row = _row(LIVE_SESSION, self.session_key, timezone.now())
        if row is None:
            self._session_key = None
            return {}
        session, _nothing = SESSION.take(row)
        content: dict[str, Any] = self.decode(session.session_data)
        if len(_read) >= MOST_READ:
            _read.clear()
        _read[session.session_key] = _Read(session.session_data, deepcopy(content))
        return content

    def presume(self) -> Sequence[Any]:
        """Take the session for what it was, without reading it: the parameters of `SAME_SESSION`,
        which must be asked. Nothing where it was not read before, or is read already."""
        before = _read.get(self.session_key or "")
        if before is None or hasattr(self, "_session_cache"):
            return ()
        self._session_cache = deepcopy(before.content)
        return self.session_key, before.data, timezone.now()

    def read_again(self) -> None:
        """It is not what was presumed: whoever asks next reads it."""
        _read.pop(self.session_key or "", None)
        del self._session_cache


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
