"""« Échantillon » : lay a file down, say what its columns are, try it, import it, mend the rest."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cati import clock, queries
from cati.core.sample_columns import PHONES, PRELOAD
from cati.models import Job, Role, SampleUpload
from cati.operations import sample_uploads
from cati.operations.idempotency import Reply
from cati.operations.sample_reading import declared_preloads
from cati.web.access import WaveRequest, in_wave
from cati.web.lists import listed
from cati.web.unsafe import posted_once

SHOWN_LINES = 5
TITLES = {
    "name": gettext_lazy("Nom"),
    "address": gettext_lazy("Adresse"),
    "sector": gettext_lazy("Secteur"),
    "replicate": gettext_lazy("Réplicat"),
}


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: WaveRequest) -> HttpResponseBase:
    """The files that came in, those that wait, and where the next one is laid down."""
    if request.method == "POST":
        return _lay_down(request)
    asked = request.GET.get("q", "")
    listing = listed(request, queries.imports_of(request.wave, asked))
    context = listing | {
        "imports": queries.with_jobs(request.wave, list(listing["page"])),
        "waiting": queries.waiting_uploads(request.wave),
        "asked": asked,
        "cases": request.wave.cases.count(),
        "replicates": queries.replicates_of(request.wave),
        "uuid": uuid4(),
    }
    return render(request, "cati/admin/sample.html", context)


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: WaveRequest, upload: int) -> HttpResponseBase:
    """One file: its columns and first rows, what a try says of it; posted, its columns are kept and
    the try begins."""
    row = _upload(request, upload)
    here = resolve_url("sample-upload", wave=request.wave.slug, upload=upload)
    if request.method != "POST":
        return render(request, "cati/admin/sample_upload.html", _context(request, row))
    fields = [request.POST.get(f"column-{at}", "") for at in range(len(row.header))]
    earlier = request.POST.get("earlier", "")

    def act() -> Reply:
        sample_uploads.choose(row, fields, earlier)
        job = sample_uploads.ask(row, write=False, skip_bad=False, by=request.user, now=clock.now())
        return Reply(303, {"to": here, "job": job.pk})

    return posted_once(request, {"columns": fields, "earlier": earlier, "of": upload}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def progress(request: WaveRequest, upload: int) -> HttpResponseBase:
    """What the last job says of the file, for the page to fetch while it runs."""
    row = _upload(request, upload)
    return render(request, "cati/admin/sample_upload.html#verdict", _context(request, row))


@in_wave(Role.ADMIN)
@require_POST
def write(request: WaveRequest, upload: int) -> HttpResponseBase:
    """Import the file: all of it, or its good rows where `skip_bad` says so."""
    row = _upload(request, upload)
    here = resolve_url("sample-upload", wave=request.wave.slug, upload=upload)
    skip_bad = "skip_bad" in request.POST

    def act() -> Reply:
        job = sample_uploads.ask(
            row, write=True, skip_bad=skip_bad, by=request.user, now=clock.now()
        )
        return Reply(303, {"to": here, "job": job.pk})

    return posted_once(request, {"import": upload, "skip_bad": skip_bad}, here, act)


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: WaveRequest, upload: int) -> HttpResponseBase:
    """Remove a file that is not to be imported, once asked."""
    row = _upload(request, upload)
    home = resolve_url("sample", wave=request.wave.slug)
    if request.method != "POST":
        context = {
            "title": _("Retirer « %(file)s » ?") % {"file": row.filename},
            "text": _("Le fichier est effacé du serveur. Aucune fiche de la vague n’est touchée."),
            "act": _("Retirer le fichier"),
            "stay": _("Garder le fichier"),
            "back": resolve_url("sample-upload", wave=request.wave.slug, upload=upload),
            "uuid": uuid4(),
        }
        return render(request, "cati/confirm.html", context)

    def act() -> Reply:
        sample_uploads.give_up(row)
        return Reply(303, {"to": home, "say": _("Fichier retiré.")})

    return posted_once(request, {"give-up": upload}, home, act)


def _lay_down(request: WaveRequest) -> HttpResponseBase:
    here = resolve_url("sample", wave=request.wave.slug)
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, _("Choisissez un fichier, puis déposez-le."))
        return redirect(here)
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    file.seek(0)

    def act() -> Reply:
        name = str(file.name)
        row = sample_uploads.lay_down(request.wave, file.chunks(), name, request.user, clock.now())
        to = resolve_url("sample-upload", wave=request.wave.slug, upload=row.pk)
        return Reply(303, {"to": to})

    return posted_once(request, {"file": digest.hexdigest()}, here, act)


def _upload(request: WaveRequest, number: int) -> SampleUpload:
    rows = SampleUpload.objects.select_related("wave__version", "by")
    return get_object_or_404(rows, pk=number, wave=request.wave)


def _context(request: WaveRequest, row: SampleUpload) -> dict[str, Any]:
    lines = sample_uploads.first_lines(row, SHOWN_LINES)
    columns = [
        {"at": at, "heading": heading, "field": field, "cells": [line[at] for line in lines]}
        for at, (heading, field) in enumerate(zip(row.header, row.columns, strict=True))
    ]
    job = sample_uploads.jobs_of(row).first()
    return {
        "row": row,
        "columns": columns,
        "fields": _fields(row),
        "policies": SampleUpload.Earlier.choices,
        "job": job,
        "busy": job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING),
        "kept": bool(row.stored),
        "uuid": uuid4(),
    }


def _fields(row: SampleUpload) -> list[tuple[str, str]]:
    """What a column may be, in the words of the page."""
    phones = [(name, _("Téléphone %(n)s") % {"n": n}) for n, name in enumerate(PHONES, start=1)]
    others = [(name, str(title)) for name, title in TITLES.items()]
    variables = [
        (f"{PRELOAD}{name}", _("Variable %(name)s") % {"name": name})
        for name in declared_preloads(row.wave)
    ]
    return [("", _("ne pas lire")), *phones, *others, *variables]
