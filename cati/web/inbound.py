"""« Rappel » : the person is on the line; find her case, and open it."""

from __future__ import annotations

from uuid import uuid4

from django.http import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_POST, require_safe

from cati import clock, queries
from cati.core.phones import display
from cati.models import Role
from cati.operations.idempotency import Reply
from cati.operations.inbound import take_call
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once

SHOWN = 9
SHOWN_CALLS = 2


@in_wave(Role.INTERVIEWER)
@require_safe
def search(request: WaveRequest) -> HttpResponseBase:
    """Up to nine cases that the words mean, each with a key of its own; the first has the focus."""
    asked = request.GET.get("q", "").strip()
    found = queries.found_cases(request.wave, {"q": asked})[: SHOWN + 1] if asked else ()
    cases = list(found)
    rows = [
        {
            "case": case,
            "numbers": [display(phone.e164) for phone in case.phones.all() if phone.e164],
            "uuid": uuid4(),
            "past": queries.calls_of(case)[:SHOWN_CALLS],
        }
        for case in cases[:SHOWN]
    ]
    context = {"asked": asked, "rows": rows, "more": len(cases) > SHOWN}
    return render(request, "cati/interviewer/inbound.html", context)


@in_wave(Role.INTERVIEWER)
@require_POST
def take(request: WaveRequest, number: int) -> HttpResponseBase:
    """Open the case of the one who calls, with her call; why not, where it is not free."""

    def act() -> Reply:
        case = take_call(request.wave, number, request.user, clock.now())
        return Reply(303, {"to": resolve_url("case", wave=request.wave.slug, number=case.number)})

    back = f"{resolve_url('inbound', wave=request.wave.slug)}?q={number}"
    return posted_once(request, {"inbound": number}, back, act)
