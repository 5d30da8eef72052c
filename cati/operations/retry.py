"""An act that the database broke off for no fault of its own is done again, from its beginning."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

Done = TypeVar("Done")

AGAIN = 3
# Deadlock detected, serialisation failure: the other one went on, and this one may follow.
BROKEN_OFF = frozenset({"40P01", "40001"})
# Seconds before a new attempt: two that met do not meet again at once.
PAUSE = (0.01, 0.05)


def retried(act: Callable[[], Done]) -> Done:
    """What `act` gives, begun anew up to three times after a deadlock or serialisation failure.

    `act` opens its own transaction, so that a failed attempt leaves nothing. Inside the caller's
    transaction it is tried once: only the whole of that one could begin anew.
    """
    for left in reversed(range(AGAIN + 1)):
        try:
            return act()
        except OperationalError as error:
            if not left or connection.in_atomic_block or _state(error) not in BROKEN_OFF:
                raise
            time.sleep(random.uniform(*PAUSE))  # noqa: S311 (a pause, not a secret)
    raise AssertionError("the last attempt returns or raises")


def _state(error: OperationalError) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""
