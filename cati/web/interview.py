"""The interview: the page, and what its script sends; one answer, one request, one reply.

The reply of an answer is what the operation keeps and repeats, plus `html`: the next question,
drawn here and never stored.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cati import clock, queries
from cati.models import Case, Role
from cati.operations import leases, record
from cati.operations.errors import Refused
from cati.web import callbar, screens, sheet
from cati.web.access import WaveRequest, in_wave
from cati.web.forms import LeaseForm, NotAnAnswer, sent_answer
from cati.web.lease import on_call, on_held_case, warn
from cati.web.spoken import languages, speak, spoken
from cati.web.waiting import waiting_key
from questionnaire.core.said import in_words
from questionnaire.operations import AnswerRefused


@in_wave(Role.INTERVIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
@on_held_case
def interview(request: WaveRequest, case: Case) -> HttpResponseBase:
    """POST begins or resumes and comes back here; GET shows the next question, or the end."""
    if request.method == "POST":
        return _begin(request, case)
    card = queries.case_card(case)
    if card.interview is None or card.attempt is None:
        return redirect("case", wave=request.wave.slug, number=case.number)
    now = clock.now()
    language = spoken(request, card.interview)
    context = screens.question_context(case, card.interview, now, spoken=language)
    if context is None:
        return redirect("outcome", wave=request.wave.slug, number=case.number)
    context |= callbar.call_context(card, now, language) | {
        "here": _("Entretien"),
        "saved": _("Tout est enregistré"),
        "waiting_key": waiting_key(request.user, card.interview),
        "languages": [get_language_info(code) for code in languages(card.interview)],
    }
    return render(request, "cati/interviewer/interview.html", context)


def _begin(request: WaveRequest, case: Case) -> HttpResponseBase:
    form = LeaseForm(request.POST)
    page = "interview"
    if form.is_valid():
        epoch = form.cleaned_data["epoch"]
        try:
            record.begin_interview(case.pk, request.user, epoch, clock.now())
        except Refused as refusal:
            warn(request, refusal)
            page = "case"
    return redirect(page, wave=request.wave.slug, number=case.number)


@in_wave(Role.INTERVIEWER)
@require_safe
@on_held_case
def question(request: WaveRequest, case: Case, item: str) -> HttpResponseBase:
    """One question of the route, to read again or to correct."""
    return _question(request, case, item)


@in_wave(Role.INTERVIEWER)
@require_POST
@on_held_case
def switch_language(request: WaveRequest, case: Case, item: str) -> HttpResponseBase:
    """Go on in another language of the questionnaire; the question comes back in it."""
    interview = queries.current_interview(case)
    wanted = str(_json(request).get("language"))
    if interview is None or wanted not in languages(interview):
        return JsonResponse({"message": _("Ce questionnaire n’a pas cette langue.")}, status=422)
    speak(request, interview, wanted)
    return _question(request, case, item, replies=True)


def _question(
    request: WaveRequest, case: Case, item: str, *, replies: bool = False
) -> HttpResponseBase:
    """The question drawn; with `replies`, what to say to those who hesitate in its language too."""
    interview, now = queries.current_interview(case), clock.now()
    language = spoken(request, interview)
    context = screens.question_context(case, interview, now, item, spoken=language)
    if context is None:
        return JsonResponse({"message": _("Cette question n’est pas posée ici.")}, status=404)
    html = _drawn(context)
    if replies:
        context |= callbar.call_context(queries.case_card(case), now, language)
        for piece in ("replies", "persuading"):
            html += render_to_string(f"cati/interviewer/panel.html#{piece}", context, request)
    return JsonResponse({"html": html})


@in_wave(Role.INTERVIEWER)
@require_POST
@on_call
def answer(request: WaveRequest, case: Case) -> HttpResponseBase:
    """Save one answer and draw what comes next.

    Open to her who has just lost the case: an answer that was saved before is answered again, one
    that comes too late is kept for the supervisor, and both replies say `stale`.
    """
    now = clock.now()
    try:
        epoch, given = sent_answer(_json(request))
        reply = record.save_answer(case.pk, request.user, epoch, given, now, read=request.conducted)
    except NotAnAnswer as wrong:
        return _unread(wrong)
    except AnswerRefused as refusal:
        return JsonResponse({"errors": in_words(refusal.messages, _)}, status=422)
    except Refused as refusal:
        return JsonResponse({"errors": list(refusal.messages.values())}, status=422)
    body = dict(reply.body)
    if case.holder_id != request.user.pk:
        body["stale"] = True
    elif reply.status == 200 and not body["outcome"]:
        saved: record.Saved | None = reply.acted
        interview = saved.interview if saved else queries.current_interview(case)
        context = screens.question_context(
            case,
            interview,
            now,
            spoken=spoken(request, interview),
            after=given.item,
            beside=saved.beside if saved else None,
        )
        body["html"] = _drawn(context or {})
    return JsonResponse(body, status=reply.status)


@in_wave(Role.INTERVIEWER)
@require_POST
@on_held_case
def preview(request: WaveRequest, case: Case) -> HttpResponseBase:
    """What a correction would take off the route, before anything is written."""
    interview = queries.current_interview(case)
    if interview is None:
        return JsonResponse({"message": _("L’entretien n’est pas commencé.")}, status=404)
    try:
        _epoch, given = sent_answer(_json(request))
        effects = record.preview_answer(interview, given)
    except NotAnAnswer as wrong:
        return _unread(wrong)
    except AnswerRefused as refusal:
        return JsonResponse({"errors": in_words(refusal.messages, _)}, status=422)
    parked = list(effects.parked)
    if not parked:
        return JsonResponse({"parked": 0})
    read = sheet.Sheet(interview, spoken(request, interview))
    context = sheet.repair_context(read, given, effects)
    html = render_to_string("cati/interviewer/repair.html", context, request)
    return JsonResponse({"parked": len(parked), "html": html})


@in_wave(Role.INTERVIEWER)
@require_safe
@on_held_case
def answers(request: WaveRequest, case: Case) -> HttpResponseBase:
    """All answers by theme, to jump to one; with `?themes` the themes alone."""
    card = queries.case_card(case)
    if card.interview is None:
        return JsonResponse({"message": _("L’entretien n’est pas commencé.")}, status=404)
    context = {
        "themes": sheet.answers_by_theme(card.interview, spoken(request, card.interview)),
        "themes_only": "themes" in request.GET,
    }
    return JsonResponse({"html": render_to_string("cati/interviewer/answers.html", context)})


@in_wave(Role.INTERVIEWER)
@require_POST
@on_held_case
def heartbeat(request: WaveRequest, case: Case) -> HttpResponseBase:
    """Keep the lease alive while the page is open."""
    form = LeaseForm(_json(request))
    if not form.is_valid():
        return JsonResponse({"errors": _listed(form.errors)}, status=400)
    leases.heartbeat(case.pk, request.user, form.cleaned_data["epoch"], clock.now())
    return JsonResponse({"held": True})


def _drawn(context: dict[str, Any]) -> str:
    html: str = render_to_string("cati/interviewer/question.html", context)
    return html


def _json(request: WaveRequest) -> dict[str, Any]:
    """The object that the request carries; {} where it carries none, which no form accepts."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _unread(wrong: NotAnAnswer) -> HttpResponseBase:
    said = _("%(field)s : absent ou illisible. Rechargez la page, puis recommencez.")
    return JsonResponse({"errors": [said % {"field": field} for field in wrong.fields]}, status=400)


def _listed(errors: Any) -> list[str]:
    return [f"{field} : {' '.join(messages)}" for field, messages in errors.items()]
