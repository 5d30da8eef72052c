"""« Quotas » : every cell of every family, its targets, and each act on it with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cati import clock, queries
from cati.core.quotas import FAMILIES, SECTOR, Alarm, Kind
from cati.models import QuotaAct, QuotaCell, Role
from cati.operations import quota_file, quotas
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.quotas import Order
from cati.queries import SectorRows
from cati.web.access import WaveRequest, in_wave
from cati.web.lists import listed
from cati.web.unsafe import posted_once

FAMILY_NAMES = {
    SECTOR: gettext_lazy("Secteur"),
    "sexe": gettext_lazy("Sexe"),
    "age": gettext_lazy("Âge"),
    "emploi": gettext_lazy("Emploi"),
    "composition": gettext_lazy("Ménage"),
    "occupation": gettext_lazy("Logement"),
}
KIND_NAMES = {
    Kind.FIRM: gettext_lazy("ferme"),
    Kind.SOFT: gettext_lazy("souple"),
    Kind.WATCHED: gettext_lazy("suivie"),
}
ALARM_NAMES = {
    Alarm.OVER: gettext_lazy("dépassée"),
    Alarm.FULL: gettext_lazy("pleine"),
    Alarm.CLOSED: gettext_lazy("fermée"),
    Alarm.NEAR: gettext_lazy("presque pleine"),
}


class Beside(Exception):
    """A refusal whose messages stand beside the fields of the form that was sent."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self.messages = dict(messages)
        super().__init__(" ".join(self.messages.values()))


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The sectors with their worst gaps, one of them with all its cells, and what was done."""
    sectors = queries.quota_sectors(request.wave)
    asked = request.GET.get("q", "")
    acts = listed(request, queries.quota_acts(request.wave, asked), to_a_page=10)
    chosen = _chosen(sectors, request.GET.get("secteur", ""))
    context = acts | {
        "sectors": sectors,
        "chosen": chosen,
        "families": _families(chosen) if chosen else [],
        "alarms": [row for row in chosen.alarms if row.alarm] if chosen else [],
        "acts": [(act, _told(act)) for act in acts["page"]],
        "asked": asked,
        "rate": round(100 * request.wave.completion_rate),
        "alarm_names": ALARM_NAMES,
        "uuid": uuid4(),
    }
    return render(request, "cati/supervisor/quotas.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def table(request: WaveRequest) -> HttpResponseBase:
    """Every cell with its figures; the file may be loaded again."""
    name = f"quotas_{request.wave.slug}.csv"
    return HttpResponse(
        quota_file.table(queries.quota_cells(request.wave)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class CellForm(forms.Form):
    act = forms.ChoiceField(choices=[(one, one) for one in ("close", "reopen", "allowance")])
    allowance = forms.IntegerField(required=False, min_value=0, max_value=quota_file.MOST_WANTED)
    reason = forms.CharField(required=False)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def cell(request: WaveRequest, cell: int) -> HttpResponseBase:
    """One cell: what it holds, what was done to it; posted, it is closed, reopened or widened."""
    row = get_object_or_404(queries.quota_cells(request.wave), pk=cell)
    form = CellForm(request.POST)
    if request.method != "POST":
        return _cell_page(request, row)
    if not form.is_valid():
        return _cell_page(request, row, {"allowance": _("Un nombre entier d’entretiens.")})
    return _beside(
        request,
        form.cleaned_data | {"cell": row.pk},
        _back(request, row.sector.code),
        lambda: _steer(request, row, form.cleaned_data),
        lambda faults: _cell_page(request, row, faults),
    )


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def targets(request: WaveRequest, sector: str, family: str) -> HttpResponseBase:
    """The targets of one family in one sector, typed, their sum held against the sector's."""
    cells = queries.quota_cells(request.wave).filter(sector__code=sector)
    rows = list(cells.filter(family=family))
    if not rows:
        raise Http404
    if request.method != "POST":
        return _targets_page(request, rows)
    typed = {row.category: request.POST.get(f"category-{row.category}", "") for row in rows}
    faults = {
        f"category-{category}": _("Un nombre entier d’entretiens.")
        for category, text in typed.items()
        if not (text.isascii() and text.isdecimal() and int(text) <= quota_file.MOST_WANTED)
    }
    if faults:
        return _targets_page(request, rows, faults)
    wanted = {category: int(text) for category, text in typed.items()}

    def act() -> str:
        changed = quotas.set_targets(request.wave, sector, family, wanted, _order(request))
        said = ngettext("%(n)s cible changée.", "%(n)s cibles changées.", changed)
        return said % {"n": changed}

    return _beside(
        request,
        {"targets": wanted, "sector": sector, "family": family},
        _back(request, sector),
        act,
        lambda faults: _targets_page(request, rows, faults),
    )


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_POST
def file(request: WaveRequest) -> HttpResponseBase:
    """Try a file of targets: its faults line by line, or what it would change; then load it."""
    uploaded = request.FILES.get("file")
    text = request.POST.get("text", "")
    if uploaded is None and not text:
        messages.error(request, _("Choisissez un fichier, puis déposez-le."))
        return redirect(_back(request))
    if uploaded is not None and (uploaded.size or 0) > quota_file.MOST_BYTES:
        messages.error(request, _("Le fichier est trop lourd pour des cibles."))
        return redirect(_back(request))
    content = uploaded.read() if uploaded is not None else text.encode()
    try:
        checked = quota_file.check(request.wave, quota_file.read(content))
    except Refused as refusal:
        messages.error(request, " ".join(refusal.messages.values()))
        return redirect(_back(request))
    if uploaded is not None or checked.faults:
        return _tried(request, checked, content)
    digest = hashlib.sha256(content).hexdigest()

    def act() -> str:
        changed = quotas.load_targets(request.wave, checked.targets, _order(request))
        said = ngettext("%(n)s cible chargée.", "%(n)s cibles chargées.", changed)
        return said % {"n": changed}

    return _beside(
        request,
        {"file": digest},
        _back(request),
        act,
        lambda faults: _tried(request, checked, content, faults),
    )


def _order(request: WaveRequest) -> Order:
    return Order(request.POST.get("reason", ""), request.user, clock.now())


def _back(request: WaveRequest, sector: str = "") -> str:
    home = resolve_url("quotas", wave=request.wave.slug)
    return f"{home}?secteur={sector}" if sector else home


def _beside(
    request: WaveRequest,
    body: dict[str, Any],
    to: str,
    act: Callable[[], str],
    again: Callable[[Mapping[str, str]], HttpResponse],
) -> HttpResponseBase:
    """Do the act once; a refusal shows the form again, as it was typed, with what is wrong."""

    def once() -> Reply:
        try:
            return Reply(303, {"to": to, "say": act()})
        except Refused as refusal:
            raise Beside(refusal.messages) from refusal

    try:
        reason = {"reason": request.POST.get("reason", "")}
        return posted_once(request, body | reason, to, once)
    except Beside as refused:
        return again(refused.messages)


def _steer(request: WaveRequest, row: QuotaCell, given: Mapping[str, Any]) -> str:
    if given["act"] == "allowance":
        if given["allowance"] is None:
            raise Refused({"allowance": _("Un nombre entier d’entretiens.")})
        quotas.set_allowance(row.pk, given["allowance"], _order(request))
        return _("%(cell)s : dépassement admis changé.") % {"cell": row.name}
    quotas.set_state(row.pk, is_open=given["act"] == "reopen", order=_order(request))
    said = _("%(cell)s : case rouverte.") if given["act"] == "reopen" else _("%(cell)s : fermée.")
    return said % {"cell": row.name}


def _cell_page(
    request: WaveRequest, row: QuotaCell, faults: Mapping[str, str] | None = None
) -> HttpResponse:
    context = {
        "cell": row,
        "family": FAMILY_NAMES[row.family],
        "kind": KIND_NAMES[FAMILIES[row.family].kind],
        "acts": [(act, _told(act)) for act in row.acts.select_related("by")],
        "closed": row.state == QuotaCell.State.CLOSED,
        "back": _back(request, row.sector.code),
        "faults": faults or {},
        "typed": request.POST,
        "uuid": uuid4(),
    }
    page = "cati/supervisor/quotas_cell.html"
    return render(request, page, context, status=422 if faults else 200)


def _targets_page(
    request: WaveRequest, rows: list[QuotaCell], faults: Mapping[str, str] | None = None
) -> HttpResponse:
    first = rows[0]
    wholes = queries.quota_cells(request.wave).filter(sector=first.sector, family=SECTOR)
    context = {
        "sector": first.sector,
        "family": FAMILY_NAMES[first.family],
        "of_sector": first.family == SECTOR,
        "whole": wholes.first(),
        "rows": [
            (
                row,
                request.POST.get(f"category-{row.category}", row.target),
                (faults or {}).get(f"category-{row.category}"),
            )
            for row in rows
        ],
        "back": _back(request, first.sector.code),
        "faults": faults or {},
        "typed": request.POST,
        "uuid": uuid4(),
    }
    page = "cati/supervisor/quotas_targets.html"
    return render(request, page, context, status=422 if faults else 200)


def _tried(
    request: WaveRequest,
    checked: quota_file.Checked,
    content: bytes,
    faults: Mapping[str, str] | None = None,
) -> HttpResponse:
    context = {
        "lines": [(line, checked.faults.get(line.number, [])) for line in checked.lines],
        "wrong": [
            (line, checked.faults[line.number])
            for line in checked.lines
            if line.number in checked.faults
        ],
        "changes": [
            (sector, FAMILY_NAMES[family], label or category or "—", before, after)
            for (sector, family, category), label, before, after in checked.changes
        ],
        "text": quota_file.text_of(content),
        "faults": faults or {},
        "typed": request.POST,
        "back": _back(request),
        "uuid": uuid4(),
    }
    page = "cati/supervisor/quotas_file.html"
    return render(request, page, context, status=422 if checked.faults or faults else 200)


def _chosen(sectors: list[SectorRows], code: str) -> SectorRows | None:
    first = sectors[0] if sectors else None
    return next((one for one in sectors if one.sector.code == code), first)


def _families(chosen: SectorRows) -> list[dict[str, Any]]:
    return [
        {
            "code": one.code,
            "name": FAMILY_NAMES[one.code],
            "kind": KIND_NAMES[one.kind],
            "firm": one.kind is Kind.FIRM,
            "rows": [(row, ALARM_NAMES.get(row.alarm, "")) for row in one.rows],
            "unclassified": chosen.whole.cell.counted - one.counted,
        }
        for one in chosen.families
    ]


def _told(act: QuotaAct) -> list[str]:
    """« VE, Âge 3 : 36 → 40 », one for each change, the first few of many."""
    return [
        f"{sector}, {FAMILY_NAMES.get(family, family)} {category} : {before} → {after}".replace(
            "  ", " "
        )
        for sector, family, category, before, after in act.changes[:6]
    ]
