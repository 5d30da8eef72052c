"""What the interviewer's screens send, parsed: an answer, an outcome, a day and an hour typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _

from cati.core.scheduling import PARIS
from cati.operations.outcome import OutcomeInput
from cati.operations.record import AnswerInput

WEEKDAYS = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
MONTHS = ("janv", "fev", "mars", "avr", "mai", "juin", "juil", "aou", "sept", "oct", "nov", "dec")
_PLAIN = str.maketrans("éèêûôàç", "eeeuoac")


class LeaseForm(forms.Form):
    """What every write on a case carries: the epoch of the lease under which it is made."""

    epoch = forms.IntegerField(min_value=0)


class DialForm(LeaseForm):
    phone = forms.IntegerField()


class NoteForm(LeaseForm):
    uuid = forms.UUIDField()
    text = forms.CharField(required=False, max_length=4000)
    item = forms.CharField(required=False, max_length=40)


class NotAnAnswer(ValueError):
    """What the page sent cannot be read; `fields` names the parts."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


def sent_answer(body: Mapping[str, Any]) -> tuple[int, AnswerInput]:
    """The lease's epoch and one answer, as the page sends them in JSON. Raises NotAnAnswer.

    Every answer comes this way: a form takes ten times as long.
    """
    read, wrong = {}, []
    for name, (parse, absent) in ANSWER.items():
        given = body.get(name)
        try:
            read[name] = parse(given) if given not in (None, "") else absent()
        except (TypeError, ValueError):
            wrong.append(name)
    if wrong:
        raise NotAnAnswer(wrong)
    return read.pop("epoch"), AnswerInput(**read)


def _needed() -> Any:
    raise ValueError


def _count(given: Any) -> int:
    if type(given) is not int or not 0 <= given < 2**31:
        raise ValueError
    return given


def _kind(given: Any) -> str:
    """One that a person may cause."""
    if given not in ("answer", "special", "clear", "confirm", "seen"):
        raise ValueError
    return str(given)


def _code(given: Any, longest: int) -> str:
    if not isinstance(given, str) or len(given) > longest or "\0" in given:
        raise ValueError
    return given


def _object(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise TypeError
    return given


def _moment(given: str) -> datetime:
    moment = datetime.fromisoformat(given)
    if moment.tzinfo is None:
        raise ValueError
    return moment


# {part: (how it is read, what stands for it where it is absent)}
ANSWER: Mapping[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
    "epoch": (_count, _needed),
    "uuid": (UUID, _needed),
    "kind": (_kind, _needed),
    "item": (partial(_code, longest=60), _needed),
    "instance": (partial(_code, longest=40), str),
    "value": (_object, dict),
    "client_at": (_moment, lambda: None),
    "ms_on_screen": (_count, lambda: None),
}


@dataclass
class TypedOutcome:
    """The outcome form as it was typed, so that a refusal gives it back as it was."""

    code: str = ""
    note: str = ""
    day: str = ""
    hour: str = ""
    ask_for: str = ""
    firm: bool = True
    mine: bool = True
    errors: dict[str, str] = field(default_factory=dict)


class OutcomeForm(LeaseForm):
    """The outcome of a call. Day and hour are read only where one of the two is given."""

    uuid = forms.UUIDField()
    code = forms.CharField(required=False, max_length=2)
    note = forms.CharField(required=False, max_length=2000)
    day = forms.CharField(required=False, max_length=40)
    hour = forms.CharField(required=False, max_length=10)
    ask_for = forms.CharField(required=False, max_length=120)
    # Hidden fields of the card's short form are absent: absent means the usual choice.
    firm = forms.CharField(required=False)
    mine = forms.CharField(required=False)

    def typed(self) -> TypedOutcome:
        texts = {
            name: self.data.get(name, "") for name in ("code", "note", "day", "hour", "ask_for")
        }
        return TypedOutcome(
            **texts, firm=self._chosen("firm"), mine=self._chosen("mine"), errors=self.messages()
        )

    def outcome(self, now: datetime) -> OutcomeInput | None:
        """What to record, or None where day or hour cannot be read (`messages` then say so)."""
        cleaned = self.cleaned_data
        at = self._at(now)
        if self.errors:
            return None
        return OutcomeInput(
            uuid=cleaned["uuid"],
            code=cleaned["code"],
            note=cleaned["note"],
            at=at,
            firm=self._chosen("firm"),
            ask_for=cleaned["ask_for"],
            mine=self._chosen("mine"),
        )

    def messages(self) -> dict[str, str]:
        return {name: " ".join(map(str, messages)) for name, messages in self.errors.items()}

    def _chosen(self, name: str) -> bool:
        return bool(self.data.get(name, "1"))

    def _at(self, now: datetime) -> datetime | None:
        typed_day, typed_hour = self.cleaned_data["day"], self.cleaned_data["hour"]
        if not typed_day and not typed_hour:
            return None
        if not typed_hour and (at := read_moment(typed_day, now)):
            return at
        day = read_day(typed_day, now.astimezone(PARIS).date())
        hour = read_hour(typed_hour)
        if day is None:
            self.add_error("day", _("Jour non compris. Écrivez « +1 18h », « jeu » ou « 19/11 »."))
        if hour is None:
            self.add_error("hour", _("Heure non comprise. Écrivez « 18 h 10 » ou « 1810 »."))
        return datetime.combine(day, hour, PARIS) if day and hour else None


def read_moment(text: str, now: datetime) -> datetime | None:
    """« demain 18h », « lun 10h30 », « 19/11 à 9h », « dans 2h », « dans 45 min »; None if none.

    The last word is the hour; an hour that does not exist in the night of March is the one after.
    """
    plain = " ".join(text.lower().replace(" à ", " ").split())
    if found := re.fullmatch(r"dans (\d{1,3}) ?(h|min|mn)(?:eures?|utes?)?(\d{2})?", plain):
        amount, unit, minutes = int(found[1]), found[2], int(found[3] or 0)
        hours = timedelta(hours=amount, minutes=minutes)
        return now + (hours if unit == "h" else timedelta(minutes=amount))
    if found := re.fullmatch(r"(.+?) (\d{1,2} ?[h:.]? ?(?:\d{2})?)", plain):
        day, hour = read_day(found[1], now.astimezone(PARIS).date()), read_hour(found[2])
        if day and hour:
            # Through UTC and back: the wall time that March skips becomes one that exists.
            return datetime.combine(day, hour, PARIS).astimezone(UTC).astimezone(PARIS)
    return None


def read_hour(text: str) -> time | None:
    """« 18 h 10 », « 18h », « 18:10 », « 1810 », « 9 » as a local hour; None if it is none."""
    found = re.fullmatch(
        r"(\d{1,2})\s*(?:[h:.]\s*(\d{2})?)?|(\d{1,2})(\d{2})", text.strip().lower()
    )
    if not found:
        return None
    hour, minute = int(found[1] or found[3]), int(found[2] or found[4] or 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def read_day(text: str, today: date) -> date | None:
    """The day meant on `today`: "+1", "demain", "jeu", "jeudi 19 novembre", "19/11"; None if none.

    A weekday is the next one after today; a date without a year is the next one to come.
    """
    plain = " ".join(text.lower().translate(_PLAIN).replace(".", "").split())
    if plain in {"aujourd'hui", "aujourd’hui", "auj", "+0", "+ 0"}:
        return today
    if plain == "demain":
        return today + timedelta(days=1)
    if found := re.fullmatch(r"\+ ?(\d{1,2})", plain):
        return today + timedelta(days=int(found[1]))
    if found := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", plain):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := re.fullmatch(r"(?:[a-z]+ )?(\d{1,2})(?:er)?[/ -](\w+)(?:[/ -](\d{4}))?", plain):
        month = int(found[2]) if found[2].isdecimal() else _rank(MONTHS, found[2])
        return _dated(int(found[1]), month, found[3], today)
    weekday = _rank(WEEKDAYS, plain)
    if weekday is None:
        return None
    # Ranks count from 1, weekday() from 0; the same weekday means in a week.
    return today + timedelta(days=(weekday - today.weekday() - 2) % 7 + 1)


def _dated(day: int, month: int | None, year: str | None, today: date) -> date | None:
    if month is None:
        return None
    if year:
        return _day(int(year), month, day)
    this_year = _day(today.year, month, day)
    return this_year if this_year and this_year >= today else _day(today.year + 1, month, day)


def _rank(names: Iterable[str], text: str) -> int | None:
    """The rank, from 1, of the name with which `text` begins."""
    return next((rank for rank, name in enumerate(names, 1) if text.startswith(name)), None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
