"""« Fiches » : find a case, read all its past, and act on it with a reason that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cati import clock, queries
from cati.core.dispositions import BY_CODE, BY_NAME, DISPOSITIONS
from cati.core.phones import display
from cati.models import Case, CaseAct, Phone, Role, Sector, User
from cati.operations.errors import Refused
from cati.operations.idempotency import Reply
from cati.operations.steer_cases import Order, steer
from cati.queries import CaseFile, Moment
from cati.queries.schedule import standing
from cati.web.access import WaveRequest, in_wave
from cati.web.lists import listed
from cati.web.schedule import standing_told
from cati.web.unsafe import posted_once

Kind = CaseAct.Kind
STATES: tuple[tuple[str, Promise], ...] = (
    ("open", gettext_lazy("ouverte")),
    ("held", gettext_lazy("chez quelqu’un")),
    ("closed", gettext_lazy("close")),
    ("waiting", gettext_lazy("réplicat à libérer")),
)


@dataclass(frozen=True)
class Act:
    """What may be done to a case: the button, what its page says first, what is said when done."""

    kind: str
    button: Promise
    says: Promise
    done: Promise
    destroys: bool = False


ACTS: dict[str, Act] = {
    act.kind: act
    for act in (
        Act(
            Kind.ASSIGN,
            gettext_lazy("Confier"),
            gettext_lazy(
                "La fiche passe en tête pour cette personne, ou à l’heure du rendez-vous s’il y en"
                " a un. Un quart d’heure plus tard, elle va à la première personne libre."
            ),
            gettext_lazy("Fiche %(number)s confiée."),
        ),
        Act(
            Kind.PUSH,
            gettext_lazy("Mettre en tête"),
            gettext_lazy(
                "La fiche est la prochaine à être appelée, par la première personne libre."
            ),
            gettext_lazy("Fiche %(number)s mise en tête."),
        ),
        Act(
            Kind.TAKE_OVER,
            gettext_lazy("Retirer à qui la tient"),
            gettext_lazy(
                "Son appel en cours est interrompu à l’écran, les réponses enregistrées sont"
                " gardées, et la fiche redevient libre."
            ),
            gettext_lazy("Fiche %(number)s retirée ; elle est libre."),
            destroys=True,
        ),
        Act(
            Kind.CLOSE,
            gettext_lazy("Clore"),
            gettext_lazy(
                "La fiche n’est plus appelée et ses rendez-vous sont annulés. Rien n’est effacé :"
                " vous pourrez la rouvrir."
            ),
            gettext_lazy("Fiche %(number)s close."),
            destroys=True,
        ),
        Act(
            Kind.REOPEN,
            gettext_lazy("Rouvrir"),
            gettext_lazy("La fiche est de nouveau appelée, dès maintenant."),
            gettext_lazy("Fiche %(number)s rouverte."),
        ),
        Act(
            Kind.OPPOSE,
            gettext_lazy("Ne plus appeler"),
            gettext_lazy(
                "Tous les numéros de la fiche passent sur la liste d’opposition, dans toutes les"
                " vagues et sans retour possible. Un appel en cours s’arrête."
            ),
            gettext_lazy("Fiche %(number)s : plus aucun de ses numéros ne sera appelé."),
            destroys=True,
        ),
    )
}


@dataclass(frozen=True)
class Number:
    """A telephone as the page shows it."""

    shown: str
    state: str
    outcome: str
    valid: bool


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The wave's cases, searched and filtered."""
    found = queries.found_cases(request.wave, request.GET.dict())
    context = listed(request, found) | {
        "outcomes": DISPOSITIONS,
        "states": STATES,
        "sectors": request.wave.sectors.exclude(kind=Sector.Kind.GROUP),
        "people": queries.callers_of(request.wave).distinct(),
        "any": request.wave.cases.exists(),
    }
    context["rows"] = [(case, _outcome(case.disposition)) for case in context["page"]]
    return render(request, "cati/supervisor/cases.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def case(request: WaveRequest, number: int) -> HttpResponseBase:
    """One case: who, where it stands, everything that happened, what may be done."""
    now = clock.now()
    file = queries.case_file(_case(request, number))
    context = {
        "standing": standing_told(standing(file.case, None, now), now),
        "file": file,
        "numbers": [_number(phone) for phone in file.phones],
        "outcome": _outcome(file.case.disposition),
        "acts": _possible(file),
        "past": [(moment, _told(moment)) for moment in file.past],
    }
    return render(request, "cati/supervisor/cases_case.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: WaveRequest, number: int, kind: str) -> HttpResponseBase:
    """One act on a case: what it does and the reason first, then the act, once."""
    row = _case(request, number)
    wanted = ACTS.get(kind)
    if wanted is None:
        raise Http404
    people = queries.interviewers_of(request.wave)
    here = resolve_url("supervise-case", wave=request.wave.slug, number=number)
    if request.method != "POST":
        context = {"case": row, "act": wanted, "people": people, "uuid": uuid4(), "back": here}
        return render(request, "cati/supervisor/cases_act.html", context)
    reason, person = request.POST.get("reason", ""), request.POST.get("person", "")

    def do() -> Reply:
        steer(
            row.pk,
            kind,
            Order(reason, request.user, clock.now(), _person(people, person) if person else None),
        )
        return Reply(303, {"to": here, "say": wanted.done % {"number": number}})

    body = {"act": kind, "case": row.pk, "reason": reason, "person": person}
    back = resolve_url("act-on-case", wave=request.wave.slug, number=number, kind=kind)
    return posted_once(request, body, back, do)


def _case(request: WaveRequest, number: int) -> Case:
    cases = Case.objects.select_related("wave", "frame_sector", "holder", "owner", "source")
    return get_object_or_404(cases, wave=request.wave, number=number)


def _person(people: Any, number: str) -> User:
    found: User | None = people.filter(pk=int(number)).first() if number.isdecimal() else None
    if found is None:
        raise Refused({"person": _("Choisissez un enquêteur de la vague.")})
    return found


def _possible(file: CaseFile) -> list[Act]:
    """The acts that this case admits now; the operation checks again."""
    case = file.case
    callable_ = any(phone.state == Phone.State.VALID for phone in file.phones)
    admitted = {Kind.OPPOSE} if callable_ else set()
    if case.state == Case.State.OPEN:
        admitted.add(Kind.CLOSE)
        if case.holder_id:
            admitted.add(Kind.TAKE_OVER)
        elif callable_ and not file.waits:
            admitted |= {Kind.ASSIGN, Kind.PUSH}
    elif callable_ and case.disposition != "10":
        admitted.add(Kind.REOPEN)
    return [act for act in ACTS.values() if act.kind in admitted]


def _number(phone: Phone) -> Number:
    return Number(
        shown=display(phone.e164) if phone.e164 else _("effacé"),
        state=str(phone.get_state_display()),
        outcome=_outcome(phone.disposition),
        valid=phone.state == Phone.State.VALID,
    )


def _outcome(code: str) -> str:
    return _(BY_CODE[code].label) if code in BY_CODE else ""


def _ended(outcome: str) -> str:
    """How an interview was left: its outcome is a code, a code's name, or one word."""
    known = BY_CODE.get(outcome) or BY_NAME.get(outcome)
    if known:
        return _(known.label)
    return {"": _("en cours"), "complete": _("complet")}.get(outcome, outcome)


def _told(moment: Moment) -> str:
    """What happened, in words: « 32 Ne répond pas », « Rendez-vous, tenu »."""
    match moment.kind:
        case "call":
            return f"{moment.code} {_(moment.what)}" if moment.code else _("sans issue")
        case "interview":
            version = _("version %(number)s") % {"number": moment.words}
            return f"{_ended(moment.what)}, {version}"
    return str(moment.what)
