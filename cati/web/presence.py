"""The telephone room: breaks, messages, and an outcome taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.http import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cati import clock, queries
from cati.models import Role
from cati.operations import presence
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.take_back import take_back_outcome
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once


@in_wave(Role.INTERVIEWER)
@require_POST
def take_break(request: WaveRequest) -> HttpResponseBase:
    def do(now: datetime) -> None:
        presence.take_break(request.wave, request.user, now)

    return _at_home(request, {"break": "begin"}, do)


@in_wave(Role.INTERVIEWER)
@require_POST
def end_break(request: WaveRequest) -> HttpResponseBase:
    return _at_home(request, {"break": "end"}, lambda now: presence.end_break(request.user, now))


@in_wave(Role.INTERVIEWER)
@require_POST
def read_message(request: WaveRequest, message: int) -> HttpResponseBase:
    def do(now: datetime) -> None:
        presence.read(request.wave, message, request.user, now)

    return _at_home(request, {"read": message}, do)


def _at_home(
    request: WaveRequest, body: dict[str, Any], do: Callable[[datetime], None]
) -> HttpResponseBase:
    """An act from her home that leaves her there."""
    home = resolve_url("interviewer-home", wave=request.wave.slug)

    def act() -> Reply:
        do(clock.now())
        return Reply(303, {"to": home})

    return posted_once(request, body, home, act)


@in_wave(Role.INTERVIEWER)
@require_POST
def take_back(request: WaveRequest, number: int) -> HttpResponseBase:
    """Open the call of a wrong outcome again, at its end: the right one is typed there."""

    def act() -> Reply:
        case = take_back_outcome(request.wave, number, request.user, clock.now())
        to = resolve_url("outcome", wave=request.wave.slug, number=case.number)
        return Reply(303, {"to": to})

    back = resolve_url("interviewer-home", wave=request.wave.slug)
    return posted_once(request, {"take-back": number}, back, act)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: WaveRequest) -> HttpResponseBase:
    """What was said to the room, who has read it, who is on a break; posted, one message more."""
    if request.method == "POST":
        return _say(request)
    context = {
        "now": clock.now(),
        "said": queries.messages_of(request.wave),
        "resting": queries.resting_in(request.wave),
        "people": queries.interviewers_of(request.wave),
        "uuid": uuid4(),
    }
    return render(request, "cati/supervisor/messages.html", context)


def _say(request: WaveRequest) -> HttpResponseBase:
    here = resolve_url("messages", wave=request.wave.slug)
    text, to = request.POST.get("text", ""), request.POST.get("to", "")

    def act() -> Reply:
        if to and not to.isdecimal():
            raise Refused({"to": _("Choisissez un enquêteur de la vague.")})
        person = int(to[:9]) if to else None
        presence.say(request.wave, request.user, text, person, clock.now())
        return Reply(303, {"to": here, "say": _("Message laissé : il est à l’accueil.")})

    return posted_once(request, {"say": text, "to": to}, here, act)
