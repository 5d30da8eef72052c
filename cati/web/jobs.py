"""« Exports et travaux » : what runs, what is ready, what failed and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cati import clock
from cati.models import Job, Role, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.extend import JOB_PANELS, JOB_PLACES
from cati.web.unsafe import posted_once

TO_A_PAGE = 20


@dataclass(frozen=True)
class Row:
    """A job as the list shows it. `uuid` goes with the row's button, new at every drawing."""

    job: Job
    title: str
    taken: int
    uuid: UUID

    @property
    def expired(self) -> bool:
        return self.job.state == Job.State.DONE and bool(self.job.digest) and not self.job.file

    @property
    def place(self) -> str:
        """The page of what it has made; '' where there is none."""
        place = JOB_PLACES.get(self.job.kind)
        return place(self.job) if place and self.job.state == Job.State.DONE else ""

    @property
    def seconds(self) -> int:
        """How long the last run took."""
        took = (self.job.ended_at or self.job.at) - (self.job.started_at or self.job.at)
        return max(round(took / timedelta(seconds=1)), 0)

    @property
    def size(self) -> str:
        """« 412 ko », « 1,8 Mo », in powers of ten as the system's file list has them."""
        size = self.job.size
        if size < 10**6:
            return _("%(n)s ko") % {"n": number_format(-(-size // 1000))}
        return _("%(n)s Mo") % {"n": number_format(size / 10**6, 1)}

    @property
    def unforeseen(self) -> bool:
        """The kind did not refuse: it broke, and `error` is where."""
        return self.job.error.startswith("Traceback")

    @property
    def reason(self) -> str:
        return self.job.error.strip().rpartition("\n")[2] if self.unforeseen else self.job.error


@in_wave(Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    panels = [(panel.template, panel.context(request.wave)) for panel in JOB_PANELS]
    context = listing(request) | {
        "kinds": [(kind.code, kind.label) for kind in jobs.KINDS.values()],
        "states": Job.State.choices,
        "panels": panels,
        "uuid": uuid4(),
    }
    return render(request, "cati/admin/jobs.html", context)


@in_wave(Role.ADMIN)
@require_safe
def rows(request: WaveRequest) -> HttpResponseBase:
    """The list alone, for the page to fetch while something runs."""
    return render(request, "cati/admin/jobs.html#rows", listing(request))


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: WaveRequest, job: int) -> HttpResponseBase:
    """Stop a job; a running one is asked about first, because its work is to be done again."""
    row = get_object_or_404(Job, pk=job, wave=request.wave)
    if request.method != "POST":
        return render(request, "cati/admin/cancel_job.html", {"row": _row(row), "uuid": uuid4()})

    def act() -> Reply:
        jobs.cancel(row, clock.now())
        return Reply(303, {"to": _here(request.wave), "say": _("Arrêt demandé.")})

    return posted_once(request, {"cancel": job}, _here(request.wave), act)


@in_wave(Role.ADMIN)
@require_POST
def retry(request: WaveRequest, job: int) -> HttpResponseBase:
    row = get_object_or_404(Job, pk=job, wave=request.wave)

    def act() -> Reply:
        if not jobs.retry(row):
            raise Refused({"": _("Ce travail ne se relance pas : il est en cours ou terminé.")})
        return Reply(303, {"to": _here(request.wave), "say": _("Travail relancé."), "job": job})

    return posted_once(request, {"retry": job}, _here(request.wave), act)


@in_wave(Role.ADMIN)
@require_safe
def download(request: WaveRequest, job: int) -> HttpResponseBase:
    """The file itself; who took it, and when, is kept."""
    row = get_object_or_404(Job, pk=job, wave=request.wave)
    try:
        path = jobs.downloaded(row, request.user, clock.now())
        return FileResponse(path.open("rb"), as_attachment=True, filename=row.file)
    except FileNotFoundError as gone:
        messages.error(request, str(gone))
        return redirect(_here(request.wave))


def listing(request: WaveRequest) -> dict[str, Any]:
    """One page of the wave's jobs that the search fits, and how many are unfinished in all."""
    found = search(request.wave, request.GET)
    page = Paginator(found, TO_A_PAGE).get_page(request.GET.get("page"))
    counted = dict(
        Job.objects.filter(wave=request.wave)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    return {
        "page": page,
        "rows": [_row(job) for job in page],
        "asked": _asked(request.GET),
        "queued": counted.get(Job.State.QUEUED, 0),
        "running": counted.get(Job.State.RUNNING, 0),
    }


def search(wave: Wave, asked: QueryDict) -> QuerySet[Job]:
    """The wave's jobs, the latest first; `kind`, `state` and words `q` (who, file, failure)."""
    found = (
        Job.objects.filter(wave=wave)
        .select_related("by", "wave")
        .annotate(taken=Count("downloads"))
    )
    for name in ("kind", "state"):
        if asked.get(name):
            found = found.filter(**{name: asked[name]})
    for word in asked.get("q", "").replace("\0", "").split():
        person = Q(by__first_name__icontains=word) | Q(by__last_name__icontains=word)
        found = found.filter(person | Q(file__icontains=word) | Q(error__icontains=word))
    return found.order_by("-pk")


def _asked(query: QueryDict) -> str:
    """The search as a query string, without the page."""
    kept = query.copy()
    kept.pop("page", None)
    return kept.urlencode()


def _row(job: Job) -> Row:
    kind = jobs.KINDS.get(job.kind)
    title = kind.title(job) if kind else job.kind
    return Row(job, title, getattr(job, "taken", 0), uuid4())


def _here(wave: Wave) -> str:
    return resolve_url("jobs", wave=wave.slug)
