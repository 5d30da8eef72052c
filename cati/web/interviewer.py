"""The interviewer's home, the case card, the call and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cati import clock, queries
from cati.core.dispositions import BY_CODE, disposition, on_screen
from cati.core.phones import display
from cati.core.scheduling import closes_at
from cati.models import Attempt, Case, Phone, Role
from cati.operations import calls, claim, leases, practice
from cati.operations import outcome as outcomes
from cati.operations.errors import Refused, StaleLease
from cati.operations.hours import hours_told
from cati.operations.idempotency import Reply
from cati.queries import CaseCard
from cati.queries.load import week_load
from cati.web import callbar
from cati.web.access import WaveRequest, in_wave
from cati.web.errors import wants_json
from cati.web.forms import DialForm, LeaseForm, NoteForm, OutcomeForm, TypedOutcome
from cati.web.lease import check_held, on_case, on_held_case, refused_json, stale, warn
from cati.web.schedule import empty_queue
from cati.web.spoken import spoken

QUICK_CODES = ("31", "32", "33", "34")
# A promise is told this long before its hour, so that no long interview begins in front of it.
REMINDED_BEFORE = timedelta(minutes=15)


# ------------------------------------------------------------------------------- home


@in_wave(Role.INTERVIEWER)
@require_safe
def home(request: WaveRequest) -> HttpResponseBase:
    now = clock.now()
    appointments = queries.appointments_today(request.wave, request.user, now)
    pending = [row for row in appointments if row.state == row.State.PENDING]
    received = queries.messages_for(request.wave, request.user)
    context = {
        "now": now,
        "practised": request.wave.practice_for,
        "hours": hours_told(request.wave.calling_hours, now),
        "held": queries.held_case(request.wave, request.user),
        "appointments": appointments,
        "first": pending[0] if pending else None,
        "soon": next((row for row in pending if row.at - now <= REMINDED_BEFORE), None),
        "figures": queries.day_figures(request.wave, request.user, now),
        "presence": queries.presence(request.wave, request.user, now),
        "received": [(message, read_at, uuid4()) for message, read_at in received],
        # What she has not read stands before her appointments.
        "unread": any(read_at is None for _message, read_at in received),
        "mistaken": _mistaken(request, now),
        "uuid": uuid4(),
    }
    return render(request, "cati/interviewer/home.html", context)


def _mistaken(request: WaveRequest, now: datetime) -> dict[str, Any] | None:
    """The outcome that she may take back, with the uuid of the form that does it."""
    call = queries.may_take_back(request.wave, request.user, now)
    return {"call": call, "uuid": uuid4()} if call else None


@in_wave(Role.INTERVIEWER)
@require_POST
def next_case(request: WaveRequest) -> HttpResponseBase:
    """Claim the next case and open it; the reason where there is none."""
    if request.wave.practice_for_id:
        practice.refill(request.wave, clock.now())
    try:
        case = claim.next_case(request.wave, request.user, clock.now())
    except Refused as refusal:
        warn(request, refusal)
        return redirect("interviewer-home", wave=request.wave.slug)
    if case is None:
        why = empty_queue(request.wave, request.user, clock.now())
        messages.info(request, _("Aucune fiche à appeler pour le moment.") + f" {why}")
        return redirect("interviewer-home", wave=request.wave.slug)
    return redirect("case", wave=request.wave.slug, number=case.number)


@in_wave(Role.INTERVIEWER)
@require_POST
def practise(request: WaveRequest) -> HttpResponseBase:
    """Go to the room in which the wave is practised, which is made for whoever comes first."""
    try:
        room = practice.practise(request.wave, request.user, clock.now())
    except Refused as refusal:
        warn(request, refusal)
        return redirect("interviewer-home", wave=request.wave.slug)
    return redirect("interviewer-home", wave=room.slug)


# ------------------------------------------------------------------------------- case


@in_wave(Role.INTERVIEWER)
@require_safe
@on_held_case
def case(request: WaveRequest, case: Case) -> HttpResponseBase:
    return render(request, "cati/interviewer/case.html", case_context(request, case))


@in_wave(Role.INTERVIEWER)
@require_POST
@on_held_case
def dial(request: WaveRequest, case: Case) -> HttpResponseBase:
    """Open the attempt that the click on the number starts; the page then hands over to `tel:`."""
    form = DialForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=422)
    epoch, phone = form.cleaned_data["epoch"], form.cleaned_data["phone"]
    try:
        attempt = calls.dial(case.pk, request.user, epoch, phone, clock.now())
    except Refused as refusal:
        if wants_json(request):
            return refused_json(refusal)
        warn(request, refusal)
        return redirect("case", wave=request.wave.slug, number=case.number)
    if not wants_json(request):
        return redirect("case", wave=request.wave.slug, number=case.number)
    context = case_context(request, case)
    pieces = ("callbar.html", "case.html#dialing", "case.html#acts")
    html = "".join(
        render_to_string(f"cati/interviewer/{piece}", context, request) for piece in pieces
    )
    # In practice nothing is dialled: somebody in the room plays the respondent.
    rings = attempt.phone is not None and request.wave.practice_for_id is None
    tel = f"tel:{attempt.phone.e164}" if rings and attempt.phone else ""
    return JsonResponse({"tel": tel, "html": html})


@in_wave(Role.INTERVIEWER)
@require_POST
@on_case
def release_case(request: WaveRequest, case: Case) -> HttpResponseBase:
    """Hand the case back; one that is hers no more is handed back already."""
    form = LeaseForm(request.POST)
    if form.is_valid():
        with suppress(StaleLease):
            leases.release(case.pk, request.user, form.cleaned_data["epoch"], clock.now())
            messages.info(request, _("Fiche %(number)s rendue.") % {"number": case.number})
    return redirect("interviewer-home", wave=request.wave.slug)


@in_wave(Role.INTERVIEWER)
@require_POST
@on_case
def note(request: WaveRequest, case: Case) -> HttpResponseBase:
    """Keep a note; one that comes after she lost the case waits for the supervisor."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=422)
    try:
        reply = calls.add_note(case.pk, request.user, **form.cleaned_data, now=clock.now())
    except Refused as refusal:
        return refused_json(refusal)
    if reply.body.get("stale"):
        return stale(request, case, reply.body["holder"])
    if reply.status != 200:
        return JsonResponse({"errors": {"": reply.body["message"]}}, status=reply.status)
    if not wants_json(request):
        return redirect("case", wave=request.wave.slug, number=case.number)
    context = {"notes": queries.case_card(case).notes}
    html = render_to_string("cati/interviewer/panel.html#notes", context, request)
    return JsonResponse({"html": html})


def case_context(request: WaveRequest, case: Case) -> dict[str, Any]:
    """Everything that the case card shows, and its call bar."""
    now = clock.now()
    card = queries.case_card(case)
    language = spoken(request, card.interview)
    return {
        **callbar.call_context(card, now, language),
        "now": now,
        "until": closes_at(case.wave.calling_hours, now),
        "why": _why(case),
        # In a call there is no way back: its own outcome comes first.
        "mistaken": None if card.attempt else _mistaken(request, now),
        "phones": _phones(card),
        "next_call": len(card.history) + 1,
        "ask_for": _ask_for(card),
        "history": [_past(call) for call in card.history],
        "quick": [disposition(code) for code in QUICK_CODES],
        "uuid": uuid4(),
        "here": _("Fiche de contact"),
        "saved": _("Fiche réservée pour vous"),
        **callbar.resume_context(card, request.user, language),
    }


@dataclass(frozen=True)
class Line:
    """A number as the card shows it."""

    id: int
    kind: str
    shown: str
    e164: str


def _phones(card: CaseCard) -> list[Line]:
    """The valid numbers; the one of the open call first."""
    dialled = card.attempt.phone_id if card.attempt else None
    ordered = sorted(card.phones, key=lambda phone: phone.pk != dialled)
    return [Line(phone.pk, _kind(phone), display(phone.e164), phone.e164) for phone in ordered]


def _kind(phone: Phone | None) -> str:
    if phone is None:
        return "—"
    return _("Portable") if phone.mobile else _("Fixe")


def _past(call: Attempt) -> dict[str, Any]:
    return {
        "at": call.opened_at,
        "line": _kind(call.phone).lower(),
        "code": call.disposition,
        "label": _(disposition(call.disposition).label) if call.disposition else "",
        "who": call.interviewer.short_name,
    }


def _ask_for(card: CaseCard) -> str:
    if card.appointment and card.appointment.ask_for:
        return card.appointment.ask_for
    return card.contact.name if card.contact else ""


def _why(case: Case) -> str:
    """Why this case comes now, in a sentence."""
    tiers = Case.Tier
    return {
        tiers.PUSHED: _("Votre superviseur a demandé cette fiche en premier."),
        tiers.LINE_CUT: _("La ligne vient d’être coupée : rappelez tout de suite."),
        tiers.APPOINTMENT: _("Cette fiche passe avant toute autre : c’est l’heure du rendez-vous."),
        tiers.BUSY: _("Le numéro était occupé tout à l’heure."),
        tiers.SOFT: _("La personne a dit être joignable vers cette heure."),
        tiers.RETRY: _("Nouvel essai, à un autre moment que le précédent."),
        tiers.FRESH: _("Première prise de contact avec ce foyer."),
    }[tiers(case.tier)]


# ---------------------------------------------------------------------------- outcome


@in_wave(Role.INTERVIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
@on_case
def outcome(request: WaveRequest, case: Case) -> HttpResponseBase:
    """The end of a call: a code, and what it needs."""
    if request.method != "POST":
        check_held(request, case)
        return outcome_page(request, case, None)
    form = OutcomeForm(request.POST)
    now = clock.now()
    given = form.outcome(now) if form.is_valid() else None
    if given is None:
        check_held(request, case)
        return outcome_page(request, case, form.typed())
    epoch = form.cleaned_data["epoch"]
    try:
        reply = outcomes.record_outcome(case.pk, request.user, epoch, given, now)
    except Refused as refusal:
        check_held(request, case)
        typed = form.typed()
        typed.errors = refusal.messages
        return outcome_page(request, case, typed)
    return after_outcome(request, case, reply)


def after_outcome(request: WaveRequest, case: Case, reply: Reply) -> HttpResponseBase:
    if reply.status != 200:
        messages.warning(request, reply.body["message"])
        return redirect("outcome", wave=request.wave.slug, number=case.number)
    facts = {"number": case.number, "label": _(reply.body["label"])}
    messages.success(request, _("Fiche %(number)s : %(label)s, enregistré.") % facts)
    if reply.body["next"] == "redial":
        return redirect("case", wave=request.wave.slug, number=case.number)
    return redirect("interviewer-home", wave=request.wave.slug)


def outcome_page(request: WaveRequest, case: Case, typed: TypedOutcome | None) -> HttpResponse:
    """The outcome screen. An ended interview has its last words here, and its code ready."""
    card = queries.case_card(case)
    language = spoken(request, card.interview)
    ended = callbar.ending(card, language)
    if typed is None:
        typed = TypedOutcome(code=ended.code, ask_for=_ask_for(card))
    chosen = BY_CODE.get(typed.code)
    context = {
        **callbar.call_context(card, clock.now(), language),
        "title": f"{chosen.code} · {_(chosen.label)}" if chosen else "",
        "load": week_load(request.wave, clock.now()),
        "booking": chosen is not None and chosen.may_book,
        "here": _("Fin d’appel"),
        "saved": _("Tout est enregistré"),
        "uuid": uuid4(),
        "groups": _groups(),
        "typed": typed,
        "given": ended.code,
        "closing": ended.text,
        "progress": ended.progress,
        "errors": typed.errors,
        "back": _back(request, case, card),
    }
    status = 422 if typed.errors else 200
    return render(request, "cati/interviewer/outcome.html", context, status=status)


def _groups() -> Sequence[dict[str, Any]]:
    return [
        {
            "label": _(group.value),
            "rows": [
                {
                    "code": row.code,
                    "label": _(row.label),
                    "needs": row.needs.value,
                    "may_book": row.may_book,
                }
                for row in rows
            ],
        }
        for group, rows in on_screen().items()
    ]


def _back(request: WaveRequest, case: Case, card: CaseCard) -> dict[str, str]:
    began = card.interview is not None and card.attempt is not None and card.attempt.interview_id
    name = "interview" if began else "case"
    label = _("Revenir à l’entretien") if began else _("Revenir à la fiche")
    return {"url": reverse(name, args=[request.wave.slug, case.number]), "label": label}
