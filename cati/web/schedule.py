"""« Qui ensuite » : the next cases of an interviewer at an hour, in the claim's order, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from cati import clock, queries
from cati.core.day_parts import part_at
from cati.core.dispositions import BY_CODE
from cati.core.reasons import Reason
from cati.core.rules import Rules, read_rules
from cati.core.scheduling import PARIS, may_call, next_open
from cati.models import Case, Role, User, Wave
from cati.queries.schedule import Pool, Ranked, Standing, pool, who_next
from cati.web.access import WaveRequest, in_wave
from cati.web.forms import read_hour

REASONS: dict[Reason, tuple[Promise, Promise]] = {
    Reason.REPLICATE: (
        gettext_lazy("Réplicat à libérer"),
        gettext_lazy("part de l’échantillon en attente"),
    ),
    Reason.HELD: (
        gettext_lazy("Chez quelqu’un"),
        gettext_lazy("une par enquêteur en appel"),
    ),
    Reason.NO_NUMBER: (
        gettext_lazy("Plus de numéro"),
        gettext_lazy("tous hors service"),
    ),
    Reason.OPPOSED: (
        gettext_lazy("Opposition"),
        gettext_lazy("numéros et personnes"),
    ),
    Reason.DELAY: (
        gettext_lazy("Délai non écoulé"),
        gettext_lazy("après le dernier appel"),
    ),
    Reason.QUOTA: (
        gettext_lazy("Quota ferme complet"),
        gettext_lazy("la case est pleine ou fermée"),
    ),
    Reason.EXHAUSTED: (
        gettext_lazy("Maximum d’essais"),
        gettext_lazy("en tout, par issue ou par tranche"),
    ),
    Reason.DAY_PART: (
        gettext_lazy("Autre tranche"),
        gettext_lazy("à appeler à un autre moment"),
    ),
    Reason.OWNER: (
        gettext_lazy("Attend son enquêteur"),
        gettext_lazy("rendez-vous confié d’abord à un autre"),
    ),
    Reason.BUSY_NUMBER: (
        gettext_lazy("Numéro en ligne"),
        gettext_lazy("appelé depuis une autre fiche"),
    ),
    Reason.LANGUAGE: (
        gettext_lazy("Langue"),
        gettext_lazy("une autre que les siennes"),
    ),
    Reason.CONVERSION: (
        gettext_lazy("Reprise de refus"),
        gettext_lazy("à qui a la compétence, jamais au même"),
    ),
}


@dataclass(frozen=True)
class Row:
    """A line of the list: the case, why it stands there, the parts of its score in hundredths."""

    ranked: Ranked
    why: str
    outcome: str


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The order of service for `pour`, an interviewer's id, at the hour `a` of today."""
    now = clock.now()
    people = queries.interviewers_of(request.wave)
    asked = request.GET.get("pour", "")
    person = people.filter(pk=int(asked[:9])).first() if asked.isdecimal() else None
    at = _hour(request.GET.get("a", ""), now)
    rules = read_rules(request.wave.call_rules)
    ranked = who_next(request.wave, person, at)
    found = pool(request.wave, person, at)
    context: dict[str, Any] = {
        "people": people,
        "person": person,
        "at": at,
        "rows": [Row(one, told(one, rules, at), _outcome(one.case.disposition)) for one in ranked],
        "pool": found,
        "aside": [(one, *REASONS[one.reason]) for one in found.aside],
        "part": _(rules.parts[part_at(rules.parts, at) - 1].label),
        "closed": "" if may_call(request.wave.calling_hours, at) else _closed(request.wave, at),
        "empty": empty_queue(request.wave, person, at, found),
    }
    return render(request, "cati/supervisor/next.html", context)


def told(one: Ranked, rules: Rules, now: datetime) -> str:
    """Why a case stands where it does, in a few words."""
    case = one.case
    hour = _hour_told(case.due_at, now, "j N, G \\h i")
    match Case.Tier(case.tier):
        case Case.Tier.PUSHED:
            return _("demandée par un superviseur")
        case Case.Tier.APPOINTMENT | Case.Tier.SOFT:
            name = case.owner.short_name if case.owner else ""
            if case.disposition == "12":
                return _("entretien à reprendre depuis %(hour)s") % {"hour": hour}
            return _("promis pour %(hour)s") % {"hour": hour} + (f", {name}" if name else "")
        case Case.Tier.BUSY | Case.Tier.LINE_CUT:
            return _("à rappeler depuis %(hour)s") % {"hour": hour}
        case Case.Tier.RETRY if case.part:
            label = _(rules.parts[case.part - 1].label) if case.part <= len(rules.parts) else ""
            return _("tranche la moins essayée : %(part)s") % {"part": label}
        case Case.Tier.RETRY:
            return _("délai écoulé")
    return _("jamais appelée, tranche tirée au sort") if rules.spread_fresh else _("jamais appelée")


def standing_told(standing: Standing, now: datetime) -> str:
    """Why a case may or may not be called now, and when it will be, in a sentence."""
    opens = standing.opens_at
    when = date_format(opens.astimezone(PARIS), "l j F, G \\h i") if opens else ""
    if standing.reason is None:
        if opens is not None and opens <= now:
            return _("À appeler dès maintenant.")
        return _("À appeler dès l’ouverture, %(when)s.") % {"when": when} if when else ""
    if standing.reason is Reason.CLOSED:
        return _("Close : elle n’est plus appelée.")
    why = _("%(reason)s : %(detail)s.") % {
        "reason": REASONS[standing.reason][0],
        "detail": REASONS[standing.reason][1],
    }
    return f"{why} " + _("Appelable le %(when)s.") % {"when": when} if when else why


def empty_queue(wave: Wave, user: User | None, now: datetime, found: Pool | None = None) -> str:
    """« 214 fiches attendent leur délai ; prochaine à 17 h 40 » ; '' where a case may be called."""
    found = found or pool(wave, user, now)
    if found.callable:
        return ""
    if not found.aside:
        return _("Aucune fiche n’est ouverte : l’échantillon est épuisé ou n’est pas importé.")
    told = []
    for aside in sorted(found.aside, key=lambda one: -one.cases)[:3]:
        count = ngettext("%(n)s fiche", "%(n)s fiches", aside.cases) % {"n": aside.cases}
        if aside.reason is Reason.DELAY and aside.first_due:
            due = next_open(wave.calling_hours, aside.first_due) or aside.first_due
            hour = _hour_told(due, now, "l j F, G \\h i")
            waits = ngettext("%(n)s attend son délai", "%(n)s attendent leur délai", aside.cases)
            told.append(waits % {"n": count} + _(" ; prochaine à %(hour)s") % {"hour": hour})
        else:
            told.append(f"{count} : {str(REASONS[aside.reason][0]).lower()}")
    return " · ".join(told) + "."


def _hour_told(at: datetime, now: datetime, form: str) -> str:
    """The hour alone where it is today's, and else the day with it, written by `form`."""
    local = at.astimezone(PARIS)
    today = local.date() == now.astimezone(PARIS).date()
    return date_format(local, "G \\h i" if today else form)


def _closed(wave: Wave, at: datetime) -> str:
    opens = next_open(wave.calling_hours, at)
    if opens is None:
        return _("Aucune heure d’appel n’est ouverte dans les 60 jours.")
    when = date_format(opens.astimezone(PARIS), "l j F, G \\h i")
    return _("À cette heure, personne n’appelle : ouverture %(when)s.") % {"when": when}


def _hour(text: str, now: datetime) -> datetime:
    hour = read_hour(text)
    return now if hour is None else datetime.combine(now.astimezone(PARIS).date(), hour, PARIS)


def _outcome(code: str) -> str:
    return f"{code} {_(BY_CODE[code].label)}" if code in BY_CODE else _("jamais appelée")
