"""Reads of the cases as the office looks for them: search, filters, one case with all its past."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet

from cati.core.dispositions import BY_CODE
from cati.core.search import plain
from cati.models import (
    Appointment,
    Attempt,
    Case,
    CaseAct,
    CaseInterview,
    Contact,
    Note,
    Opposition,
    Phone,
    Wave,
)

DIGITS = re.compile(r"[\d\s.\-/()+]+")
# Fewer digits are a case's number; these, and more, are part of a telephone's.
LEAST_OF_A_PHONE = 4
MOST_OF_A_CASE = 6


def search_cases(wave: Wave, text: str) -> QuerySet[Case]:
    """The wave's cases that a text may mean: a case's number, part of a telephone's, or a name.

    Accents and capitals are as nothing; every word must be in the name. An empty text means all.
    """
    cases = Case.objects.filter(wave=wave)
    text = text.replace("\0", "").strip()
    if DIGITS.fullmatch(text) and (digits := re.sub(r"\D", "", text)):
        return cases.filter(_numbers(digits))
    for word in plain(text).split():
        cases = cases.filter(contact__search__contains=word)
    return cases


def _numbers(digits: str) -> Q:
    """As a case's number where it is short, as part of a telephone's where it is long enough."""
    means = Q(pk__in=[])
    if len(digits) <= MOST_OF_A_CASE:
        means |= Q(number=int(digits))
    if len(digits) >= LEAST_OF_A_PHONE:
        # « 01 99 … » is kept as « +33199… ».
        phones = Phone.objects.filter(e164__contains=digits.removeprefix("0"))
        # As a set of cases: joined, each case would come once for each of its telephones.
        means |= Q(pk__in=phones.values("case"))
    return means


def found_cases(wave: Wave, asked: Mapping[str, str]) -> QuerySet[Case]:
    """The cases that fit a search `q` and the filters sector, state, outcome and person.

    `person` is the id of whoever holds or owns the case, or has called it.
    """
    cases = search_cases(wave, asked.get("q", ""))
    if sector := asked.get("sector"):
        cases = cases.filter(frame_sector__code=sector)
    match asked.get("state"):
        case "held":
            cases = cases.filter(holder__isnull=False)
        case "waiting":
            cases = cases.filter(replicate__in=_unreleased(wave))
        case Case.State.OPEN | Case.State.CLOSED as state:
            cases = cases.filter(state=state)
    if outcome := asked.get("outcome"):
        cases = cases.filter(disposition="" if outcome == "none" else outcome)
    if (person := asked.get("person", "")).isdecimal():
        called = Attempt.objects.filter(interviewer=int(person[:9])).values("case")
        hers = Q(holder=int(person[:9])) | Q(owner=int(person[:9])) | Q(pk__in=called)
        cases = cases.filter(hers)
    shown = cases.select_related("frame_sector", "holder", "owner", "contact")
    return shown.order_by("number")


def _unreleased(wave: Wave) -> list[int]:
    waiting = wave.replicates.filter(released_at__isnull=True)
    return list(waiting.values_list("number", flat=True))


@dataclass(frozen=True)
class Moment:
    """One thing that happened to a case: when, what, by whom, in what words.

    `kind` is call, note, appointment, interview, act or opposition; `code` is a call's outcome,
    `promised` the time of an appointment.
    """

    at: datetime
    kind: str
    what: str
    who: str = ""
    words: str = ""
    code: str = ""
    promised: datetime | None = None


@dataclass(frozen=True)
class CaseFile:
    """All that is known of a case; `past` is the latest first."""

    case: Case
    contact: Contact | None
    phones: Sequence[Phone]
    waits: bool
    past: Sequence[Moment] = field(default_factory=list)


def case_file(case: Case) -> CaseFile:
    """The case with everything that happened to it. Nine reads."""
    past = [*calls_of(case), *_notes(case), *_appointments(case), *_interviews(case), *_acts(case)]
    phones = list(case.phones.all())
    past += _oppositions(phones)
    return CaseFile(
        case=case,
        contact=Contact.objects.filter(case=case).first(),
        phones=phones,
        waits=case.replicate in _unreleased(case.wave),
        past=sorted(past, key=lambda moment: moment.at, reverse=True),
    )


def calls_of(case: Case) -> list[Moment]:
    """The calls of the case, the latest first."""
    calls = case.calls.select_related("interviewer", "phone")
    return [
        Moment(
            call.opened_at,
            "call",
            BY_CODE[call.disposition].label if call.disposition else "",
            call.interviewer.short_name,
            _length(call),
            call.disposition,
        )
        for call in calls
    ]


def _length(call: Attempt) -> str:
    """« 4:05 », minutes and seconds; '' of a call that goes on."""
    if call.closed_at is None:
        return ""
    seconds = int((call.closed_at - call.opened_at).total_seconds())
    return f"{seconds // 60}:{seconds % 60:02d}"


def _notes(case: Case) -> list[Moment]:
    notes: QuerySet[Note] = case.notes.select_related("author")
    return [Moment(one.at, "note", one.item, one.author.short_name, one.text) for one in notes]


def _appointments(case: Case) -> list[Moment]:
    appointments: QuerySet[Appointment] = case.appointments.select_related("owner", "attempt")
    return [
        Moment(
            one.attempt.opened_at,
            "appointment",
            one.get_state_display(),
            one.owner.short_name if one.owner else "",
            one.ask_for,
            promised=one.at,
        )
        for one in appointments
    ]


def _interviews(case: Case) -> list[Moment]:
    links: QuerySet[CaseInterview] = case.interviews.select_related("interview__version")
    return [
        Moment(
            link.interview.started_at,
            "interview",
            link.interview.outcome,
            words=str(link.interview.version.number),
        )
        for link in links.defer("interview__version__content", "interview__answers")
    ]


def _acts(case: Case) -> list[Moment]:
    acts: QuerySet[CaseAct] = case.acts.select_related("by", "person")
    return [
        Moment(
            act.at,
            "act",
            act.get_kind_display(),
            act.by.short_name,
            " · ".join(filter(None, (act.person.short_name if act.person else "", act.reason))),
        )
        for act in acts
    ]


def _oppositions(phones: Sequence[Phone]) -> list[Moment]:
    keys = [phone.phone_key for phone in phones]
    found = Opposition.objects.filter(phone_key__in=keys).select_related("by")
    # One person asked once, whatever the number of her telephones.
    by_time = {one.at: one for one in found}
    return [
        Moment(at, "opposition", "", one.by.short_name if one.by else "", one.reason)
        for at, one in by_time.items()
    ]
