"""A session that this process has read before is not read again, and yet is never out of date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cati.models import User
from cati.web.sessions import SessionStore
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(world: World) -> str:
    return f"/v/{world.wave.slug}/enquete/"


@pytest.fixture
def nadia(world: World, page: str) -> Client:
    """Logged in, and her session read."""
    client = world.client(world.nadia)
    assert client.get(page).status_code == 200
    return client


def test_the_second_page_reads_the_session_with_its_person(nadia: Client, page: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert nadia.get(page).status_code == 200
    sessions = [one["sql"] for one in asked if "django_session" in one["sql"]]
    assert len(sessions) == 1
    assert "cati_membership" in sessions[0]


def deleted(session: Session) -> None:
    session.delete()


def expired(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(expire_date=timezone.now() - timedelta(seconds=1))


def emptied(session: Session) -> None:
    store = SessionStore(session.pk)
    store.clear()
    store.save()


def forged(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(session_data=session.session_data[:-1])


@pytest.mark.parametrize("ended", [deleted, expired, emptied, forged])
def test_a_session_that_ended_elsewhere_lets_nobody_in(
    nadia: Client, page: str, ended: Callable[[Session], None]
) -> None:
    ended(Session.objects.get())
    reply = nadia.get(page)
    assert (reply.status_code, reply["Location"].split("?")[0]) == (302, "/connexion/")


def test_what_a_session_says_now_is_what_holds(nadia: Client, world: World, page: str) -> None:
    """The cookie is another person's from now on; then that person's password is changed."""
    key = Session.objects.get().pk
    yann = world.client(world.yann)
    data = Session.objects.exclude(pk=key).get().session_data
    Session.objects.filter(pk=key).update(session_data=data)
    assert nadia.get(page).context["user"] == world.yann
    assert yann.get(page).status_code == 200
    changed = User.objects.get(pk=world.yann.pk)
    changed.set_password("autre chose encore")
    changed.save()
    assert yann.get(page).status_code == 302


def test_what_a_page_changes_in_its_session_is_its_own(nadia: Client) -> None:
    key = Session.objects.get().pk
    first, second = SessionStore(key), SessionStore(key)
    assert first.presume() and second.presume()
    first["filters"] = ["a"]
    assert "filters" not in second
    first.save()
    # The presumption no longer holds: whoever asked the database is told to read again.
    third = SessionStore(key)
    _key, data, _now = third.presume()
    assert not Session.objects.filter(pk=key, session_data=data).exists()
    third.read_again()
    assert third["filters"] == ["a"]
    assert SessionStore("unheard-of").presume() == ()
