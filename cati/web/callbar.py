"""What stands around a call: its bar, the panel, where an interview resumes and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext as _

from cati import queries
from cati.core.dispositions import BY_CODE, named
from cati.models import User
from cati.queries import Beside, CaseCard
from cati.web.sheet import RECENT, Sheet, shown
from questionnaire.core.routing import COMPLETE, State, Walker, labels, render
from questionnaire.queries import program_by_id

COMPLETE_CODE = "10"
# What an instrument calls the words that end a complete interview.
CLOSING = "FIN_OK"


def call_context(card: CaseCard, now: datetime, spoken: str = "") -> dict[str, Any]:
    """The call bar and the panel, on every screen of a case, in the language of the talk."""
    sheet = Sheet(card.interview, spoken) if card.interview else None
    return {
        "case": card.case,
        "card": card,
        "call": _call(card, now),
        "person": _person(sheet) if sheet else "",
        "need": need(queries.beside(card.case, card.interview)),
        "notes": card.notes,
        "note_uuid": uuid4(),
        "replies": _replies(card, sheet),
    }


@dataclass(frozen=True)
class Need:
    """What the sector still misses, with its bar."""

    sector: str
    counted: int
    target: int
    missing: int
    percent: int


def need(beside: Beside) -> Need | None:
    """None where the sector has no target."""
    if not beside.label:
        return None
    percent = min(100 * beside.counted // max(beside.target, 1), 100)
    return Need(beside.label, beside.counted, beside.target, beside.missing, percent)


def _call(card: CaseCard, now: datetime) -> dict[str, Any] | None:
    if card.attempt is None:
        return None
    seconds = max(int((now - card.attempt.opened_at).total_seconds()), 0)
    return {"seconds": seconds, "clock": f"{seconds // 60}:{seconds % 60:02d}"}


def _person(sheet: Sheet) -> str:
    """« Femme », once it is known."""
    sex = sheet.walker.state.roles.get("sex")
    if sex is None:
        return ""
    return labels(sheet.item(sheet.instrument.roles["sex"]), sex, sheet.spoken) or ""


def _replies(card: CaseCard, sheet: Sheet | None) -> list[dict[str, str]]:
    """What to answer when somebody hesitates; before an interview, as the wave words it."""
    if sheet is not None:
        return [
            {field: sheet.words("", sheet.told(reply, field)) for field in ("when", "text")}
            for reply in sheet.instrument.replies
        ]
    wave = card.case.wave
    if wave.version_id is None:
        return []
    program = program_by_id(wave.version_id)
    walker = Walker(program, State(inputs=dict(wave.parameters)))
    return [
        {"when": render(walker, reply.when), "text": render(walker, reply.text)}
        for reply in program.instrument.replies
    ]


def resume_context(card: CaseCard, user: User, spoken: str = "") -> dict[str, Any]:
    """Where a suspended interview goes on, the last answers, and what to say first."""
    if card.interview is None:
        return {"resumes_at": "", "recent": [], "introduction": ""}
    sheet = Sheet(card.interview, spoken)
    words = _(
        "Bonjour, je suis %(name)s. Nous avions commencé l’enquête Allô Quartiers, "
        "et je vous rappelle pour la terminer."
    )
    return {
        "resumes_at": sheet.route.next or "",
        "recent": [shown(sheet, key) for key in sheet.kept()[-RECENT:]],
        "introduction": words % {"name": user.first_name or user.username},
    }


@dataclass(frozen=True)
class Ending:
    """How an interview stands when its call ends: `code` and `text` once it has reached an end."""

    code: str = ""
    text: str = ""
    progress: str = ""


def ending(card: CaseCard, spoken: str = "") -> Ending:
    """The outcome that the interview itself reached during this call, with what to read aloud."""
    if card.interview is None or card.attempt is None or card.attempt.interview_id is None:
        return Ending()
    sheet = Sheet(card.interview, spoken)
    if sheet.route.outcome is None:
        facts = {"item": sheet.route.next or "", "count": len(sheet.answered())}
        words = _("L’entretien reprendra à %(item)s. %(count)s réponses sont enregistrées.")
        return Ending(progress=words % facts)
    return Ending(code=_code(sheet.route.outcome), text=_closing(sheet))


def _code(outcome: str) -> str:
    """The typed code of what an instrument calls its end: a code itself, or a name ("QUOTA")."""
    if outcome == COMPLETE:
        return COMPLETE_CODE
    return outcome if outcome in BY_CODE else named(outcome).code


def _closing(sheet: Sheet) -> str:
    """What is read aloud at the end that was reached: its own words, or those of a complete one."""
    last = sheet.route.end or sheet.instrument.message(CLOSING)
    return sheet.words("", sheet.told(last, "text")) if last else ""
