"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings

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


@pytest.fixture(autouse=True)
def cache_of_its_own(settings: Any) -> None:
    """Rows of another test, or of another process's database, may have had the same identities."""
    own = settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}
    settings.CACHES = settings.CACHES | {"default": own}
