"""One effect per client-made UUID, however often and however concurrently the request arrives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cati.models import IdempotentRequest, User
from cati.operations.retry import retried


@dataclass(frozen=True)
class Reply:
    """What an unsafe endpoint answers: an HTTP status and a small JSON body.

    `acted`: the row that the act left, for whoever shows it at once; a repeated reply has none.
    """

    status: int
    body: dict[str, Any]
    acted: Any = field(default=None, compare=False)


def once(
    uuid: UUID, actor: User, body: dict[str, Any], now: datetime, act: Callable[[], Reply]
) -> Reply:
    """Run `act` in a transaction unless `uuid` was answered before; then give that reply again.

    The row is inserted first: a concurrent request with the same UUID waits on its unique key
    until the first one commits, and then reads the reply. An exception from `act` takes the row
    with it, so a refused request leaves no trace and may be mended and sent again. After a deadlock
    or a serialisation failure `act` begins anew, up to three times.
    """
    digest = digest_of(body)

    def attempt() -> Reply:
        with transaction.atomic():
            if not _first(uuid, actor, digest, now):
                return _again(uuid, actor, digest)
            reply = act()
            _keep(uuid, reply)
        return reply

    return retried(attempt)


def digest_of(body: dict[str, Any]) -> str:
    """Of what a request asks for: two that differ in it are not the same request."""
    told = json.dumps(body, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def _first(uuid: UUID, actor: User, digest: str, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cati_idempotentrequest (uuid, actor_id, body_hash, status, reply, at)"
            " VALUES (%s, %s, %s, 0, '{}', %s) ON CONFLICT (uuid) DO NOTHING",
            [uuid, actor.pk, digest, now],
        )
        return bool(cursor.rowcount)


def _keep(uuid: UUID, reply: Reply) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE cati_idempotentrequest SET status = %s, reply = %s WHERE uuid = %s",
            [reply.status, json.dumps(reply.body), uuid],
        )


def _again(uuid: UUID, actor: User, digest: str) -> Reply:
    earlier = IdempotentRequest.objects.get(pk=uuid)
    if earlier.body_hash != digest or earlier.actor_id != actor.pk:
        said = _("Cet identifiant de requête a déjà servi à un autre envoi. Rechargez la page.")
        return Reply(409, {"error": "uuid-reused", "message": said})
    return Reply(earlier.status, earlier.reply)
