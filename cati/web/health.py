"""Whether the process lives, and whether it can serve: for a service manager or a load balancer."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from cati.web.access import open_to

logger = logging.getLogger(__name__)


@open_to("anyone")
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked, so that a lost database restarts no server."""
    return JsonResponse({"status": "ok"})


@open_to("anyone")
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where it can serve, even without Redis ("degraded"); 503 where it cannot."""
    database, migrations = database_states()
    cached = cache_state()
    ready = database == migrations == "ok"
    status = "unready" if not ready else "ok" if cached == "ok" else "degraded"
    states = {"status": status, "database": database, "migrations": migrations, "cache": cached}
    return JsonResponse(states, status=200 if ready else 503)


def database_states() -> tuple[str, str]:
    """("ok" or "down", "ok", "missing" or "unknown"): whether it answers, and is migrated.

    The reason of a failure goes to the log and not to the reply, which anybody may read.
    """
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        logger.error("The database does not answer: %s", error)
        return "down", "unknown"
    return "ok", "missing" if missing else "ok"


def cache_state() -> str:
    """ "ok", or "down" when what is written cannot be read back."""
    cache.set("readyz", "ok", 10)
    return "ok" if cache.get("readyz") == "ok" else "down"
