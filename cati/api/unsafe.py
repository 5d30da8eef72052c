"""Writes of programs, done once: the header `Idempotency-Key` makes the second one a reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cati import clock, tasks
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply, once

KEY = OpenApiParameter(
    "Idempotency-Key",
    UUID,
    OpenApiParameter.HEADER,
    required=True,
    description="Made by the client. The same key and body get the same answer, and no second job.",
)
REFUSALS = {
    400: OpenApiResponse(dict[str, list[str]], "What is not given or does not fit: why, by field."),
    409: OpenApiResponse(dict[str, str], "The key has served for something else."),
    422: OpenApiResponse(dict[str, dict[str, str]], "Refused: why and how to mend it, by field."),
}


def sent_once(request: Request, body: dict[str, Any], act: Callable[[], Reply]) -> Response:
    """Do `act` once for the request's key; a `job` in its reply is announced to Celery."""
    try:
        key = UUID(request.headers.get("Idempotency-Key", ""))
    except ValueError as error:
        message = _("Donnez un UUID, le même quand vous renvoyez la même demande.")
        raise ValidationError({"Idempotency-Key": [message]}) from error
    try:
        reply = once(key, request.user, body, clock.now(), act)  # type: ignore[arg-type]
    except Refused as refusal:
        return Response({"errors": refusal.messages}, status=422)
    if job := reply.body.get("job"):
        tasks.tell(job)
    return Response(reply.body, status=reply.status)
