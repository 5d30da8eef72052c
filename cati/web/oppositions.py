"""« Oppositions » and « Réplicats » : whom nobody rings any more, and which part is rung now."""

from __future__ import annotations

from uuid import uuid4

from django.http import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from cati import clock, queries
from cati.core.phones import display
from cati.models import Role
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.oppose import oppose_number
from cati.operations.replicates import release_replicate
from cati.web.access import WaveRequest, in_wave
from cati.web.lists import listed
from cati.web.unsafe import posted_once


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: WaveRequest) -> HttpResponseBase:
    """The list, with a search; posted, one more number, with the person's others."""
    if request.method == "POST":
        return _oppose(request)
    asked = request.GET.get("q", "")
    context = listed(request, queries.oppositions(request.wave, asked))
    rows = queries.with_cases(request.wave, context["page"])
    context |= {
        "rows": [(row, display(row.number) if row.number else "") for row in rows],
        "cases": queries.search_cases(request.wave, asked).select_related("contact")[:5]
        if asked
        else (),
        "asked": asked,
        "uuid": uuid4(),
    }
    return render(request, "cati/supervisor/oppositions.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def replicates(request: WaveRequest) -> HttpResponseBase:
    """The parts of the sample, and what is left in each."""
    context = {"replicates": queries.replicates_of(request.wave)}
    return render(request, "cati/supervisor/replicates.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: WaveRequest, replicate: int) -> HttpResponseBase:
    """Release one part, once asked: what is called is not taken back."""
    here = resolve_url("replicates", wave=request.wave.slug)
    if request.method != "POST":
        figures = queries.replicates_of(request.wave)
        cases = next((one.cases for one in figures if one.number == replicate), 0)
        said = ngettext(
            "%(n)s fiche sera appelée et comptera dans les taux. Ce qui est libéré le reste.",
            "%(n)s fiches seront appelées et compteront dans les taux. Ce qui est libéré le reste.",
            cases,
        )
        context = {
            "title": _("Libérer le réplicat %(number)s ?") % {"number": replicate},
            "text": said % {"n": cases},
            "act": _("Libérer le réplicat"),
            "stay": _("Attendre"),
            "back": here,
            "uuid": uuid4(),
        }
        return render(request, "cati/confirm.html", context)

    def act() -> Reply:
        release_replicate(request.wave, replicate, request.user, clock.now())
        return Reply(
            303, {"to": here, "say": _("Réplicat %(number)s libéré.") % {"number": replicate}}
        )

    return posted_once(request, {"release": replicate}, here, act)


def _oppose(request: WaveRequest) -> HttpResponseBase:
    here = resolve_url("oppositions", wave=request.wave.slug)
    number, reason = request.POST.get("number", ""), request.POST.get("reason", "")
    sure = "sure" in request.POST

    def act() -> Reply:
        if not sure:
            raise Refused({"": _("Cochez que la personne l’a demandé : l’acte est sans retour.")})
        bound = oppose_number(number, reason=reason, by=request.user, now=clock.now())
        numbers = ngettext(
            "%(n)s numéro sur la liste", "%(n)s numéros sur la liste", bound.numbers
        ) % {"n": bound.numbers}
        cases = ngettext("%(n)s fiche close.", "%(n)s fiches closes.", bound.cases) % {
            "n": bound.cases
        }
        return Reply(303, {"to": here, "say": f"{numbers}, {cases}"})

    return posted_once(request, {"oppose": number, "reason": reason, "sure": sure}, here, act)
