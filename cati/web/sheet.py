"""An interview opened for reading, and its answers in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from cati.operations.record import AnswerInput
from questionnaire.core.instrument import Item, Theme
from questionnaire.core.routing import Effects, labels, render
from questionnaire.models import Interview
from questionnaire.queries import walker_of

# As many of the last answers as the panel has room for.
RECENT = 5


class Sheet:
    """An interview as it stands, opened once per request: its walker reads texts and routes."""

    def __init__(self, interview: Interview) -> None:
        self.interview = interview
        self.walker = walker_of(interview)
        self.instrument = self.walker.program.instrument
        self.route = self.walker.route()

    def theme_of(self, key: str) -> Theme:
        return self.instrument.theme_of[key.partition("@")[0]]

    def item(self, key: str) -> Item:
        return self.instrument.item(key)

    def words(self, key: str, text: str) -> str:
        return render(self.walker, text, self.walker.program.node(key)) if text else ""

    def answer(self, key: str) -> Mapping[str, Any] | None:
        return self.walker.state.answers.get(key)

    def answered(self) -> list[str]:
        """The keys on the route that have an answer, in order."""
        return [key for key in self.route.asked if self.answer(key) is not None]

    def kept(self) -> list[str]:
        """The keys of every answer, in order, those included that wait to be asked again."""
        return sorted(self.walker.state.answers, key=self.walker.program.slot_of.__getitem__)


def shown(sheet: Sheet, key: str) -> dict[str, str]:
    """One line of the answers: the key, what the item is about, what was said."""
    item = sheet.item(key)
    answer = sheet.answer(key) or {}
    return {"item": key, "label": item.short or key, "shown": said(item, answer)}


def said(item: Item, answer: Mapping[str, Any]) -> str:
    """An answer in a few words: « 2 HLM », « 1, 7 », « NSP »."""
    if special := answer.get("special"):
        return {"dk": _("NSP"), "refused": _("Refus"), "na": _("Non concerné(e)")}[special]
    if answer.get("given"):
        return _("gardé à part")
    if answer.get("seen"):
        return _("lu")
    value = answer.get("v", "")
    if not item.choices:
        return str(value)
    codes = value if isinstance(value, list) else [value]
    return f"{', '.join(map(str, codes))} {labels(item, codes) or ''}"


def answers_by_theme(interview: Interview) -> list[dict[str, Any]]:
    sheet = Sheet(interview)
    rows = []
    for theme in sheet.instrument.themes:
        keys = [key for key in sheet.answered() if sheet.theme_of(key) is theme]
        if keys:
            answers = [shown(sheet, key) for key in keys]
            rows.append(
                {"code": theme.code, "title": theme.title, "first": keys[0], "answers": answers}
            )
    return rows


def repair_context(interview: Interview, given: AnswerInput, effects: Effects) -> dict[str, Any]:
    """What the dialog says before a correction takes answers off the route."""
    sheet = Sheet(interview)
    key = f"{given.item}@{given.instance}" if given.instance else given.item
    item = sheet.item(key)
    return {
        "item": key,
        "label": item.short or sheet.words(key, item.text),
        "before": said(item, sheet.answer(key) or {}),
        "after": said(item, given.value),
        "parked": [shown(sheet, one) for one in effects.parked],
        "next": effects.next,
        "ends": effects.outcome is not None,
    }
