"""What the tests of the fieldwork's edges share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def dead_redis(settings: Any) -> None:
    """Nobody listens where Redis should: connections are refused at once."""
    dead = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": dead}
