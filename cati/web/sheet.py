"""An interview opened for reading, and its answers in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from cati.operations.record import AnswerInput
from questionnaire.core.instrument import Check, End, Item, Message, Theme
from questionnaire.core.routing import Effects, labels, render
from questionnaire.models import Interview
from questionnaire.queries import walker_of

# As many of the last answers as the panel has room for.
RECENT = 5

Translated = Item | Theme | Check | End | Message


class Sheet:
    """An interview as it stands, opened once per request: its walker reads texts and routes.

    `spoken` is the language of the conversation; texts that it lacks read as they were written.
    """

    def __init__(self, interview: Interview, spoken: str = "") -> None:
        self.interview = interview
        self.walker = walker_of(interview)
        self.instrument = self.walker.program.instrument
        self.route = self.walker.route()
        self.spoken = spoken or self.instrument.language

    def theme_of(self, key: str) -> Theme:
        return self.instrument.theme_of[key.partition("@")[0]]

    def item(self, key: str) -> Item:
        return self.instrument.item(key)

    def words(self, key: str, text: str) -> str:
        """A text of the item `key`, or of none, its piping filled in."""
        node = self.walker.program.node(key) if key else None
        return render(self.walker, text, node, self.spoken) if text else ""

    def told(self, owner: Translated, field: str) -> str:
        """A text of the instrument in the language of the conversation, its piping still open."""
        own: str = getattr(owner, field)
        return owner.translations.get(self.spoken, {}).get(field, own)

    def short(self, key: str) -> str:
        """What an item is about, in two words."""
        return self.told(self.item(key), "short") or key

    def lines(self, key: str) -> list[str]:
        """The keys of the grid to which an item belongs, in the order in which they are asked."""
        grid = self.item(key).grid
        _code, at, instance = key.partition("@")
        rows = [f"{one.code}{at}{instance}" for one in self.instrument.items if one.grid == grid]
        slots, rank = self.walker.program.slot_of, self.walker.rank
        rows.sort(key=lambda row: slots[row] if rank is None else rank[slots[row]])
        return [row for row in rows if self.walker.on_route(row)]

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
    return {"item": key, "label": sheet.short(key), "shown": said(item, answer, sheet.spoken)}


def said(item: Item, answer: Mapping[str, Any], spoken: str = "fr") -> str:
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
    return f"{', '.join(map(str, codes))} {labels(item, codes, spoken) or ''}"


def answers_by_theme(interview: Interview, spoken: str) -> list[dict[str, Any]]:
    sheet = Sheet(interview, spoken)
    rows = []
    for theme in sheet.instrument.themes:
        keys = [key for key in sheet.answered() if sheet.theme_of(key) is theme]
        if keys:
            answers = [shown(sheet, key) for key in keys]
            title = sheet.told(theme, "title")
            rows.append({"code": theme.code, "title": title, "first": keys[0], "answers": answers})
    return rows


def repair_context(sheet: Sheet, given: AnswerInput, effects: Effects) -> dict[str, Any]:
    """What the dialog says before a correction takes answers off the route."""
    key = f"{given.item}@{given.instance}" if given.instance else given.item
    item = sheet.item(key)
    return {
        "item": key,
        "label": sheet.short(key),
        "before": said(item, sheet.answer(key) or {}, sheet.spoken),
        "after": said(item, given.value, sheet.spoken),
        "parked": [shown(sheet, one) for one in effects.parked],
        "next": effects.next,
        "ends": effects.outcome is not None,
    }
