"""« Règles d’appel » : delays, maxima, parts of the week, hours and weights, in one form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cati import clock
from cati.core.dispositions import DISPOSITIONS, Then
from cati.core.rules import DayPart, Rules, Weights, read_rules
from cati.core.scheduling import CLOSED, HOLIDAYS
from cati.models import Role, RulesAct
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.rules import change_rules
from cati.web.access import WaveRequest, in_wave
from cati.web.unsafe import posted_once

# The outcomes after which a case is rung again without anybody having promised an hour.
RETRIED = [
    row
    for row in DISPOSITIONS
    if row.offered
    and row.then in {Then.BUSY, Then.OTHER_DAY_PART, Then.RESUME, Then.COOL_OFF, Then.CONVERT_ONCE}
]
COUNTS = ("most", "most_per_day", "busy_per_day", "owner_first", "grace")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class OutcomeLine:
    """An outcome with its delay in hours and its maximum, as they stand in the form."""

    code: str
    label: str
    delay: str
    most: int | None


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: WaveRequest) -> HttpResponseBase:
    """The rules as they are; a posting changes them all at once, and starts the job."""
    wave = request.wave
    if request.method != "POST":
        return render(request, "cati/supervisor/rules.html", _context(request))
    here = resolve_url("calling-rules", wave=wave.slug)
    body = {name: request.POST.getlist(name) for name in request.POST if name != "uuid"}
    body.pop("csrfmiddlewaretoken", None)

    def do() -> Reply:
        rules, hours = _typed(request)
        reason = request.POST.get("reason", "")
        job = change_rules(wave, rules, hours, reason, request.user, clock.now())
        say = _("Règles enregistrées. Les fiches en attente sont revues : travail %(number)s.")
        return Reply(303, {"to": here, "say": say % {"number": job.pk}, "job": job.pk})

    return posted_once(request, body, here, do)


def _context(request: WaveRequest) -> dict[str, Any]:
    wave = request.wave
    rules = read_rules(wave.call_rules)
    closed = list(wave.calling_hours.get(CLOSED, ()))
    names = _("lundi mardi mercredi jeudi vendredi samedi dimanche").split()
    return {
        "rules": rules,
        "uuid": uuid4(),
        "parts": [
            (number, part, ", ".join(names[day - 1][:3] for day in part.days))
            for number, part in enumerate(rules.parts, start=1)
        ],
        "outcomes": [
            OutcomeLine(
                row.code, _(row.label), _hours(rules.delay(row.code)), rules.maxima.get(row.code)
            )
            for row in RETRIED
        ],
        "days": [
            (day, name, *(wave.calling_hours.get(str(day)) or ("", "")))
            for day, name in enumerate(names, start=1)
        ],
        "holidays": HOLIDAYS in closed,
        "closed": ", ".join(day for day in closed if day != HOLIDAYS),
        "past": RulesAct.objects.filter(wave=wave).select_related("by")[:10],
    }  # fmt: skip


def _typed(request: HttpRequest) -> tuple[Rules, dict[str, list[str]]]:
    """Rules and hours as typed over those that hold. Raises Refused, by field."""
    given: Mapping[str, str] = request.POST
    before = read_rules(request.wave.call_rules)  # type: ignore[attr-defined]
    parts = tuple(
        DayPart(
            part.code,
            given.get(f"part_{number}_label", part.label).strip()[:40] or part.label,
            part.days,
            part.begins,
            _number(given, f"part_{number}_weight"),
            int(_number(given, f"part_{number}_most")),
        )
        for number, part in enumerate(before.parts, start=1)
    )
    delays = {row.code: round(60 * _number(given, f"delay_{row.code}")) for row in RETRIED}
    maxima = {
        row.code: int(_number(given, f"most_{row.code}"))
        for row in RETRIED
        if given.get(f"most_{row.code}", "").strip()
    }
    weights = Weights(*(_number(given, f"weight_{name}") for name in vars(before.weights)))
    counts = {name: int(_number(given, name)) for name in COUNTS}
    rules = Rules(
        parts=parts,
        delays=dict(before.delays) | delays,
        maxima=maxima,
        spread_fresh="spread_fresh" in given,
        weights=weights,
        **counts,
    )
    return rules, _typed_hours(given)


def _typed_hours(given: Mapping[str, str]) -> dict[str, list[str]]:
    hours: dict[str, list[str]] = {}
    for day in range(1, 8):
        opens, closes = (given.get(f"{end}_{day}", "").strip() for end in ("opens", "closes"))
        if opens or closes:
            hours[str(day)] = [opens, closes]
    closed = DATE.findall(given.get("closed", ""))
    if "holidays" in given:
        closed.append(HOLIDAYS)
    return hours | ({CLOSED: closed} if closed else {})


def _number(given: Mapping[str, str], name: str) -> float:
    try:
        return float(given.get(name, "").replace(",", ".").strip())
    except ValueError:
        typed = given.get(name, "")
        raise Refused({name: _("« %(typed)s » n’est pas un nombre.") % {"typed": typed}}) from None


def _hours(minutes: int) -> str:
    """Minutes as hours: « 4 », « 0,33 », « 168 »."""
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".").replace(".", ",")
