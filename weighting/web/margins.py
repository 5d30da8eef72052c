"""« Marges » : what the weights must add up to, by sector; a new file, checked, then loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter
from typing import Any
from uuid import uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from cati import clock
from cati.models import Role, Sector, Wave
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from weighting import queries
from weighting.models import DeclaredCollapse, Margin, MarginSet
from weighting.operations import collapses, margins
from weighting.operations.margin_checks import Checked
from weighting.operations.margin_table import (
    COLUMNS,
    FIGURES,
    MOST_BYTES,
    MOST_LINES,
    Line,
    csv_of,
    xlsx_of,
)

# More would not be mended in a page; the file says them all.
MOST_SHOWN = 80
ORIGIN = ("universe", "source")
UNITS = {"person": gettext_lazy("personne"), "household": gettext_lazy("ménage")}
FORMS = {
    "csv": (csv_of, "text/csv; charset=utf-8"),
    "xlsx": (xlsx_of, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


class CollapseForm(forms.Form):
    """A category of a sector to be counted with another one, and why."""

    sector = forms.ChoiceField(label=gettext_lazy("Secteur"))
    category = forms.ChoiceField(label=gettext_lazy("Modalité"))
    into = forms.ChoiceField(label=gettext_lazy("Comptée avec"))
    reason = forms.CharField(label=gettext_lazy("Motif"), max_length=collapses.LONGEST_REASON)

    def __init__(self, wave: Wave, *args: Any) -> None:
        super().__init__(*args)
        self.wave = wave
        sectors = [(code, sector.label) for code, sector in queries.surveyed(wave).items()]
        categories = _choices(wave)
        for name, choices in (("sector", sectors), ("category", categories), ("into", categories)):
            self.fields[name] = forms.ChoiceField(
                label=self.fields[name].label,
                choices=choices,
                widget=forms.Select(attrs={"class": "input"}),
            )
        self.fields["reason"].widget.attrs["class"] = "input"

    def clean(self) -> None:
        if self.errors:
            return
        if self.cleaned_data["category"].partition(":")[0] != self._into()[0]:
            self.add_error("into", _("Choisissez une autre modalité du même critère."))
            return
        reason = self.cleaned_data["reason"]
        faults = collapses.faults_of(self.wave, self.where(), self._into()[1], reason)
        for field, said in faults.items():
            self.add_error(field, said)

    def where(self) -> tuple[str, str, str]:
        criterion, _colon, code = self.cleaned_data["category"].partition(":")
        return self.cleaned_data["sector"], criterion, code

    def _into(self) -> tuple[str, str]:
        criterion, _colon, code = self.cleaned_data["into"].partition(":")
        return criterion, code

    def declare(self, request: WaveRequest) -> None:
        into, reason = self._into()[1], self.cleaned_data["reason"]
        collapses.declare(self.wave, self.where(), into, reason, request.user, clock.now())


# ------------------------------------------------------------------------------- the page


@in_wave(Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    return _page(request, CollapseForm(request.wave))


def _page(request: WaveRequest, form: CollapseForm, status: int = 200) -> HttpResponse:
    """The ruling set by sector, one sector whole (`?secteur=CH`), collapses and the history."""
    wave = request.wave
    sectors = queries.surveyed(wave)
    told = [*queries.CRITERIA]
    rows = sorted(
        Margin.objects.ruling(wave).select_related("sector"),
        key=lambda row: (told.index(row.criterion), row.order),
    )
    by_sector = list(_by_sector(sectors, rows))
    stated = {tuple(words) for _sector, counts, *words in by_sector if any(counts)}
    wanted = sectors.get(request.GET.get("secteur", ""), next(iter(sectors.values()), None))
    labels = queries.labels_of(wave)
    context = {
        "ruling": queries.ruling_set(wave),
        "sets": [(one, uuid4()) for one in queries.sets_of(wave)],
        "criteria": queries.CRITERIA.values(),
        "sectors": by_sector,
        # What all sectors have in common is said once.
        "stated": next(iter(stated)) if len(stated) == 1 else None,
        "sector": wanted,
        "margins": [
            (queries.CRITERIA.get(row.criterion, row.criterion), row, 100 * row.total / whole)
            for row in rows
            if wanted and row.sector_id == wanted.pk and (whole := wanted.adults or 1)
        ],
        "collapses": [
            (
                row,
                uuid4(),
                queries.CRITERIA.get(row.criterion, row.criterion),
                labels.get((row.criterion, row.category), row.category),
                labels.get((row.criterion, row.into), row.into),
            )
            for row in queries.declared(wave)
        ],
        "proposed": [
            (
                one,
                ";".join(":".join(pair) for pair in one.pairs),
                [
                    (
                        queries.CRITERIA.get(criterion, criterion),
                        labels.get((criterion, category), category),
                        labels.get((criterion, into), into),
                    )
                    for _sector, criterion, category, into in one.pairs
                ],
            )
            for one in collapses.proposed(wave)
        ],
        "accept_uuid": uuid4(),
        "form": form,
        "upload_uuid": uuid4(),
        "declare_uuid": uuid4(),
        "columns": _columns_explained(wave),
        "most_kilobytes": MOST_BYTES // 1000,
        "most_lines": MOST_LINES,
    }
    return render(request, "weighting/margins.html", context, status=status)


def _by_sector(
    sectors: Mapping[str, Sector], rows: Sequence[Margin]
) -> Iterator[tuple[Sector, list[int], str, str, str]]:
    """Each sector, how many categories each criterion has, and its units, universe and source."""
    for sector in sectors.values():
        its = [row for row in rows if row.sector_id == sector.pk]
        counts = [sum(row.criterion == code for row in its) for code in queries.CRITERIA]
        units = _joined(str(UNITS[row.unit]) for row in its)
        universes, sources = (
            _joined(map(attrgetter(name), its)) for name in ("universe", "source")
        )
        yield sector, counts, units, universes, sources


def _joined(words: Iterable[str]) -> str:
    return ", ".join(sorted({word for word in words if word}))


def _choices(wave: Wave) -> list[tuple[str, str]]:
    """« age:5 », « Âge : 75 ans ou plus » for every category of the wave."""
    labels = queries.labels_of(wave)
    keys = [(name, code) for name, codes in queries.categories_of(wave).items() for code in codes]
    keys += [key for key in sorted(labels) if key not in keys]
    return [
        (f"{name}:{code}", f"{queries.CRITERIA.get(name, name)} : {labels.get((name, code), code)}")
        for name, code in keys
    ]


def _columns_explained(wave: Wave) -> list[tuple[str, str]]:
    """Each column of the file and what is to be written in it."""
    categories = queries.categories_of(wave)
    codes = " ; ".join(f"{name} {codes[0]}–{codes[-1]}" for name, codes in categories.items())
    said = {
        "sector": ", ".join(queries.surveyed(wave)),
        "criterion": ", ".join(queries.CRITERIA),
        "category": codes or _("le code de la réponse dans le questionnaire"),
        "label": _("le nom de la modalité, tel qu’il sera imprimé"),
        "share": _("en % des adultes du secteur ; les modalités d’un critère font 100"),
        "total": _("ou bien en personnes ; elles font alors les adultes du secteur"),
        "unit": _("« personne ». Des ménages se convertissent d’abord en adultes"),
        "universe": _("qui est compté, le même pour tous les critères d’un secteur"),
        "source": _("d’où vient le chiffre, avec son année"),
    }
    return [(COLUMNS[column][0], text) for column, text in said.items()]


# ------------------------------------------------------------------------------- a new file


@in_wave(Role.ADMIN)
@require_POST
def upload(request: WaveRequest) -> HttpResponseBase:
    """Keep the file to be looked at; the next page says what it would change, or what is wrong."""
    here = resolve_url("margins", wave=request.wave.slug)
    file = request.FILES.get("file")
    # One byte beyond the limit is enough to know that it is beyond.
    content = file.read(MOST_BYTES + 1) if file else b""

    def act() -> Reply:
        if file is None:
            raise Refused({"": _("Choisissez un fichier CSV ou XLSX, puis vérifiez-le.")})
        margins.draft(request.wave, file.name or "", content, request.user, clock.now())
        return Reply(303, {"to": resolve_url("check-margins", wave=request.wave.slug)})

    return posted_once(request, {"margins": sha256(content).hexdigest()}, here, act)


@in_wave(Role.ADMIN)
@require_safe
def verification(request: WaveRequest) -> HttpResponseBase:
    """What is wrong with her file, cell by cell; or what it would change, and the act."""
    found = margins.drafted(request.wave, request.user)
    if found is None:
        return redirect("margins", wave=request.wave.slug)
    draft, checked = found
    rows = list(_rows(checked))
    changed = margins.changes(request.wave, checked.margins)
    context = {
        "draft": draft,
        "checked": checked,
        "rows": rows[:MOST_SHOWN],
        "more": max(len(rows) - MOST_SHOWN, 0),
        "columns": [COLUMNS[name][0] for name in _columns_shown(checked)],
        "changed": [
            (one, queries.CRITERIA.get(one.criterion, one.criterion), before)
            for one, before in changed[:MOST_SHOWN]
        ],
        "changes": len(changed),
        "sectors": len({one.sector_id for one in checked.margins}),
        "ruling": queries.ruling_set(request.wave),
        "mend_uuid": uuid4(),
        "load_uuid": uuid4(),
    }
    return render(request, "weighting/margins_check.html", context)


@in_wave(Role.ADMIN)
@require_POST
def mend(request: WaveRequest) -> HttpResponseBase:
    """Take the cells that were mended in the page; the file is checked again."""
    here = resolve_url("check-margins", wave=request.wave.slug)
    cells, removed = _typed(request)

    def act() -> Reply:
        margins.mend(request.wave, request.user, cells, removed, clock.now())
        return Reply(303, {"to": here})

    sent = {f"{line}:{name}": text for (line, name), text in cells.items()}
    return posted_once(request, {"mend": sent, "removed": sorted(removed)}, here, act)


@in_wave(Role.ADMIN)
@require_POST
def load(request: WaveRequest) -> HttpResponseBase:
    """The checked file becomes the wave's margins; a file that is left is forgotten."""
    home = resolve_url("margins", wave=request.wave.slug)
    leave = "leave" in request.POST

    def act() -> Reply:
        if leave:
            margins.forget_draft(request.wave, request.user)
            return Reply(303, {"to": home, "say": _("Fichier laissé ; rien n’a changé.")})
        kept = margins.load_draft(request.wave, request.user, clock.now())
        said = _("Le jeu de marges n° %(number)s est en vigueur.") % {"number": kept.number}
        return Reply(303, {"to": home, "say": said})

    back = resolve_url("check-margins", wave=request.wave.slug)
    return posted_once(request, {"load": not leave}, back, act)


@in_wave(Role.ADMIN)
@require_safe
def draft_file(request: WaveRequest, form: str) -> HttpResponseBase:
    """Her file with what the page mended, a line for each category that lacks, and every fault."""
    found = margins.drafted(request.wave, request.user)
    if found is None:
        raise Http404
    checked = found[1]
    said: dict[int, list[str]] = {}
    for (line, column), messages in checked.faults.items():
        said.setdefault(line, []).append(f"{COLUMNS[column][0]} : {' '.join(messages)}")
    extra = {line: " ".join(parts) for line, parts in said.items()}
    lines = [*checked.lines, *checked.missing]
    return _file(form, f"marges-{request.wave.slug}-a-corriger", lines, extra)


@in_wave(Role.ADMIN)
@require_safe
def file(request: WaveRequest, form: str) -> HttpResponseBase:
    """The set that rules, another one (`?jeu=2`), or a form to fill in where there is none."""
    asked = request.GET.get("jeu", "")
    if not asked:
        ruling = queries.ruling_set(request.wave)
    elif asked.isdecimal():
        ruling = get_object_or_404(MarginSet, wave=request.wave, number=int(asked[:9]))
    else:
        raise Http404
    if ruling is None:
        return _file(form, f"marges-{request.wave.slug}", margins.blank_lines(request.wave))
    name = f"marges-{request.wave.slug}-jeu-{ruling.number}"
    return _file(form, name, margins.lines_of(ruling))


@in_wave(Role.ADMIN)
@require_POST
def choose(request: WaveRequest, set: int) -> HttpResponseBase:
    """An earlier set rules again."""
    here = resolve_url("margins", wave=request.wave.slug)
    chosen = get_object_or_404(MarginSet, wave=request.wave, number=set)

    def act() -> Reply:
        margins.choose_set(chosen)
        said = _("Le jeu de marges n° %(number)s est en vigueur.") % {"number": set}
        return Reply(303, {"to": here, "say": said})

    return posted_once(request, {"choose": set}, here, act)


# ------------------------------------------------------------------------------- collapses


@in_wave(Role.ADMIN)
@require_POST
def declare(request: WaveRequest) -> HttpResponseBase:
    """One more declared collapse; what is wrong with it stands beside its fields."""
    here = resolve_url("margins", wave=request.wave.slug)
    form = CollapseForm(request.wave, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)

    def act() -> Reply:
        form.declare(request)
        return Reply(303, {"to": f"{here}#collapses", "say": _("Le regroupement est déclaré.")})

    return posted_once(request, {"collapse": form.cleaned_data}, here, act)


@in_wave(Role.ADMIN)
@require_POST
def accept(request: WaveRequest) -> HttpResponseBase:
    """Declare the proposed collapses that she chose, for one reason."""
    here = f"{resolve_url('margins', wave=request.wave.slug)}#collapses"
    chosen = request.POST.getlist("pairs")
    reason = request.POST.get("reason", "")

    def act() -> Reply:
        pairs = [_pair(text) for text in ";".join(chosen).split(";")]
        count = collapses.declare_all(request.wave, pairs, reason, request.user, clock.now())
        said = ngettext(
            "%(n)s regroupement est déclaré.", "%(n)s regroupements sont déclarés.", count
        )
        return Reply(303, {"to": here, "say": said % {"n": count}})

    return posted_once(request, {"accept": chosen, "reason": reason}, here, act)


def _pair(text: str) -> collapses.Pair:
    """« CN:age:5:4 ». Refused where it is none."""
    parts = text.split(":")
    if len(parts) != 4:
        raise Refused({"": _("Choisissez au moins un secteur.")})
    return parts[0], parts[1], parts[2], parts[3]


@in_wave(Role.ADMIN)
@require_POST
def withdraw(request: WaveRequest, collapse: int) -> HttpResponseBase:
    here = resolve_url("margins", wave=request.wave.slug)

    def act() -> Reply:
        found = DeclaredCollapse.objects.filter(wave=request.wave, pk=collapse).first()
        if found is None:
            raise Refused({"": _("Ce regroupement est déjà retiré.")})
        collapses.withdraw(found)
        said = _("Le regroupement est retiré. Les calages déjà faits le gardent.")
        return Reply(303, {"to": f"{here}#collapses", "say": said})

    return posted_once(request, {"withdraw": collapse}, here, act)


# ------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Cell:
    """A cell as the page shows it: an input where it is at fault or is a figure."""

    name: str
    heading: str
    value: str
    messages: Sequence[str]
    open: bool
    figure: bool


def _rows(checked: Checked) -> Iterator[tuple[Line, list[Cell], bool]]:
    """The lines of every criterion that has a fault, and whether the file lacks the line.

    What the file says of a line's origin stays away, unless it is at fault.
    """
    lines = [*checked.lines, *checked.missing]
    at_fault = {number for number, _column in checked.faults}
    pairs = {(line.sector, line.criterion) for line in lines if line.number in at_fault}
    shown = [line for line in lines if (line.sector, line.criterion) in pairs]
    first: dict[tuple[str, str], int] = {}
    for line in shown:
        first.setdefault((line.sector, line.criterion), line.number)
    shown.sort(key=lambda line: (first[line.sector, line.criterion], line.number))
    columns = _columns_shown(checked)
    for line in shown:
        yield line, list(_cells(line, columns, checked)), line in checked.missing


def _columns_shown(checked: Checked) -> list[str]:
    at_fault = {column for _number, column in checked.faults}
    return [name for name in COLUMNS if name not in ORIGIN or name in at_fault]


def _cells(line: Line, columns: Sequence[str], checked: Checked) -> Iterator[Cell]:
    for column in columns:
        heading, value = COLUMNS[column][0], getattr(line, column)
        messages = checked.faults.get((line.number, column), ())
        figure = column in FIGURES
        name = f"{line.number}:{column}"
        yield Cell(name, heading, value, messages, bool(messages) or figure, figure)


def _typed(request: HttpRequest) -> tuple[dict[tuple[int, str], str], set[int]]:
    """The cells « 12:total » of the form, and the lines « remove » to leave out."""
    cells = {}
    for name, text in request.POST.items():
        number, _colon, column = name.partition(":")
        if column in COLUMNS and number.isdecimal() and len(number) < 8:
            cells[int(number), column] = str(text)
    removed = request.POST.getlist("remove")
    return cells, {int(one) for one in removed if one.isdecimal() and len(one) < 8}


def _file(
    form: str, name: str, lines: Sequence[Line], extra: Mapping[int, str] | None = None
) -> HttpResponse:
    if form not in FORMS:
        raise Http404
    write, kind = FORMS[form]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return HttpResponse(write(lines, extra), content_type=kind, headers=headers)
