"""The admin's home: the state of the wave as facts, and what still keeps it from being called."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from django.http import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from cati import queries
from cati.core.scheduling import Hours
from cati.models import Role, Wave
from cati.operations.hours import clock_told
from cati.queries import WaveFacts
from cati.web.access import WaveRequest, in_wave
from cati.web.extend import FACTS
from cati.web.facts import Fact


@in_wave(Role.ADMIN)
@require_safe
def home(request: WaveRequest) -> HttpResponseBase:
    facts = list(facts_of(request.wave, queries.wave_facts(request.wave)))
    blocking = sum(bool(fact.blocks) for fact in facts)
    done = sum(fact.done and not fact.blocks for fact in facts)
    context = {"facts": facts, "blocking": blocking, "done": done}
    return render(request, "cati/admin/wave.html", context)


def facts_of(wave: Wave, counted: WaveFacts) -> Iterator[Fact]:
    """The lines in the order in which a wave is prepared."""
    yield _calendar(wave)
    yield _sectors(counted)
    yield _questionnaire(wave, counted)
    yield _sample(wave, counted)
    yield _targets(wave, counted)
    yield _people(wave, counted)
    yield Fact(
        _("Entretiens"),
        _("%(counted)s comptés sur %(target)s")
        % {"counted": _n(counted.counted), "target": _n(counted.target)},
        done=0 < counted.target <= counted.counted,
        act=_("Voir"),
        url=resolve_url("board", wave=wave.slug),
    )
    for facts in FACTS:
        yield from facts(wave)


def week_text(hours: Hours) -> str:
    """« lun.–ven. 10 h–20 h 30, sam. 10 h–17 h » : days in a row with the same hours are one."""
    days = _("lun. mar. mer. jeu. ven. sam. dim.").split()
    week = [(name, tuple(hours.get(str(day), ()))) for day, name in enumerate(days, start=1)]
    runs = []
    for bounds, run in groupby(week, key=lambda day: day[1]):
        names = [name for name, _bounds in run]
        if bounds:
            span = names[0] if len(names) == 1 else f"{names[0]}–{names[-1]}"
            runs.append(f"{span} {clock_told(bounds[0])}–{clock_told(bounds[1])}")
    return ", ".join(runs)


def _calendar(wave: Wave) -> Fact:
    week = week_text(wave.calling_hours)
    end = wave.ends_on and _("fin le %(day)s") % {"day": date_format(wave.ends_on, "j F Y")}
    return Fact(
        _("Calendrier et heures d’appel"),
        " ; ".join(part for part in (week, end or _("sans date de fin")) if part),
        blocks="" if week else _("Aucune heure d’appel n’est donnée."),
        act=_("Ouvrir"),
        url=resolve_url("calling-rules", wave=wave.slug),
    )


def _sectors(counted: WaveFacts) -> Fact:
    parts = (
        ngettext("%(n)s secteur", "%(n)s secteurs", counted.sectors) % {"n": counted.sectors},
        ngettext("%(n)s groupe de publication", "%(n)s groupes de publication", counted.groups)
        % {"n": counted.groups},
        _("%(n)s habitants") % {"n": _n(counted.population)},
    )
    return Fact(
        _("Secteurs et groupes"),
        ", ".join(parts),
        blocks="" if counted.sectors else _("Aucun secteur n’est défini."),
    )


def _questionnaire(wave: Wave, counted: WaveFacts) -> Fact:
    title = _("Questionnaire")
    if wave.version is None:
        return Fact(
            title,
            "",
            blocks=_("Aucune version n’est publiée."),
            act=_("Publier"),
            url=resolve_url("publish-questionnaire", wave=wave.slug),
        )
    return Fact(
        title,
        _("Version %(number)s, empreinte %(hash)s : %(questions)s questions, %(themes)s thèmes")
        % {
            "number": wave.version.number,
            "hash": wave.version.hash[:12],
            "questions": counted.questions,
            "themes": counted.themes,
        },
        act=_("Voir"),
        url=resolve_url("questionnaire", wave=wave.slug),
    )


def _sample(wave: Wave, counted: WaveFacts) -> Fact:
    parts = [ngettext("%(n)s fiche", "%(n)s fiches", counted.sample) % {"n": _n(counted.sample)}]
    if counted.refused_lines:
        refused = ngettext("%(n)s ligne refusée", "%(n)s lignes refusées", counted.refused_lines)
        parts.append(refused % {"n": _n(counted.refused_lines)})
    return Fact(
        _("Échantillon"),
        ", ".join(parts),
        blocks="" if counted.sample else _("Aucune fiche n’est importée."),
        detail=counted.cases,
        act=_("Ouvrir") if counted.sample else _("Importer"),
        url=resolve_url("sample", wave=wave.slug),
    )


def _targets(wave: Wave, counted: WaveFacts) -> Fact:
    return Fact(
        _("Cibles de quotas"),
        ngettext("%(n)s secteur avec une cible", "%(n)s secteurs avec une cible", counted.cells)
        % {"n": counted.cells}
        + _(", %(sum)s entretiens en tout") % {"sum": _n(counted.target)},
        blocks="" if counted.target else _("Aucune cible n’est donnée."),
        act=_("Ouvrir"),
        url=resolve_url("quotas", wave=wave.slug),
    )


def _people(wave: Wave, counted: WaveFacts) -> Fact:
    interviewers = counted.people[Role.INTERVIEWER]
    supervisors = counted.people[Role.SUPERVISOR]
    admins = counted.people[Role.ADMIN]
    parts = (
        ngettext("%(n)s enquêteur", "%(n)s enquêteurs", interviewers) % {"n": interviewers},
        ngettext("%(n)s superviseur", "%(n)s superviseurs", supervisors) % {"n": supervisors},
        ngettext("%(n)s administrateur", "%(n)s administrateurs", admins) % {"n": admins},
    )
    return Fact(
        _("Équipe et accès"),
        ", ".join(parts),
        blocks="" if interviewers else _("Personne ne peut appeler : aucun enquêteur."),
        act=_("Ouvrir"),
        url=resolve_url("people", wave=wave.slug),
    )


def _n(count: int) -> str:
    return number_format(count, use_l10n=True, force_grouping=True)
