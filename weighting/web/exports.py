"""Start an export from the panel beside the jobs; the codebook of a run, to read."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.models import Role
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting.exports.codebook import chapters_of
from weighting.exports.dataset import dataset_of
from weighting.exports.job import OPTIONS, ask_for_export
from weighting.models import WeightingRun


@in_wave(Role.ADMIN)
@require_POST
def start(request: WaveRequest) -> HttpResponseBase:
    """One more export, made by a job; the page of jobs shows how far it is."""
    here = resolve_url("jobs", wave=request.wave.slug)
    wanted = {name: request.POST.get(name, "") for name in ("run", "format", *OPTIONS)}
    options = {name: bool(wanted[name]) for name in OPTIONS}

    def act() -> Reply:
        job = ask_for_export(
            request.wave, wanted["run"], wanted["format"], request.user, clock.now(), **options
        )
        return Reply(303, {"to": here, "say": _("L’export est en file."), "job": job.pk})

    return posted_once(request, {"export": wanted}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def codebook(request: WaveRequest, run: int) -> HttpResponseBase:
    """Every variable of the run's dataset: wording, filter, codes, counts."""
    dataset = dataset_of(get_object_or_404(WeightingRun, wave=request.wave, number=run))
    context = {"dataset": dataset, "chapters": chapters_of(dataset)}
    return render(request, "weighting/codebook.html", context)
