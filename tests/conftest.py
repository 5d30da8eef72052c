"""What every test may ask for."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.world import instrument, world

__all__ = ["instrument", "world"]


@pytest.fixture(scope="session", autouse=True)
def settings_of_a_suite() -> Iterator[None]:
    """Static files as they lie, without the manifest of `collectstatic`; passwords hashed fast."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        STORAGES=settings.STORAGES | {"staticfiles": plain},
        WHITENOISE_USE_FINDERS=True,
        WHITENOISE_AUTOREFRESH=True,
        PASSWORD_HASHERS=[
            "django.contrib.auth.hashers.MD5PasswordHasher",
            *settings.PASSWORD_HASHERS,
        ],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """A database of its own for every process of the suite: clones of one that is migrated once."""
    creation = connection.creation
    migrated = creation._get_test_db_name()
    folder = tmp_path_factory.getbasetemp()
    users = (folder if worker_id == "master" else folder.parent) / "test-database"
    with django_db_blocker.unblock(), alone(users):
        if not any(users.iterdir()):
            creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            connection.close()
        connection.settings_dict["NAME"] = migrated
        creation.clone_test_db(suffix=worker_id, verbosity=0, autoclobber=True)
        connection.settings_dict |= creation.get_test_db_clone_settings(worker_id)
        (users / worker_id).touch()
    yield
    with django_db_blocker.unblock(), alone(users):
        (users / worker_id).unlink()
        for one in connections.all():
            one.close()
            one.close_pool()  # type: ignore[attr-defined]
        drop(connection.settings_dict["NAME"])
        if not any(users.iterdir()):
            drop(migrated)


def drop(database: str) -> None:
    """With whatever session a process that was killed has left in it."""
    with connection.creation._nodb_cursor() as cursor:
        try:
            cursor.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
        except ProgrammingError:
            # The server's own vacuum, which no common role may end: it gives way by itself.
            cursor.execute(f'DROP DATABASE "{database}"')


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder, made if need be, against the other processes of the suite."""
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def cache_of_its_own(settings: Any) -> None:
    """Rows of another test, or of another process's database, may have had the same identities."""
    own = settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}
    settings.CACHES = settings.CACHES | {"default": own}
