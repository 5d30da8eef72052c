"""Start an export from the panel beside the jobs."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cati import clock
from cati.models import Role
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting.exports.job import ask_for_export


@in_wave(Role.ADMIN)
@require_POST
def start(request: WaveRequest) -> HttpResponseBase:
    """One more export of a run, made by a job; the page of jobs shows how far it is."""
    here = resolve_url("jobs", wave=request.wave.slug)
    wanted = {name: request.POST.get(name, "") for name in ("run", "format")}

    def act() -> Reply:
        job = ask_for_export(
            request.wave, wanted["run"], wanted["format"], request.user, clock.now()
        )
        return Reply(303, {"to": here, "say": _("L’export est en file."), "job": job.pk})

    return posted_once(request, {"export": wanted}, here, act)
