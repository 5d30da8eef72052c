"""« Questionnaire » : its versions, what they ask, what differs between two, and the next one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.http import Http404, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cati import clock, queries
from cati.models import Role
from cati.operations import versions
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once
from questionnaire.core.compare import Change, Comparison, Kind, Segment, compare, plain, words
from questionnaire.core.instrument import Instrument, Item, Theme, from_json
from questionnaire.core.load import MANIFEST, Loaded, examine
from questionnaire.models import InstrumentVersion

TYPES: dict[str, Promise] = {
    "single": gettext_lazy("une réponse"),
    "scale": gettext_lazy("échelle"),
    "multiple": gettext_lazy("plusieurs réponses"),
    "integer": gettext_lazy("nombre entier"),
    "decimal": gettext_lazy("nombre"),
    "text": gettext_lazy("texte"),
    "consent": gettext_lazy("accord"),
    "address": gettext_lazy("adresse"),
    "info": gettext_lazy("lecture"),
}
PARTS: dict[str, Promise] = {
    "theme": gettext_lazy("thème"),
    "group": gettext_lazy("grille ou bloc"),
    "compute": gettext_lazy("variable calculée"),
    "end": gettext_lazy("fin"),
    "draw": gettext_lazy("tirage"),
    "quota": gettext_lazy("quota"),
    "milestone": gettext_lazy("étape"),
    "parameter": gettext_lazy("paramètre"),
    "preload": gettext_lazy("variable du fichier"),
    "text": gettext_lazy("texte"),
    "instrument": gettext_lazy("questionnaire"),
}
FIELDS: dict[str, Promise] = {
    "short": gettext_lazy("libellé court"),
    "instruction": gettext_lazy("consigne"),
    "probes": gettext_lazy("relances"),
    "title": gettext_lazy("titre"),
    "intro": gettext_lazy("introduction"),
    "translations": gettext_lazy("traductions"),
    "module": gettext_lazy("module"),
    "bounds": gettext_lazy("bornes"),
    "checks": gettext_lazy("contrôles"),
    "specials": gettext_lazy("non-réponses admises"),
    "choices": gettext_lazy("ordre des codes"),
    "max": gettext_lazy("nombre de réponses au plus"),
    "exclusive": gettext_lazy("réponse seule"),
    "other": gettext_lazy("à préciser"),
    "value": gettext_lazy("calcul"),
    "order": gettext_lazy("ordre"),
    "share": gettext_lazy("part attendue"),
    "note": gettext_lazy("note d’auteur"),
}
# The sections of a comparison, in the order in which they are read.
SECTIONS: tuple[tuple[Promise, frozenset[Kind]], ...] = (
    (gettext_lazy("Ajouts"), frozenset({Kind.ADDED})),
    (gettext_lazy("Retraits"), frozenset({Kind.REMOVED})),
    (
        gettext_lazy("Codes et libellés"),
        frozenset({Kind.TYPE, Kind.CODE_ADDED, Kind.CODE_REMOVED, Kind.LABEL}),
    ),
    (gettext_lazy("Formulations"), frozenset({Kind.WORDING})),
    (gettext_lazy("Filtres"), frozenset({Kind.FILTER})),
    (gettext_lazy("Réglages"), frozenset({Kind.SETTING})),
    (gettext_lazy("Déplacements"), frozenset({Kind.MOVED})),
)


@dataclass(frozen=True)
class Line:
    """One change as it reads: what it is about, then both wordings as one text."""

    change: Change
    part: str
    field: str
    segments: list[Segment]


@dataclass(frozen=True)
class Question:
    item: Item
    type: str


@in_wave(Role.ADMIN, Role.SUPERVISOR)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The versions, and all questions of one of them (`version`, the wave's by default)."""
    known = list(queries.versions_of(request.wave))
    shown = _chosen(known, request.GET.get("version"), request.wave.version)
    asked = request.GET.get("q", "")
    themes = list(found(from_json(shown.content), asked)) if shown else []
    context = {
        "versions": known,
        "shown": shown,
        "asked": asked,
        "themes": themes,
        "questions": sum(len(questions) for _theme, questions in themes),
        "may_publish": request.membership.role == Role.ADMIN,
    }
    return render(request, "cati/admin/questionnaire.html", context)


@in_wave(Role.ADMIN, Role.SUPERVISOR)
@require_safe
def comparison(request: WaveRequest) -> HttpResponseBase:
    """Two versions side by side: `de` (the one before by default) and `a` (the wave's)."""
    known = list(queries.versions_of(request.wave))
    new = _chosen(known, request.GET.get("a"), request.wave.version)
    if new is None:
        raise Http404
    before = next((one for one in known if one.number < new.number), new)
    old = _chosen(known, request.GET.get("de"), before) or before
    compared = compare(from_json(old.content), from_json(new.content))
    context = {"versions": known, "old": old, "new": new} | _told(compared)
    return render(request, "cati/admin/questionnaire_compare.html", context)


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: WaveRequest) -> HttpResponseBase:
    """What the folder on the disk would change, then its publication."""
    folders = _folders()
    name = _folder(request, folders)
    here = resolve_url("publish-questionnaire", wave=request.wave.slug)
    if request.method == "POST":
        seen, wording = request.POST.get("hash", ""), "wording" in request.POST

        def act() -> Reply:
            version = versions.publish_for_wave(
                request.wave,
                _as_seen(name, seen),
                actor=request.user,
                now=clock.now(),
                accept_wording=wording,
            )
            say = _("Version %(number)s publiée : les entretiens qui commencent sont sur elle.")
            to = resolve_url("questionnaire", wave=request.wave.slug)
            return Reply(303, {"to": to, "say": say % {"number": version.number}})

        body = {"publish": seen, "folder": name, "wording": wording}
        return posted_once(request, body, f"{here}?dossier={name}", act)
    context = {"folder": name, "folders": folders, "uuid": uuid4()} | _previewed(request, name)
    return render(request, "cati/admin/questionnaire_publish.html", context)


def found(instrument: Instrument, asked: str) -> Iterator[tuple[Theme, list[Question]]]:
    """The questions that hold every word of `asked`, theme by theme of the survey's order."""
    wanted = plain(asked).split()
    for theme in instrument.themes:
        one = Instrument(instrument.name, instrument.title, (theme,))
        questions = [
            Question(item, str(TYPES.get(item.type, item.type)))
            for item in one.items
            if all(word in _searched(item) for word in wanted)
        ]
        if questions:
            yield theme, questions


def _searched(item: Item) -> str:
    labels = (choice.label for choice in item.choices)
    return plain(" ".join((item.code, item.short, item.stem, item.text, item.ask_if, *labels)))


def _chosen(
    known: Iterable[InstrumentVersion], number: str | None, usual: InstrumentVersion | None
) -> InstrumentVersion | None:
    """The version of a typed number, the usual one without; Http404 for a number of no version."""
    if not number:
        return usual
    chosen = next((one for one in known if str(one.number) == number), None)
    if chosen is None:
        raise Http404
    return chosen


def _told(compared: Comparison) -> dict[str, Any]:
    """The sections that hold something, and whether there is any difference."""
    sections = [
        (title, [_line(one) for one in compared.changes if one.kind in kinds])
        for title, kinds in SECTIONS
    ]
    return {"sections": [one for one in sections if one[1]], "changes": len(compared.changes)}


def _line(change: Change) -> Line:
    moved = change.kind in {Kind.MOVED, Kind.TYPE, Kind.SETTING, Kind.FILTER}
    whole: list[Segment] = [("gone", change.before), ("come", change.after)]
    segments = [one for one in whole if one[1]] if moved else words(change.before, change.after)
    usual = "" if change.field in {"text", "ask_if", "when", "type"} else change.field
    part, field = PARTS.get(change.what, ""), FIELDS.get(change.field, usual)
    return Line(change, str(part), str(field), segments)


def _folders() -> list[str]:
    return sorted(path.parent.name for path in versions.FOLDER.glob(f"*/{MANIFEST}"))


def _folder(request: WaveRequest, known: list[str]) -> str:
    """The folder asked for; by default the one named like the wave's questionnaire, or the first.

    Http404 for one that is not there: a name never leaves the folder of questionnaires.
    """
    version = request.wave.version
    usual = version.name if version and version.name in known else next(iter(known), "")
    asked = request.POST.get("dossier") or request.GET.get("dossier") or usual
    if asked not in known:
        raise Http404
    return asked


def _previewed(request: WaveRequest, name: str) -> dict[str, Any]:
    loaded = _examined(name)
    if _broken(loaded) or loaded.instrument is None:
        return {"problems": loaded.problems, "broken": True}
    proposal = versions.propose(request.wave, loaded.instrument)
    told = {"problems": loaded.problems, "proposal": proposal} | _told(proposal.comparison)
    for state, changes in (("refused", proposal.contradicted), ("declare", proposal.to_declare)):
        told[state] = [versions.complaint(change) for change in changes]
    return told


def _as_seen(name: str, seen: str) -> Instrument:
    """The folder's questionnaire, if it is still the one that was previewed. Raises Refused."""
    loaded = _examined(name)
    if _broken(loaded) or loaded.instrument is None:
        raise Refused({"": _("Le questionnaire du disque ne peut pas servir tel qu’il est.")})
    if versions.hash_of(loaded.instrument) != seen:
        message = _("Le dossier a changé depuis l’aperçu. Relisez ce qui change, puis publiez.")
        raise Refused({"": message})
    return loaded.instrument


def _examined(name: str) -> Loaded:
    return examine(versions.FOLDER / name)


def _broken(loaded: Loaded) -> bool:
    return any(problem.severity == "error" for problem in loaded.problems)
