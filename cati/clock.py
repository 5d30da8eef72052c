"""The only reader of a clock: the database's time, plus an offset for tests and simulations.

Every edge (view, task, command) calls `now()` once and hands the value down; domain functions take
it. The database is asked every few seconds, and this machine's steady clock counts in between.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

# A clock that somebody sets is followed this soon, in seconds.
ASKED_EVERY = 2.0
# An answer that took longer to come says the time, and nothing of the times after it.
EXACT = 0.005
# What the database last said, and what this machine's steady clock said then.
_said: tuple[datetime, float] | None = None


def now() -> datetime:
    """The database's wall clock, aware, shifted by CLOCK_OFFSET_SECONDS.

    Processes agree on it to within EXACT seconds.
    """
    global _said
    asked = time.monotonic()
    said = _said
    if said is None or asked - said[1] >= ASKED_EVERY:
        instant, heard = _database_time(), time.monotonic()
        said = (instant, heard)
        _said = said if heard - asked < EXACT else None
        asked = heard
    passed = asked - said[1] + settings.CLOCK_OFFSET_SECONDS
    return said[0] + timedelta(seconds=passed)


def _database_time() -> datetime:
    """`clock_timestamp()` and not `now()`: inside a long transaction the latter stands still."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        instant: datetime = cursor.fetchone()[0]
    return instant
