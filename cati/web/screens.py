"""One question as its screen draws it: registers, codes, specials, what stands in the panel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cati import queries
from cati.models import Case
from cati.web.callbar import need
from cati.web.sheet import RECENT, Sheet, said, shown
from questionnaire.core.instrument import Item
from questionnaire.core.pace import seconds_left
from questionnaire.core.routing import Failure, shown_choices
from questionnaire.core.text import typeset
from questionnaire.models import Interview
from questionnaire.queries import keep_warm

# How a type of item is answered on the screen.
MODES = {
    "single": "one",
    "scale": "one",
    "consent": "one",
    "multiple": "many",
    "integer": "number",
    "decimal": "decimal",
    "text": "text",
    "address": "line",
    "info": "info",
}
# More codes than this are a list to choose from, and are not read one by one.
READ_ALOUD = 7
# In a list with codes of two digits, letters look for a label.
SEARCHED = 9

SPECIAL_KEYS = {"dk": ("N", "F2"), "refused": ("R", "F4"), "na": ("C", "F8")}


@dataclass(frozen=True)
class ChoiceRow:
    code: str
    label: str
    exclusive: bool
    other: bool
    chosen: bool
    other_text: str


@dataclass(frozen=True)
class SpecialRow:
    name: str
    letter: str
    function_key: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Failing:
    """A check that the answer on the screen does not pass; a soft one may be confirmed as it is."""

    message: str
    hard: bool


@dataclass(frozen=True)
class Line:
    """A row of a grid: `said` is its answer in words, '' where it has none yet."""

    text: str
    said: str
    here: bool


@dataclass(frozen=True)
class Asked:
    """What is read and how it is answered, wherever the question stands in the interview.

    `lang` is the language of what is read, '' where it is that of the page.
    """

    text: str
    register: str
    register_label: str
    mode: str
    lang: str
    box_label: str
    max_length: int
    words: str
    range: str
    intro: str
    stem: str
    probes: tuple[str, ...]
    instructions: tuple[str, ...]
    failures: tuple[Failing, ...]
    choices: tuple[ChoiceRow, ...]
    specials: tuple[SpecialRow, ...]
    lines: tuple[Line, ...]

    @property
    def box(self) -> str:
        """The kind of input that a choice is."""
        return "checkbox" if self.mode == "many" else "radio"

    @property
    def line(self) -> int:
        """The place of the line on screen among those of its grid, from 1; 0 outside a grid."""
        return next((place for place, line in enumerate(self.lines, 1) if line.here), 0)


@dataclass(frozen=True)
class Screen:
    """One question, ready to be drawn.

    `stored` is its answer as JSON, '' where it has none; `unread`: it came back on the route and
    counts only once confirmed; `to_confirm`: Enter on the same answer confirms it. `left`: minutes
    to expect.
    """

    asked: Asked
    item: str
    instance: str
    store: str
    rank: int
    total: int
    minutes: int
    left: int
    spoken: str
    grid: str
    searched: bool
    previous: str
    following: str
    empty: str
    stored: str
    unread: bool
    to_confirm: bool
    max_choices: int

    @property
    def place(self) -> str:
        """Where in its theme and grid it stands."""
        words = _("question %(rank)s sur %(total)s du thème")
        place = words % {"rank": self.rank, "total": self.total}
        grid = _("Grille %(grid)s,") % {"grid": self.grid} if self.grid else ""
        return f"{grid} {place}".strip()

    @property
    def time(self) -> str:
        words = _("%(minutes)s min écoulées, encore %(left)s min environ")
        return words % {"minutes": self.minutes, "left": self.left}

    @property
    def drawn(self) -> SafeString:
        """The part that is the same for everybody who is asked it; what was typed is not kept."""
        part, language = "question.html#asked", translation.get_language()
        if self.asked.words:
            return _draw(part, language, asked=self.asked)
        return _keep(part, language, asked=self.asked)


def _draw(part: str, language: str, **context: Any) -> SafeString:
    """A part of the page; `language` is the one that the page is in."""
    return SafeString(render_to_string(f"cati/interviewer/{part}", context))


# A questionnaire in two languages, each question as it is mostly asked; about 3 kB each. A third of
# the time of an answer goes into drawing the next question, where it is not kept.
_keep = lru_cache(maxsize=1000)(_draw)


def question_context(
    case: Case,
    interview: Interview | None,
    now: datetime,
    key: str | None = None,
    *,
    spoken: str = "",
    after: str = "",
    beside: queries.Beside | None = None,
) -> dict[str, Any] | None:
    """The screen of the item `key`, of the next one without it; None where it is not asked.

    `after` is the item from which the page comes: within its theme, the strip stays as it is.
    `beside` is read where it is not given.
    """
    if interview is None:
        return None
    sheet = Sheet(interview, spoken)
    key = key or sheet.route.next
    if key is None or key not in sheet.route.asked:
        return None
    beside = beside or queries.beside(case, interview)
    began = beside.opened_at or interview.started_at
    minutes = max(int((now - began).total_seconds() // 60), 0)
    before = sheet.route.asked[: sheet.route.asked.index(key)]
    recent = [one for one in before if sheet.answer(one)][-RECENT:]
    kept = queries.kept_with_contact(case) if sheet.item(key).store == "contact" else {}
    moved = not after or sheet.theme_of(after) is not sheet.theme_of(key)
    context = {
        "screen": screen(sheet, key, minutes, kept),
        "themes": themes(sheet, key) if moved else [],
        "recent": [shown(sheet, one) for one in recent],
        "need_drawn": _keep("panel.html#need", translation.get_language(), need=need(beside)),
    }
    keep_warm(interview, sheet.walker)
    return context


def screen(sheet: Sheet, key: str, minutes: int, kept: Mapping[str, Any]) -> Screen:
    item = sheet.item(key)
    code, _at, instance = key.partition("@")
    route = sheet.route.asked
    place = route.index(key)
    siblings = sheet.instrument.codes_by_theme[sheet.theme_of(key).code]
    asked = _asked(sheet, key, _proposed(sheet, key, kept))
    return Screen(
        asked=asked,
        item=code,
        instance=instance,
        store=item.store,
        rank=siblings.index(code) + 1,
        total=len(siblings),
        minutes=minutes,
        left=max(round(seconds_left(sheet.walker.program)[code] / 60), 1),
        spoken=sheet.spoken,
        grid=item.grid,
        searched=_searched(item),
        previous=route[place - 1] if place else "",
        following=route[place + 1] if place + 1 < len(route) else "",
        empty=sheet.route.next or "",
        stored=_stored(sheet, key, kept),
        unread=key in sheet.route.to_confirm,
        to_confirm=key in sheet.route.to_confirm or any(not one.hard for one in asked.failures),
        max_choices=item.max,
    )


def _asked(sheet: Sheet, key: str, value: Mapping[str, Any]) -> Asked:
    item = sheet.item(key)
    return Asked(
        text=sheet.words(key, sheet.told(item, "text")),
        register="aloud" if item.read else "never",
        register_label=_register(item),
        mode=MODES[item.type],
        lang="" if sheet.spoken == translation.get_language() else sheet.spoken,
        box_label=_box_label(item),
        max_length=item.max_length,
        words=str(value.get("v", "")) if MODES[item.type] in {"text", "line"} else "",
        range=_range(sheet, key),
        intro=_intro(sheet, key),
        stem=sheet.words(key, sheet.told(item, "stem")),
        probes=tuple(sheet.words(key, probe) for probe in item.probes),
        instructions=tuple(_instructions(sheet, key)),
        failures=tuple(_failures(sheet, key)),
        choices=tuple(_choices(sheet, key, value)),
        specials=tuple(_specials(item, value, sheet.spoken)),
        lines=tuple(_lines(sheet, key)) if item.grid else (),
    )


def _searched(item: Item) -> bool:
    return len(item.choices) > SEARCHED


def _lines(sheet: Sheet, key: str) -> list[Line]:
    """The rows of the grid of an item, in the order in which they are asked."""
    return [
        Line(
            sheet.words(row, sheet.told(sheet.item(row), "text")),
            said(sheet.item(row), answer, sheet.spoken) if (answer := sheet.answer(row)) else "",
            here=row == key,
        )
        for row in sheet.lines(key)
    ]


def _stored(sheet: Sheet, key: str, kept: Mapping[str, Any]) -> str:
    """The answer as the page sends it, so that the page knows whether it has been changed."""
    answer = sheet.answer(key)
    if answer is None:
        return ""
    if answer.get("given"):
        answer = {"v": kept.get(key, "")}
    return json.dumps({name: part for name, part in answer.items() if name != "mentions"})


def _proposed(sheet: Sheet, key: str, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands on the screen: the answer, what is kept with the contact, or a prefill."""
    answer = sheet.answer(key)
    if answer is None:
        proposed = sheet.walker.prefill(key)
        return {"v": proposed} if isinstance(proposed, int | float | str) else {}
    return {"v": kept.get(key, "")} if answer.get("given") else answer


def _register(item: Item) -> str:
    if not item.read:
        return _("Pour vous, ne pas lire")
    if item.type == "multiple":
        return _("À lire, puis chaque réponse")
    count = len(item.choices)
    if item.type == "scale" or (item.type == "single" and 2 < count <= READ_ALOUD):
        return _("À lire, puis les %(count)s réponses") % {"count": count}
    return _("À lire")


def _box_label(item: Item) -> str:
    if item.choices:
        return _("Code")
    return _("Nombre") if item.type in {"integer", "decimal"} else _("Réponse")


def _range(sheet: Sheet, key: str) -> str:
    low, high = sheet.walker.bounds(key)
    if low is None or high is None:
        return ""
    return _("Entre %(low)s et %(high)s.") % {"low": low, "high": high}


def _intro(sheet: Sheet, key: str) -> str:
    """A theme's introduction is read before the first of its items that is asked."""
    theme = sheet.theme_of(key)
    first = next(one for one in sheet.route.asked if sheet.theme_of(one) is theme)
    return sheet.words(key, sheet.told(theme, "intro")) if key == first else ""


def _instructions(sheet: Sheet, key: str) -> list[str]:
    item = sheet.item(key)
    own = [sheet.words(key, sheet.told(item, "instruction"))] if item.instruction else []
    if item.type == "multiple":
        own.append(_("Plusieurs réponses possibles : un chiffre coche, le même chiffre décoche."))
    return own


def _failures(sheet: Sheet, key: str) -> list[Failing]:
    route = sheet.route
    return [
        Failing(_reason(sheet, failure), hard)
        for failures, hard in ((route.hard_failures, True), (route.soft_failures, False))
        for failure in failures
        if failure.key == key
    ]


def _reason(sheet: Sheet, failure: Failure) -> str:
    """What a check asks to clear up with the respondent, in her language."""
    check = next(one for one in sheet.item(failure.key).checks if one.name == failure.check)
    return sheet.words(failure.key, sheet.told(check, "message"))


def _choices(sheet: Sheet, key: str, value: Mapping[str, Any]) -> list[ChoiceRow]:
    item = sheet.item(key)
    given = value.get("v")
    chosen = given if isinstance(given, list) else [given]
    rows = []
    for code in shown_choices(sheet.walker, item):
        choice = item.choice(code)
        assert choice is not None
        told = value.get("other", {}).get(str(code), "")
        rows.append(
            ChoiceRow(
                str(code),
                typeset(choice.translations.get(sheet.spoken, choice.label), sheet.spoken),
                choice.exclusive,
                choice.other,
                chosen=code in chosen,
                other_text=told,
            )
        )
    return rows


def _specials(item: Item, value: Mapping[str, Any], spoken: str) -> list[SpecialRow]:
    names = special_labels(spoken)
    # Where letters write or look for a label, the function keys alone mark these.
    typed = MODES[item.type] in {"text", "line"} or _searched(item)
    return [
        SpecialRow(
            name,
            letter="" if typed else SPECIAL_KEYS[name][0],
            function_key=SPECIAL_KEYS[name][1],
            label=names[name],
            chosen=value.get("special") == name,
        )
        for name in SPECIAL_KEYS
        if name in item.specials
    ]


@cache
def special_labels(language: str) -> dict[str, str]:
    """What each special answer is called, in the language of the talk."""
    with translation.override(language):
        return {
            "dk": _("Ne se prononce pas"),
            "refused": _("Refuse de répondre"),
            "na": _("Non concerné(e)"),
        }


def themes(sheet: Sheet, key: str) -> list[dict[str, str]]:
    """The themes in their order: done, here, to come."""
    here = sheet.instrument.themes.index(sheet.theme_of(key))
    states = [
        "done" if place < here else "to-come" for place in range(len(sheet.instrument.themes))
    ]
    states[here] = "here"
    return [
        {"code": theme.code, "title": sheet.told(theme, "title"), "state": state}
        for theme, state in zip(sheet.instrument.themes, states, strict=True)
    ]
