"""The only reader of a clock: the database's time, plus an offset for tests and simulations.

Every edge (view, task, command) calls `now()` once and hands the value down; domain functions take
it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection


def now() -> datetime:
    """The database's wall clock, aware, shifted by CLOCK_OFFSET_SECONDS.

    `clock_timestamp()` and not `now()`: inside a long transaction the latter stands still.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        instant: datetime = cursor.fetchone()[0]
    return instant + timedelta(seconds=settings.CLOCK_OFFSET_SECONDS)
