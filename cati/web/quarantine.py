"""« Réponses en quarantaine » : what stale holders typed, beside what stands; one word on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.http import Http404, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cati import clock, queries
from cati.models import Case, LateAnswer, Role, User
from cati.operations import quarantine
from cati.operations.idempotency import Reply
from cati.queries.quarantine import Late
from cati.web.access import WaveRequest, in_wave
from cati.web.sheet import said
from cati.web.unsafe import posted_once


@dataclass(frozen=True)
class Decision:
    """What may be done with a late answer: the operation, its button, what is said when done."""

    do: Callable[[UUID, User, datetime], None]
    asks: Promise
    says: Promise
    button: Promise
    done: Promise


DECISIONS = {
    "accepter": Decision(
        quarantine.accept,
        gettext_lazy("Enregistrer la réponse à %(item)s ?"),
        gettext_lazy(
            "Fiche %(number)s, %(item)s : « %(late)s » prendra la place de « %(present)s ». La"
            " valeur remplacée reste dans le journal."
        ),
        gettext_lazy("Enregistrer la réponse"),
        gettext_lazy("Réponse à %(item)s enregistrée dans la fiche %(number)s."),
    ),
    "ecarter": Decision(
        quarantine.discard,
        gettext_lazy("Écarter la réponse à %(item)s ?"),
        gettext_lazy(
            "Fiche %(number)s, %(item)s : « %(present)s » reste, « %(late)s » est écarté."
        ),
        gettext_lazy("Écarter la réponse"),
        gettext_lazy("Réponse à %(item)s écartée de la fiche %(number)s."),
    ),
}


NOTE_DECISIONS = {
    "accepter": Decision(
        quarantine.accept,
        gettext_lazy("Enregistrer la note ?"),
        gettext_lazy("Fiche %(number)s : « %(late)s » sera parmi les notes de la fiche."),
        gettext_lazy("Enregistrer la note"),
        gettext_lazy("Note enregistrée dans la fiche %(number)s."),
    ),
    "ecarter": Decision(
        quarantine.discard,
        gettext_lazy("Écarter la note ?"),
        gettext_lazy("Fiche %(number)s : « %(late)s » est écarté."),
        gettext_lazy("Écarter la note"),
        gettext_lazy("Note écartée de la fiche %(number)s."),
    ),
}


@dataclass(frozen=True)
class Row:
    """One late answer in words; `same`: the interview says the same already."""

    row: LateAnswer
    name: str
    label: str
    late: str
    present: str
    same: bool


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The wave's late answers by case."""
    cases: list[tuple[Case, list[Row]]] = [
        (one.case, [_row(late) for late in one.answers])
        for one in queries.quarantine_of(request.wave)
    ]
    context = {"cases": cases, "count": sum(len(rows) for _case, rows in cases)}
    return render(request, "cati/supervisor/quarantine.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: WaveRequest, late: UUID, act: str) -> HttpResponseBase:
    """Both values and what would happen first; then the decision, once."""
    found = queries.late_answer(request.wave, late)
    if found is None or act not in DECISIONS:
        raise Http404
    note = found.row.kind == LateAnswer.NOTE
    decision = (NOTE_DECISIONS if note else DECISIONS)[act]
    here = resolve_url("quarantine", wave=request.wave.slug)
    row = _row(found)
    words = {
        "number": row.row.case.number,
        "item": row.name,
        "late": row.late,
        "present": row.present,
    }
    if request.method != "POST":
        context = {
            "title": decision.asks % words,
            "text": decision.says % words,
            "act": decision.button,
            "stay": _("Décider plus tard"),
            "back": here,
            "uuid": uuid4(),
        }
        return render(request, "cati/confirm.html", context)

    def do() -> Reply:
        decision.do(late, request.user, clock.now())
        return Reply(303, {"to": here, "say": decision.done % words})

    return posted_once(request, {"late": str(late), "act": act}, here, do)


def _row(late: Late) -> Row:
    item, given = late.item, late.row.value
    if late.row.kind == LateAnswer.NOTE:
        return Row(late.row, _("Note"), late.row.item, given.get("text", ""), "", same=False)
    if item is None:
        return Row(
            late.row, late.row.key, "", str(given.get("v", "")), _("sans réponse"), same=False
        )
    present = said(item, late.present) if late.present else _("sans réponse")
    words = _("confirmation") if late.row.kind == "confirm" and not given else said(item, given)
    return Row(
        late.row,
        late.row.key,
        item.short or item.text,
        words.strip() or _("effacer la réponse"),
        present.strip(),
        same=late.present == given,
    )
