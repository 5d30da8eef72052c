"""« Tableaux »: one table as it is asked for, its files, all of them at once, and the Flash pages.

Everything that is chosen stands in the address, so that a table can be kept as a bookmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from django import forms
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.models import Role
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting import queries
from weighting.exports.job import run_of, stem_of
from weighting.flash import cells, html, pdf, words, workbook
from weighting.flash.answers import ADULTS, INHABITANTS, Answers, answers_of
from weighting.flash.build import Ask, Made, made
from weighting.flash.filters import expression_of
from weighting.flash.job import ask_for_tables
from weighting.flash.page import Page, description, names, page_of, titles
from weighting.flash.questions import Entry, catalogue, question
from weighting.models import WeightingRun

PRESETS = (
    ("standard", gettext_lazy("Courante")),
    ("flash2017", gettext_lazy("Flash 2017")),
    ("flash2017-90", gettext_lazy("Flash 2017, à 90 %")),
)
WEIGHTS = (
    (INHABITANTS, gettext_lazy("Poids de diffusion (habitants)")),
    (ADULTS, gettext_lazy("Poids des adultes")),
)
# Fields of boxes to tick, and those that choose the question whose answers they are.
ANSWERS_OF = {"reponses": "parmi", "somme": "question"}
FORMS = ("pdf", "html", "csv")  # of a Flash
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}


class TableForm(forms.Form):
    """What may be asked for. It starts at the first question, by sector."""

    question = forms.ChoiceField(label=gettext_lazy("Question"))
    par = forms.ChoiceField(label=gettext_lazy("Croisée avec"), required=False)
    parmi = forms.ChoiceField(label=gettext_lazy("Parmi ceux qui, à"), required=False)
    reponses = forms.MultipleChoiceField(
        label=gettext_lazy("ont répondu"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    somme = forms.MultipleChoiceField(
        label=gettext_lazy("Réponses additionnées"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    presentation = forms.ChoiceField(label=gettext_lazy("Présentation"), choices=PRESETS)
    poids = forms.ChoiceField(label=gettext_lazy("Poids"), choices=WEIGHTS)
    intervalles = forms.BooleanField(label=gettext_lazy("Intervalles à 95 %"), required=False)
    ecarts = forms.BooleanField(
        label=gettext_lazy("Écart au secteur témoin, ou à l’ensemble"), required=False
    )
    effectifs = forms.BooleanField(label=gettext_lazy("Effectifs de chaque ligne"), required=False)

    def __init__(self, entries: list[Entry], given: Mapping[str, Any]) -> None:
        super().__init__(given)
        answers = {entry.code: list(entry.answers) for entry in entries}
        chosen, among = str(given.get("question", "")), str(given.get("parmi", ""))
        # A number has no answers to tick, nor any to be a row.
        listed = _by_theme(entry for entry in entries if entry.answers)
        self.choices_of("question", _by_theme(entries))
        self.choices_of("par", [("", _("Secteurs et groupes")), *listed])
        self.choices_of("parmi", [("", _("Tous, NSP compris")), *listed])
        self.choices_of("reponses", answers.get(among, []))
        self.choices_of("somme", answers.get(chosen, []))
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "input"
        for ticks, of in ANSWERS_OF.items():
            self.fields[of].widget.attrs |= {
                "hx-get": "?",
                "hx-include": "#calage",
                "hx-target": f"#{ticks}",
                "hx-select": f"#{ticks}",
                "hx-swap": "outerHTML",
            }

    def choices_of(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_reponses(self) -> list[str]:
        """Whom the table is about. Without any, it would pass for theirs and be everybody's."""
        ticked: list[str] = self.cleaned_data["reponses"]
        if self.cleaned_data.get("parmi") and not ticked:
            raise forms.ValidationError(_("Sous « ont répondu », cochez une réponse ou plus."))
        return ticked

    def clean_somme(self) -> list[str]:
        ticked: list[str] = self.cleaned_data["somme"]
        if len(ticked) == 1:
            raise forms.ValidationError(
                _("Sous « Réponses additionnées », cochez deux réponses ou plus.")
            )
        return ticked

    def asked(self, answers: Answers) -> Ask:
        """Raises nothing: the form is valid."""
        sent = self.cleaned_data
        among, parts = sent["parmi"], tuple(sent["somme"])
        return Ask(
            sent["question"],
            by=sent["par"],
            among=expression_of(answers, among, sent["reponses"]) if among else "",
            who=self.who(answers) if among else "",
            sums=((" + ".join(self.ticked("somme")), parts),) if parts else (),
            preset=sent["presentation"],
            gaps=sent["ecarts"],
            published=sent["presentation"] != "standard" and not sent["par"],
        )

    def who(self, answers: Answers) -> str:
        """Whom the table is about, in words: « État de santé : « Mauvaise » »."""
        given = _(" ou ").join(f"« {label} »" for label in self.ticked("reponses"))
        asked = question(answers, self.cleaned_data["parmi"]).short
        return _("%(question)s : %(answers)s") % {"question": asked, "answers": given}

    def ticked(self, name: str) -> list[str]:
        """The words of the answers that are ticked."""
        labels = dict(self.fields[name].choices)  # type: ignore[attr-defined]
        return [labels[code] for code in self.cleaned_data[name]]


def _by_theme(entries: Iterable[Entry]) -> list[Any]:
    """The choices of a list of questions, under the titles of their themes."""
    themes: dict[str, list[tuple[str, str]]] = {}
    for entry in entries:
        themes.setdefault(entry.theme, []).append((entry.code, f"{entry.code} · {entry.label}"))
    return list(themes.items())


class _Asked:
    """What an address asks for: the run, its answers, the form and the table."""

    def __init__(self, request: WaveRequest) -> None:
        self.wave, self.sent = request.wave, request.GET
        self.run: WeightingRun | None = run_of(request.wave, self.sent.get("calage"))

    @cached_property
    def answers(self) -> Answers:
        assert self.run is not None
        return answers_of(self.run, ADULTS if self.sent.get("poids") == ADULTS else INHABITANTS)

    @cached_property
    def form(self) -> TableForm:
        entries = list(catalogue(self.answers))
        first = {
            "question": entries[0].code, "presentation": PRESETS[0][0], "poids": INHABITANTS
        }  # fmt: skip
        given = self.sent.copy()
        for name, value in first.items():
            given.setdefault(name, value)
        # A question that was just changed leaves answers of the former one behind.
        known = {entry.code: {code for code, _label in entry.answers} for entry in entries}
        for name, of in ANSWERS_OF.items():
            kept = [c for c in given.getlist(name) if c in known.get(str(given.get(of, "")), ())]
            given.setlist(name, kept)
        return TableForm(entries, given)

    def table(self) -> Made:
        """Refused, by field, for what cannot be tabulated."""
        if not self.form.is_valid():
            errors = self.form.errors.items()
            raise Refused({name: " ".join(map(str, said)) for name, said in errors})
        return made(self.answers, self.form.asked(self.answers))


@in_wave(Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The builder: choices beside, the table in the middle."""
    asked = _Asked(request)
    context: dict[str, Any] = {
        "run": asked.run,
        "runs": queries.runs_of(request.wave),
        "pages": titles(),
        "uuid": uuid4(),
    }
    if asked.run is None or not len(asked.answers):
        return render(request, "weighting/tables.html", context)
    context |= {"form": asked.form, "query": request.GET.urlencode()}
    if "HX-Request" in request.headers:  # Another question was chosen: which answers it has.
        return render(request, "weighting/tables.html#choices", context)
    if "question" not in request.GET:
        return render(request, "weighting/tables.html", context)
    try:
        table = asked.table()
    except Refused as refused:
        context["refused"] = refused.messages
        return render(request, "weighting/tables.html", context, status=422)
    context |= {
        "made": table,
        "lines": html.lines(table),
        "notes": words.under([table]),
        "sums": _sums(table),
        "intervals": asked.form.cleaned_data["intervalles"],
        "bases": asked.form.cleaned_data["effectifs"],
    }
    return render(request, "weighting/tables.html", context)


@in_wave(Role.ADMIN)
@require_safe
def file(request: WaveRequest, form: str) -> HttpResponseBase:
    """The table of the same address as CSV or XLSX."""
    asked = _Asked(request)
    if asked.run is None or form not in ("csv", "xlsx") or not len(asked.answers):
        raise Http404
    try:
        table = asked.table()
    except Refused as refused:
        return HttpResponse("\n".join(refused.messages.values()), "text/plain", status=422)
    stem = f"{stem_of(request.wave, asked.run)}-{table.question.code}"
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{form}"
        if form == "csv":
            cells.write_csv(path, cells.cells(table))
        else:
            workbook.write(path, [table])
        return _attached(path.read_bytes(), stem, form)


@in_wave(Role.ADMIN)
@require_POST
def start(request: WaveRequest) -> HttpResponseBase:
    """All questions by sector, in one workbook; the page of jobs shows how far it is."""
    here = resolve_url("tables", wave=request.wave.slug)
    sent = {name: request.POST.get(name, "") for name in ("calage", "presentation", "poids")}

    def act() -> Reply:
        job = ask_for_tables(
            request.wave,
            sent["calage"],
            sent["presentation"] or "standard",
            sent["poids"] or INHABITANTS,
            request.user,
            clock.now(),
        )
        to = resolve_url("jobs", wave=request.wave.slug)
        return Reply(303, {"to": to, "say": _("Les tableaux sont en file."), "job": job.pk})

    return posted_once(request, {"tables": sent}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def flash(request: WaveRequest, theme: str) -> HttpResponseBase:
    """A Flash on screen, sheet by sheet as it prints."""
    found = _flash(request, theme)
    if isinstance(found, HttpResponse):
        return found
    context = {"theme": theme, "flash": found, "body": html.sheets(found), "forms": FORMS}
    return render(request, "weighting/flash.html", context)


@in_wave(Role.ADMIN)
@require_safe
def flash_file(request: WaveRequest, theme: str, form: str) -> HttpResponseBase:
    """The same page as PDF, as one HTML file, or all its cells as CSV."""
    if form not in FORMS:
        raise Http404
    found = _flash(request, theme)
    if isinstance(found, HttpResponse):
        return found
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"flash.{form}"
        if form == "csv":
            cells.write_csv(path, cells.of_page(found))
        else:
            (pdf.write if form == "pdf" else html.standalone)(found, path)
        return _attached(path.read_bytes(), f"flash-{theme}-{request.wave.slug}", form)


def _flash(request: WaveRequest, theme: str) -> Page | HttpResponse:
    """The page, or what stands in its way."""
    if theme not in names():
        raise Http404
    asked = _Asked(request)
    if asked.run is None or not len(asked.answers):
        return render(request, "weighting/flash.html", {"theme": theme}, status=422)
    try:
        return page_of(asked.answers, description(theme), theme)
    except Refused as refused:
        context = {"theme": theme, "refused": refused.messages}
        return render(request, "weighting/flash.html", context, status=422)


def _sums(table: Made) -> list[dict[str, Any]]:
    """Derived sums both ways, for the rows that the agency tells them of."""
    rows = {row.code: place for place, row in enumerate(table.rows)}
    shown = [code for code in ("QPV", "T1") if code in rows and table.table.printed[rows[code]]]
    return [
        {
            "label": head.label,
            "rows": [
                (
                    table.rows[rows[code]].label,
                    round(float(table.rounded_sum(c)[rows[code]])),
                    round(float(table.rounded[rows[code], c])),
                )
                for code in shown
            ],
        }
        for c, head in enumerate(table.table.heads)
        if head.parts and shown and table.adds_up(c)
    ]


def _attached(content: bytes, stem: str, form: str) -> HttpResponse:
    response = HttpResponse(content, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{stem}.{form}"'
    return response
