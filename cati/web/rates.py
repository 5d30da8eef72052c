"""« Indicateurs » : the outcome rates of a wave, by group, with the outcomes behind them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render, resolve_url
from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.core.final_disposition import QUOTA_FULL
from cati.core.rates import CLASSES, NAMES, Share
from cati.core.rates_text import Mistyped, read_share
from cati.core.search import plain
from cati.core.spreadsheets import harmless
from cati.models import Role, Wave
from cati.operations.export_attempts import ask_for_attempts
from cati.operations.idempotency import Reply
from cati.queries.rates import Indicators, Line, indicators
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once

BREAKDOWNS = {
    "sector": gettext_lazy("Secteur du fichier"),
    "replicate": gettext_lazy("Réplique"),
    "interviewer": gettext_lazy("Enquêteur"),
}
FAMILIES = (
    (gettext_lazy("Réponse"), NAMES[:6]),
    (gettext_lazy("Coopération"), NAMES[6:10]),
    (gettext_lazy("Refus"), NAMES[10:13]),
    (gettext_lazy("Contact"), NAMES[13:]),
)
LETTERS = {
    "I": gettext_lazy("complets"),
    "P": gettext_lazy("partiels"),
    "R": gettext_lazy("refus et abandons"),
    "NC": gettext_lazy("éligibles non joints"),
    "O": gettext_lazy("éligibles empêchés"),
    "UH": gettext_lazy("foyer incertain"),
    "UR": gettext_lazy("foyer, éligibilité inconnue"),
    "UO": gettext_lazy("autres inconnus"),
    "NE": gettext_lazy("hors cible"),
}


class RatesForm(forms.Form):
    """What to show: the groups, a share of eligibles among the unknown, words of a group's name."""

    par = forms.ChoiceField(
        label=gettext_lazy("Par"),
        choices=list(BREAKDOWNS.items()),
        required=False,
        widget=forms.Select(attrs={"class": "input"}),
    )
    e = forms.CharField(
        label=gettext_lazy("e, part des inconnus à compter"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "decimal"}),
    )
    q = forms.CharField(
        label=gettext_lazy("Nom de la ligne"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"class": "input", "type": "search"}),
    )

    def clean_e(self) -> Share | None:
        typed: str = self.cleaned_data["e"].strip()
        try:
            return read_share(typed) if typed else None
        except Mistyped as slip:
            message = _("« %(typed)s » n’est pas une part. Écrivez un nombre de 0 à 1, comme 0,9.")
            raise forms.ValidationError(message % {"typed": typed}) from slip


@dataclass(frozen=True)
class Row:
    """A line as the page shows it: its rates in percent, and whether its outcomes are shown."""

    line: Line
    percents: list[float | None]
    transformation: float | None
    counts: list[int]
    chosen: bool


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The rates by group, then the outcomes behind one line (`?ligne=CN`; all of them without)."""
    form, found, lines = _asked(request)
    chosen = next((line for line in lines if line.key == request.GET.get("ligne")), found.total)
    context = {
        "form": form,
        "families": FAMILIES,
        "classes": LETTERS.items(),
        "rows": [_row(line, chosen) for line in lines],
        "total": _row(found.total, chosen),
        "chosen": chosen,
        "e": _in_words(found.total.rates.e),
        "e_with_quota": found.e_with_quota,
        "quota_full": QUOTA_FULL,
        "heading": BREAKDOWNS[form.cleaned_data.get("par") or "sector"],
        "may_export": request.membership.role == Role.ADMIN,
        "query": _without(request.GET, "ligne"),
        "uuid": uuid4(),
    }
    return render(request, "cati/supervisor/rates.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def table(request: WaveRequest) -> HttpResponseBase:
    """The lines of the page as CSV: counts, then rates with six decimals."""
    _form, found, lines = _asked(request)
    name = f"allo-quartiers-{request.wave.slug}-indicateurs.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    # The mark by which a spreadsheet knows UTF-8.
    response.write("\ufeff")
    writer = csv.writer(response, lineterminator="\n")
    head = ("key", "label", "cases", "quota", "reached", "transformation")
    writer.writerow([*head, *CLASSES, "e", *NAMES])
    writer.writerows(_cells(line) for line in (*lines, found.total))
    return response


@in_wave(Role.ADMIN)
@require_POST
def export_calls(request: WaveRequest) -> HttpResponseBase:
    """One row per call, made by a job; the page of jobs shows how far it is."""

    def act() -> Reply:
        job = ask_for_attempts(request.wave, request.user, clock.now())
        to = resolve_url("jobs", wave=request.wave.slug)
        return Reply(303, {"to": to, "say": _("L’export des appels est en file."), "job": job.pk})

    return posted_once(request, {"export": "attempts"}, _here(request.wave), act)


def _asked(request: WaveRequest) -> tuple[RatesForm, Indicators, list[Line]]:
    """The form as it was sent, what is found, and the lines whose name has the words searched.

    What cannot be read is shown beside its field, and the usual choice is taken for it.
    """
    form = RatesForm(request.GET)
    form.is_valid()
    wanted = form.cleaned_data
    found = indicators(request.wave, wanted.get("par") or "sector", wanted.get("e"))
    words = plain(wanted.get("q", "")).split()
    lines = [
        line
        for line in found.lines
        if all(word in plain(f"{line.label} {line.key}") for word in words)
    ]
    return form, found, lines


def _row(line: Line, chosen: Line) -> Row:
    return Row(
        line,
        [_percent(getattr(line.rates, name)) for name in NAMES],
        _percent(line.transformation),
        [getattr(line.counts, name) for name in CLASSES],
        line is chosen,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _in_words(e: Share | None) -> list[str]:
    """« 0,913 », or « UH 0,400 », « UR 0,913 », …; nothing where e is unknown."""
    if isinstance(e, Mapping):
        return [f"{name} {floatformat(share, 3)}" for name, share in e.items()]
    return [] if e is None else [floatformat(e, 3)]


def _cells(line: Line) -> list[Any]:
    head = [harmless(line.key), harmless(line.label), line.cases, line.quota, line.reached]
    e = _of_unknown(line.rates.e)
    rates = [_decimals(getattr(line.rates, name)) for name in NAMES]
    counts = [getattr(line.counts, name) for name in CLASSES]
    return [*head, _decimals(line.transformation), *counts, e, *rates]


def _of_unknown(e: Share | None) -> str:
    """The share as `read_share` reads it."""
    if isinstance(e, Mapping):
        return ";".join(f"{name}={share:.6f}" for name, share in e.items())
    return _decimals(e)


def _decimals(share: float | None) -> str:
    return "" if share is None else f"{share:.6f}"


def _without(query: QueryDict, name: str) -> str:
    """The query string without one of its parameters."""
    kept = query.copy()
    kept.pop(name, None)
    return kept.urlencode()


def _here(wave: Wave) -> str:
    return resolve_url("rates", wave=wave.slug)
