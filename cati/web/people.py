"""« Accès » : who works in the wave, in which role, with which skills; accounts and passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from cati import clock, queries
from cati.models import Membership, Role, User
from cati.operations import people
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply, once
from cati.operations.people import Profile
from cati.web.access import WaveRequest, in_wave
from cati.web.lists import listed
from cati.web.unsafe import form_uuid, posted_once

LANGUAGES: dict[str, Promise] = {
    "en": gettext_lazy("anglais"),
    "ar": gettext_lazy("arabe"),
    "tr": gettext_lazy("turc"),
    "pt": gettext_lazy("portugais"),
    "es": gettext_lazy("espagnol"),
    "it": gettext_lazy("italien"),
    "de": gettext_lazy("allemand"),
    "pl": gettext_lazy("polonais"),
    "ro": gettext_lazy("roumain"),
    "ru": gettext_lazy("russe"),
    "uk": gettext_lazy("ukrainien"),
    "zh": gettext_lazy("chinois"),
}


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: WaveRequest) -> HttpResponseBase:
    """Everybody of the wave; posted, one more account, whose password is shown once."""
    if request.method == "POST":
        return _create(request)
    return _list(request)


@in_wave(Role.ADMIN)
@require_POST
def add(request: WaveRequest) -> HttpResponseBase:
    """Give a role in the wave to somebody who has an account already."""
    here = resolve_url("people", wave=request.wave.slug)
    known, role = request.POST.get("known", ""), request.POST.get("role", "")

    def act() -> Reply:
        person = people.add_to_wave(request.wave, known, role, request.user)
        return Reply(303, {"to": here, "say": _("%(name)s est dans la vague.") % _named(person)})

    return posted_once(request, {"add": known, "role": role}, here, act)


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: WaveRequest, person: int) -> HttpResponseBase:
    """One person; posted, her name, skills and role."""
    membership = _membership(request, person)
    here = resolve_url("person", wave=request.wave.slug, person=person)
    if request.method != "POST":
        return render(request, "cati/admin/people_person.html", _context(request, membership))
    profile, role = _profile(request), request.POST.get("role", "")

    def act() -> Reply:
        people.set_profile(membership.user, profile, request.user)
        if role != (membership.role if membership.active else ""):
            people.set_role(request.wave, membership.user, role, request.user)
        return Reply(303, {"to": here, "say": _("Enregistré.")})

    body = {"person": person, "role": role, "profile": vars(profile)}
    return posted_once(request, body, here, act)


@in_wave(Role.ADMIN)
@require_POST
def reset_password(request: WaveRequest, person: int) -> HttpResponseBase:
    """A new password, shown on the page that answers and nowhere else."""
    membership = _membership(request, person)
    here = resolve_url("person", wave=request.wave.slug, person=person)

    def make() -> tuple[User, str]:
        return membership.user, people.reset_password(membership.user, request.user)

    return _with_password(request, {"reset": person}, here, make)


@in_wave(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def shut(request: WaveRequest, person: int) -> HttpResponseBase:
    """Deactivate an account, once asked; or open it again."""
    membership = _membership(request, person)
    user, here = membership.user, resolve_url("person", wave=request.wave.slug, person=person)
    if request.method != "POST":
        context = {
            "title": _("Désactiver le compte de %(name)s ?") % _named(user),
            "text": _(
                "Ses sessions s’arrêtent aussitôt, sur tous ses postes, et la fiche qui serait en"
                " main est rendue. Ses appels et ses entretiens restent à son nom."
            ),
            "act": _("Désactiver le compte"),
            "stay": _("Garder le compte actif"),
            "back": here,
            "uuid": uuid4(),
        }
        return render(request, "cati/confirm.html", context)

    def act() -> Reply:
        if "activate" in request.POST:
            people.activate(user, request.user)
            return Reply(303, {"to": here, "say": _("Compte de %(name)s actif.") % _named(user)})
        people.deactivate(user, request.user, clock.now())
        return Reply(303, {"to": here, "say": _("Compte de %(name)s désactivé.") % _named(user)})

    return posted_once(request, {"shut": person, "on": "activate" in request.POST}, here, act)


def _create(request: WaveRequest) -> HttpResponseBase:
    username, role = request.POST.get("username", ""), request.POST.get("role", "")
    profile = _profile(request)

    def make() -> tuple[User, str]:
        return people.create_account(request.wave, username, profile, role, clock.now())

    body = {"create": username, "role": role, "profile": vars(profile)}
    return _with_password(request, body, resolve_url("people", wave=request.wave.slug), make)


def _with_password(
    request: WaveRequest, body: dict[str, Any], back: str, make: Callable[[], tuple[User, str]]
) -> HttpResponseBase:
    """Do it once, and show the password in the reply itself: no table and no session keeps it."""
    uuid = form_uuid(request)
    if uuid is None:
        return HttpResponse(_("Rechargez la page, puis recommencez."), status=400)
    made: list[tuple[User, str]] = []

    def act() -> Reply:
        made.append(make())
        return Reply(200, {})

    try:
        reply = once(uuid, request.user, body | {"wave": request.wave.pk}, clock.now(), act)
    except Refused as refusal:
        messages.error(request, " ".join(refusal.messages.values()))
        return redirect(back)
    if reply.status == 409:
        return HttpResponse(reply.body["message"], status=409, content_type="text/plain")
    if not made:
        again = _("C’est déjà fait, et le mot de passe ne se montre qu’une fois. Refaites-en un.")
        messages.warning(request, again)
        return redirect(back)
    user, password = made[0]
    context = {"person": user, "password": password, "back": back}
    return render(request, "cati/admin/people_password.html", context)


def _list(request: WaveRequest) -> HttpResponseBase:
    asked, role = request.GET.get("q", ""), request.GET.get("role", "")
    context = listed(request, queries.people_of(request.wave, asked, role)) | {
        "roles": Role.choices,
        "languages": LANGUAGES.items(),
        "uuid": uuid4(),
    }
    context["rows"] = [(one, _skills(one.user)) for one in context["page"]]
    return render(request, "cati/admin/people.html", context)


def _context(request: WaveRequest, membership: Membership) -> dict[str, Any]:
    elsewhere = Membership.objects.filter(user=membership.user, active=True)
    return {
        "one": membership,
        "person": membership.user,
        "roles": Role.choices,
        "languages": [
            (code, label, code in membership.user.languages) for code, label in LANGUAGES.items()
        ],
        "elsewhere": elsewhere.exclude(wave=request.wave).select_related("wave"),
        "own": membership.user_id == request.user.pk,
        "uuid": uuid4(),
    }


def _membership(request: WaveRequest, person: int) -> Membership:
    """A person of this wave; nobody else's account can be reached from here."""
    people = Membership.objects.select_related("user")
    return get_object_or_404(people, wave=request.wave, user=person)


def _profile(request: WaveRequest) -> Profile:
    posted = request.POST
    return Profile(
        first_name=posted.get("first_name", ""),
        last_name=posted.get("last_name", ""),
        languages=sorted(posted.getlist("languages")),
        converts_refusals="converts_refusals" in posted,
    )


def _skills(user: User) -> list[str]:
    known = [str(LANGUAGES[code]) for code in user.languages if code in LANGUAGES]
    return [*known, _("reprise des refus")] if user.converts_refusals else known


def _named(user: User) -> dict[str, str]:
    return {"name": user.get_full_name() or user.username}
