"""« Redressement » : the runs of a wave, one run's diagnostics, two runs side by side."""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.models import Job, Role
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting import queries
from weighting.models import WeightingRun
from weighting.operations import runs
from weighting.web.plots import Plot, bars, deviations, spreads


class RunForm(forms.Form):
    """Method and bounds of a new run."""

    method = forms.ChoiceField(
        label=gettext_lazy("Méthode"),
        choices=list(runs.METHODS.items()),
        widget=forms.Select(attrs={"class": "input"}),
    )
    low = forms.FloatField(
        label=gettext_lazy("Borne basse de g"),
        required=False,
        localize=True,
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "decimal"}),
    )
    high = forms.FloatField(
        label=gettext_lazy("Borne haute de g"),
        required=False,
        localize=True,
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "decimal"}),
    )

    def bounds(self) -> tuple[float, float] | None:
        """Both bounds, or None where neither is given. Raises Refused where one is missing."""
        low, high = self.cleaned_data["low"], self.cleaned_data["high"]
        if (low is None) != (high is None):
            raise Refused({"bounds": _("Donnez les deux bornes, ou aucune.")})
        return None if low is None or high is None else (low, high)


@in_wave(Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    jobs = Job.objects.filter(wave=request.wave, kind=runs.KIND)
    context = {
        "runs": [(run, runs.METHODS.get(run.method)) for run in queries.runs_of(request.wave)],
        "form": RunForm(),
        "uuid": uuid4(),
        "counted": queries.counted(request.wave).count(),
        "margins": len(queries.margins_of(request.wave)),
        "last": jobs.first(),
    }
    return render(request, "weighting/runs.html", context)


@in_wave(Role.ADMIN)
@require_POST
def start(request: WaveRequest) -> HttpResponseBase:
    """One more run, computed by a job."""
    here = resolve_url("weighting-runs", wave=request.wave.slug)
    form = RunForm(request.POST)
    sent = {name: request.POST.get(name, "") for name in form.fields}

    def act() -> Reply:
        if not form.is_valid():
            raise Refused({"": _("Lisez la méthode et les bornes : deux nombres comme 0,3 et 3.")})
        method = form.cleaned_data["method"]
        job = runs.ask_for_run(request.wave, method, form.bounds(), request.user, clock.now())
        to = resolve_url("jobs", wave=request.wave.slug)
        return Reply(303, {"to": to, "say": _("Le calage est en file."), "job": job.pk})

    return posted_once(request, {"run": sent}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def run_page(request: WaveRequest, run: int) -> HttpResponseBase:
    """Verdict first, then the sectors, then one sector's margins (`?secteur=CH`)."""
    row = _run(request, run)
    sectors = row.report["sectors"]
    wanted = request.GET.get("secteur")
    sector = next((one for one in sectors if one["code"] == wanted), sectors[0])
    context = {
        "run": row,
        "method": runs.METHODS.get(row.method),
        "total": row.report["total"],
        "sectors": list(zip(sectors, spreads(sectors), strict=True)),
        "sector": sector,
        "margins": _by_criterion(sector["margins"]),
        "histogram": bars(row.report["histogram"]),
        "warnings": [text for one in sectors for text in one["warnings"]],
        "others": queries.runs_of(request.wave).exclude(pk=row.pk),
        "uuid": uuid4(),
    }
    return render(request, "weighting/run.html", context)


@in_wave(Role.ADMIN)
@require_POST
def official(request: WaveRequest, run: int) -> HttpResponseBase:
    row = _run(request, run)
    here = resolve_url("weighting-run", wave=request.wave.slug, run=run)

    def act() -> Reply:
        runs.make_official(row, request.user, request.POST.get("reason", ""), clock.now())
        said = _("Le calage n° %(number)s est officiel.") % {"number": row.number}
        return Reply(303, {"to": here, "say": said})

    return posted_once(request, {"official": run}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def compare(request: WaveRequest, run: int) -> HttpResponseBase:
    """Two runs by sector, side by side (`?avec=2`): what the other choice would have cost."""
    left = _run(request, run)
    other = request.GET.get("avec", "")
    if not other.isdecimal():
        return redirect("weighting-run", wave=request.wave.slug, run=run)
    right = _run(request, int(other[:9]))
    theirs = {one["code"]: one for one in right.report["sectors"]}
    pairs = [(one, theirs.get(one["code"])) for one in left.report["sectors"]]
    changes: dict[str, Any] = {
        "same_people": queries.people_of(left) == queries.people_of(right),
        "largest": queries.largest_change(left, right),
    }
    context = {"left": left, "right": right, "pairs": pairs, "methods": runs.METHODS, **changes}
    return render(request, "weighting/compare.html", context)


def _run(request: WaveRequest, number: int) -> WeightingRun:
    return get_object_or_404(WeightingRun, wave=request.wave, number=number)


def _by_criterion(
    margins: list[dict[str, Any]],
) -> list[tuple[Any, list[tuple[dict[str, Any], Plot]]]]:
    """The margins of each criterion, each with the bar of what the calibration corrected."""
    drawn = list(zip(margins, deviations(margins), strict=True))
    return [
        (queries.CRITERIA.get(criterion, criterion), list(its))
        for criterion, its in groupby(drawn, key=lambda pair: pair[0]["criterion"])
    ]
