"""The office's forms, sent once: the hidden `uuid` of a form makes its second posting a reading.

The reply that is kept is where to go and what to say, so that each posting shows the same page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from cati import clock, tasks
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply, once
from cati.web.access import WaveRequest


def posted_once(
    request: WaveRequest, body: dict[str, Any], back: str, act: Callable[[], Reply]
) -> HttpResponseBase:
    """Do `act` once for the form's uuid, then redirect where its reply says.

    The reply's body: `to` (an address), `say` (a sentence, may be absent), `job` (to announce to
    Celery). A refusal leaves no trace and goes to `back` with its reason.
    """
    uuid = form_uuid(request)
    if uuid is None:
        return HttpResponseBadRequest(_("Rechargez la page, puis recommencez."))
    try:
        reply = once(uuid, request.user, body | {"wave": request.wave.pk}, clock.now(), act)
    except Refused as refusal:
        messages.error(request, " ".join(refusal.messages.values()))
        return redirect(back)
    if reply.status == 409:
        return HttpResponse(reply.body["message"], status=409, content_type="text/plain")
    if reply.body.get("say"):
        messages.success(request, reply.body["say"])
    if job := reply.body.get("job"):
        # Told again on a repeated posting: the runner does a job once, however often it hears it.
        tasks.tell(job)
    return redirect(reply.body["to"])


def form_uuid(request: WaveRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("uuid", ""))
    except ValueError:
        return None
