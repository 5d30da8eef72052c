"""« Redressement » : the runs of a wave, one run's diagnostics, two runs side by side."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.models import Job, Role
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting import queries
from weighting.models import WeightingRun
from weighting.operations import runs
from weighting.web.plots import Dots, cloud, dots, effects, histogram, spreads

ALL = "tous"


class RunForm(forms.Form):
    """Method and bounds of a new run; what is wrong with them stands beside them."""

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

    def clean(self) -> None:
        if self.errors:
            return
        low, high = self.cleaned_data["low"], self.cleaned_data["high"]
        if (low is None) != (high is None):
            self.add_error(
                "low" if low is None else "high", _("Donnez les deux bornes, ou aucune.")
            )
            return
        for field, said in runs.faults_of(self.cleaned_data["method"], self.bounds()).items():
            self.add_error("low" if field == "bounds" else field, said)

    def bounds(self) -> tuple[float, float] | None:
        """Both bounds, or None where neither is given."""
        low, high = self.cleaned_data["low"], self.cleaned_data["high"]
        return None if low is None or high is None else (low, high)


@in_wave(Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    return _page(request, RunForm())


def _page(request: WaveRequest, form: RunForm, status: int = 200) -> HttpResponse:
    """The runs, the official choices, and the form of a new one."""
    jobs = Job.objects.filter(wave=request.wave, kind=runs.KIND)
    context = {
        "runs": [(run, _method(run)) for run in queries.runs_of(request.wave)],
        "form": form,
        "choices": queries.official_choices(request.wave),
        "ruling": queries.ruling_set(request.wave),
        "uuid": uuid4(),
        "counted": queries.counted(request.wave).count(),
        "margins": len(queries.margins_of(request.wave)),
        "last": jobs.first(),
    }
    return render(request, "weighting/runs.html", context, status=status)


@in_wave(Role.ADMIN)
@require_POST
def start(request: WaveRequest) -> HttpResponseBase:
    """One more run, computed by a job."""
    here = resolve_url("weighting-runs", wave=request.wave.slug)
    form = RunForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    sent = {name: request.POST.get(name, "") for name in form.fields}

    def act() -> Reply:
        method = form.cleaned_data["method"]
        job = runs.ask_for_run(request.wave, method, form.bounds(), request.user, clock.now())
        to = resolve_url("jobs", wave=request.wave.slug)
        said = _("Le calage est en file ; « Ouvrir » le montre dès qu’il est fait.")
        return Reply(303, {"to": to, "say": said, "job": job.pk})

    return posted_once(request, {"run": sent}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def run_page(request: WaveRequest, run: int) -> HttpResponseBase:
    """Verdict first, then the sectors, then one sector's margins (`?secteur=CH`, or all)."""
    row = _run(request, run)
    sectors = row.report["sectors"]
    wanted = request.GET.get("secteur")
    sector = next((one for one in sectors if one["code"] == wanted), sectors[0])
    shown = sectors if wanted == ALL else [sector]
    context = {
        "run": row,
        "method": _method(row),
        "total": row.report["total"],
        "sectors": list(zip(sectors, spreads(sectors), effects(sectors), strict=True)),
        "sector": None if wanted == ALL else sector,
        "shown": [(one, _by_criterion(one["margins"])) for one in shown],
        "all": ALL,
        "worst": _worst(sectors),
        "histogram": histogram(row.report["histogram"]),
        "modules": row.report.get("modules", []),
        "warnings": [text for one in sectors for text in one["warnings"]],
        "others": queries.runs_of(request.wave).exclude(pk=row.pk),
        "former": queries.official(request.wave),
        "choices": row.choices.select_related("by"),
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
        said = _("Le calage n° %(number)s est officiel. Les tableaux et les Flash ont ses poids.")
        return Reply(303, {"to": here, "say": said % {"number": row.number}})

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
    ours = left.report["sectors"]
    pairs, ratios = queries.both_g(left, right), queries.weight_ratios(left, right)
    context = {
        "left": left,
        "right": right,
        "methods": (_method(left), _method(right)),
        "totals": (left.report["total"], right.report["total"]),
        "rows": [(one, theirs.get(one["code"]), ratios.get(one["code"])) for one in ours],
        "same_people": queries.people_of(left) == queries.people_of(right),
        "same_margins": left.margins == right.margins,
        "largest": queries.largest_change(left, right),
        "cloud": cloud(pairs),
        "points": len(pairs),
    }
    return render(request, "weighting/compare.html", context)


def _run(request: WaveRequest, number: int) -> WeightingRun:
    return get_object_or_404(WeightingRun, wave=request.wave, number=number)


def _method(run: WeightingRun) -> str:
    """« logit borné [0,3 ; 3] »."""
    name = str(runs.METHODS.get(run.method, run.method))
    bounds = run.parameters.get("bounds")
    if not bounds:
        return name
    low, high = (number_format(Decimal(f"{bound:g}"), use_l10n=True) for bound in bounds)
    return f"{name} [{low} ; {high}]"


def _worst(sectors: list[dict[str, Any]]) -> tuple[Any, Any, Any] | None:
    """The margin that is met least exactly: its sector, its criterion, and itself."""
    rows = [(sector, row) for sector in sectors for row in sector["margins"] if "error" in row]
    if not rows:
        return None
    sector, row = max(rows, key=lambda pair: pair[1]["error"])
    return sector, queries.CRITERIA.get(row["criterion"], row["criterion"]), row


def _by_criterion(
    margins: list[dict[str, Any]],
) -> list[tuple[Any, list[tuple[dict[str, Any], Dots | None, float]]]]:
    """The margins of each criterion: before and after as dots, and what was corrected."""
    plots = dots((margin["before"], margin["target"]) for margin in margins)
    gaps = [margin["target"] - margin["before"] for margin in margins]
    drawn = list(zip(margins, plots, gaps, strict=True))
    return [
        (queries.CRITERIA.get(criterion, criterion), list(its))
        for criterion, its in groupby(drawn, key=lambda one: one[0]["criterion"])
    ]
