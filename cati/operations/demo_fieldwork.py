"""The fieldwork of the demo up to now: about two thirds of it, written in bulk as if played.

Journals run through the fold that records an interview, outcomes through the table that decides
them; only the order and the hours are invented, spread over the working days before now.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from heapq import heapify, heapreplace
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from cati.core.dispositions import after_outcome
from cati.core.encounters import COMPLETE, NOBODY, Fate, Sampling, Script, scripts
from cati.core.scheduling import PARIS
from cati.models import (
    Appointment,
    Attempt,
    Case,
    CaseInterview,
    Contact,
    Note,
    Opposition,
    Phone,
    Place,
    QuotaCell,
    Role,
    User,
    Wave,
)
from cati.operations.outcome import REFUSALS
from cati.operations.record import block_value
from cati.operations.simulation import prospects
from questionnaire.core.instrument import Item
from questionnaire.core.routing import NeedsDraw
from questionnaire.core.state import Event, State
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import EventInput, Fold, opening

# With this one the weights can be computed at any stage of the demo.
SEED = "2017"
SHARE = 2 / 3
# How many of the cases had been rung in vain before.
RUNG_BEFORE = 0.25
IN_VAIN = (NOBODY, NOBODY, Fate("33"), Fate("31"))
SHIFT = (time(11), time(20))
TODAY = timedelta(hours=3)
# The last interview begins early enough to be over now.
LAST_START = timedelta(minutes=40)
SECONDS_PER_ANSWER = (4.0, 11.0)
SECONDS_PER_CALL = (40, 110)
PAUSE = (20, 60)
MINUTES_PER_COMPLETE, MINUTES_PER_CALL = 19.5, 2.0

EVENT_COLUMNS = (
    "id", "interview_id", "seq", "kind", "item", "instance", "value", "actor_id", "version_id",
    "epoch", "cause", "at", "ms_on_screen",
)  # fmt: skip


def begin_fieldwork(
    wave: Wave, sampling: Sampling, now: datetime, *, share: float = SHARE
) -> Counter[str]:
    """Play `share` of every sector's target up to `now`; interviews counted by sector.

    Nothing where somebody has called already: what was done in the demo is never touched.
    """
    with transaction.atomic():
        Wave.objects.select_for_update().get(pk=wave.pk)
        if Attempt.objects.filter(case__wave=wave).exists():
            return Counter()
        past = _Past(wave, now)
        past.play(_visits(wave, sampling, share))
        past.write()
    return past.counted


@dataclass
class _Visit:
    """One call to come; `place` orders the calls of the whole wave."""

    place: float
    number: int
    script: Script
    fate: Fate


def _visits(wave: Wave, sampling: Sampling, share: float) -> list[_Visit]:
    draw = random.Random(SEED)  # noqa: S311 (invented calls, not secrets)
    cases = prospects(wave)
    written = scripts(cases, sampling, SEED, wave.year)
    cells = QuotaCell.objects.filter(wave=wave, family="sector")
    visits: list[_Visit] = []
    for sector, target in cells.values_list("sector__code", "target"):
        left = round(share * target)
        for case in cases.get(sector, []):
            script = written[case.number]
            if left == 0:
                break
            left -= script.fate is COMPLETE or script.fate.again
            place = draw.random()
            if draw.random() < RUNG_BEFORE:
                before = place * draw.random() * 0.9
                visits.append(_Visit(before, case.number, script, draw.choice(IN_VAIN)))
            visits.append(_Visit(place, case.number, script, script.fate))
    return sorted(visits, key=lambda visit: visit.place)


@dataclass
class _Line:
    """An interview that is being written: its fold and its journal so far."""

    interview: Interview
    fold: Fold
    events: list[tuple[Any, ...]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


class _Past:
    """Everything that the past calls leave behind, gathered in memory and written at once."""

    def __init__(self, wave: Wave, now: datetime) -> None:
        assert wave.version is not None
        self.wave, self.now, self.version = wave, now, wave.version
        self.draw = random.Random(f"{SEED}:past")  # noqa: S311
        people = User.objects.filter(is_demo=True, memberships__wave=wave)
        self.team = list(
            people.filter(memberships__role=Role.INTERVIEWER, memberships__active=True)
        )
        cases = Case.objects.filter(wave=wave).select_related("frame_sector")
        self.cases = {case.number: case for case in cases.prefetch_related("phones")}
        self.cells = {
            cell.sector.code: cell
            for cell in QuotaCell.objects.filter(wave=wave, family="sector").select_related(
                "sector"
            )
        }
        self.lines: dict[int, _Line] = {}
        self.touched: dict[int, Case] = {}
        self.attempts: list[Attempt] = []
        self.appointments: list[Appointment] = []
        self.notes: list[Note] = []
        self.places: dict[int, Place] = {}
        self.dead: list[Phone] = []
        self.opposed: list[Opposition] = []
        self.draws: Counter[str] = Counter()
        self.visits: Counter[int] = Counter()
        self.refusals: Counter[int] = Counter()
        self.counted: Counter[str] = Counter()

    # --- the calls, in their order

    def play(self, visits: list[_Visit]) -> None:
        """Whoever is free first calls next; a call for which no hour is left is not made."""
        minutes = sum(
            MINUTES_PER_COMPLETE if visit.fate is COMPLETE else MINUTES_PER_CALL for visit in visits
        )
        if not self.team or not visits:
            return
        days = shifts(self.now, timedelta(minutes=minutes / len(self.team)))
        free = [(days[0][0], rank) for rank in range(len(self.team))]
        heapify(free)
        for visit in visits:
            at, rank = free[0]
            begins = next((max(at, opens) for opens, closes in days if at < closes), None)
            if begins is None:
                break
            ends = self._visit(visit, self.team[rank], begins)
            heapreplace(free, (ends + timedelta(seconds=self.draw.randint(*PAUSE)), rank))

    def _visit(self, visit: _Visit, user: User, at: datetime) -> datetime:
        """One visit: a call, and further ones while the case stays in her hands."""
        case, fate = self.cases[visit.number], visit.fate
        if case.state == Case.State.CLOSED:
            return at
        case.epoch += 1
        self.touched[case.pk] = case
        self.visits[case.pk] += 1
        while True:
            at, redial = self._call(case, visit.script, fate, user, at)
            if not redial:
                return at
            fate = COMPLETE if fate.again else NOBODY
            at += timedelta(seconds=self.draw.randint(*PAUSE))

    def _call(
        self, case: Case, script: Script, fate: Fate, user: User, at: datetime
    ) -> tuple[datetime, bool]:
        phone = next(one for one in case.phones.all() if one.state == Phone.State.VALID)
        line = None
        ends = at + timedelta(seconds=self.draw.randint(*SECONDS_PER_CALL))
        code = fate.code
        if fate.interview:
            line = self._line(case, user, at)
            ends = self._talk(line, case, script, fate, user, at)
            code = _given(line) or fate.code
            case.screened = case.screened or bool(line.fold.walker.state.roles.get("sector"))
        appointment = self._hour() if fate.books else None
        firm = self.draw.random() < 0.6
        change = after_outcome(
            code,
            phones_left=sum(one.state == Phone.State.VALID for one in case.phones.all()) - 1,
            attempts=case.attempts + 1,
            screened=case.screened,
            now=ends,
            appointment_at=appointment,
            firm=firm,
            earlier_refusals=self.refusals[case.pk],
        )
        self.refusals[case.pk] += code in REFUSALS
        attempt = Attempt(
            case=case, phone=phone, interviewer=user, interview=line.interview if line else None,
            epoch=case.epoch, visit=self.visits[case.pk], opened_at=at, closed_at=ends,
            disposition=code, aapor=change.aapor,
        )  # fmt: skip
        self.attempts.append(attempt)
        if line is not None:
            self._leave(line, case, code, change.state, user, ends)
        if change.close_phone:
            self._close_phones(case, phone, code, user, ends, everywhere=change.oppose)
        case.state, case.disposition = change.state, change.disposition
        case.tier, case.due_at, case.attempts = change.tier, change.due_at, case.attempts + 1
        case.owner = None
        if appointment is not None:
            case.owner = user
            self.appointments.append(
                Appointment(case=case, attempt=attempt, at=appointment, firm=firm, owner=user)
            )
        if fate.note:
            self.notes.append(Note(case=case, author=user, text=fate.note, at=ends))
        return ends, change.redial

    def _close_phones(
        self, case: Case, dialled: Phone, code: str, user: User, at: datetime, *, everywhere: bool
    ) -> None:
        for phone in case.phones.all() if everywhere else [dialled]:
            phone.state, phone.disposition = Phone.State.CLOSED, code
            self.dead.append(phone)
            if everywhere:
                self.opposed.append(Opposition(phone_key=phone.phone_key, at=at, by=user))

    def _hour(self) -> datetime:
        """An appointment to come, the nearest within the hour."""
        return self.now + timedelta(minutes=5 * self.draw.randint(2, 500))

    # --- an interview

    def _line(self, case: Case, user: User, at: datetime) -> _Line:
        if line := self.lines.get(case.pk):
            self._release(line, user, case, at)
            return line
        given = opening(
            self.version,
            params=self.wave.parameters,
            preloads={
                "SECTEUR_FICHIER": case.frame_sector.code,
                "ENQUETEUR": user.first_name or user.username,
            },
            seed=self.draw.getrandbits(31),
        )
        interview = Interview(version=self.version, started_at=at, last_event_at=at)
        interview.answers, interview.seq = _opened(given), len(given)
        line = self.lines[case.pk] = _Line(interview, Fold(interview))
        for seq, event in enumerate(given, start=1):
            self._journal(line, seq, event, user, 0, at, cause=event.cause)
        return line

    def _release(self, line: _Line, user: User, case: Case, at: datetime) -> None:
        """A place that was given back when the line was cut is asked for again."""
        for quota, place in list(line.fold.walker.state.places.items()):
            value = {"quota": quota, "cell": place["cell"], "result": "released"}
            event = Event("quota_result", value=value)
            self._add(line, event, user, case.epoch, at, cause="resume")

    def _talk(
        self, line: _Line, case: Case, script: Script, fate: Fate, user: User, at: datetime
    ) -> datetime:
        walker, said, given = line.fold.walker, dict(fate.says), 0
        while True:
            if walker.needs():
                event = self._settled(line)
            elif (key := walker.next()) is None or given == fate.stops_after:
                return at
            else:
                item: Item = walker.program.node(key).entry
                event = _answer(line, key, script, said.get(item.code))
                if event.value.get("given"):
                    told = script.respondent.answer(item)
                    line.kept[item.code] = str(told.get("v", ""))
                given += 1
                seconds = self.draw.uniform(*SECONDS_PER_ANSWER)
                at += timedelta(seconds=seconds)
                self._add(line, event, user, case.epoch, at, ms=round(700 * seconds))
                continue
            self._add(line, event, user, case.epoch, at)

    def _settled(self, line: _Line) -> Event:
        """A place is free in a sector that is not full, and a draw takes the next of its block."""
        need = line.fold.walker.needs()[0]
        if isinstance(need, NeedsDraw):
            drawn = block_value(self.wave.pk, need, self.draws[need.stratum])
            self.draws[need.stratum] += 1
            return Event("draw", value={"name": need.name, "value": drawn})
        value = {"quota": need.quota, "cell": need.cell, "result": "held"}
        return Event("quota_result", value=value)

    def _leave(
        self, line: _Line, case: Case, code: str, state: str, user: User, at: datetime
    ) -> None:
        """Journal how the interview was left, and settle its place."""
        outcome = "complete" if code == COMPLETE.code else code
        value = {"outcome": outcome, "temporary": state == Case.State.OPEN}
        self._add(line, Event("end", value=value), user, case.epoch, at)
        sector = str(line.fold.walker.state.roles.get("sector") or "")
        if sector:
            counts = code == COMPLETE.code
            self.counted[sector] += counts
            kept = Place.State.CONFIRMED if counts else Place.State.RELEASED
            cell = self.cells[sector]
            self.places[case.pk] = Place(interview=line.interview, cell=cell, state=kept, since=at)

    def _add(
        self,
        line: _Line,
        event: Event,
        user: User,
        epoch: int,
        at: datetime,
        cause: str = "",
        ms: int | None = None,
    ) -> None:
        line.fold.add(event, at)
        self._journal(line, line.fold.seq, event, user, epoch, at, cause, ms)

    def _journal(
        self,
        line: _Line,
        seq: int,
        event: Event | EventInput,
        user: User,
        epoch: int,
        at: datetime,
        cause: str = "",
        ms: int | None = None,
    ) -> None:
        uuid = UUID(int=self.draw.getrandbits(128), version=4)
        value = json.dumps(event.value, ensure_ascii=False)
        where = (event.kind, event.item, event.instance)
        line.events.append((uuid, seq, *where, value, user.pk, epoch, cause, at, ms))

    # --- rows

    def write(self) -> None:
        for line in self.lines.values():
            for name, value in line.fold.derived(line.fold.walker.route()).items():
                setattr(line.interview, name, value)
        Interview.objects.bulk_create([line.interview for line in self.lines.values()])
        self._copy_journals()
        CaseInterview.objects.bulk_create(
            CaseInterview(case_id=case, interview=line.interview)
            for case, line in self.lines.items()
        )
        Place.objects.bulk_create(self.places.values())
        Attempt.objects.bulk_create(self.attempts)
        Appointment.objects.bulk_create(self._pending())
        Note.objects.bulk_create(self.notes)
        Opposition.objects.bulk_create(self.opposed, ignore_conflicts=True)
        Phone.objects.bulk_update(self.dead, ["state", "disposition"])
        for sector, count in self.counted.items():
            cell = QuotaCell.objects.filter(pk=self.cells[sector].pk)
            cell.update(counted=F("counted") + count)
        self._update_cases()

    def _copy_journals(self) -> None:
        table = AnswerEvent._meta.db_table
        columns = ", ".join(EVENT_COLUMNS)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
        ):
            for row in self._rows():
                copy.write_row(row)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for line in self.lines.values():
            interview, version = line.interview.pk, self.version.pk
            for uuid, seq, kind, item, instance, value, actor, epoch, cause, at, ms in line.events:
                yield (
                    uuid, interview, seq, kind, item, instance, value, actor, version, epoch,
                    cause, at, ms,
                )  # fmt: skip

    def _pending(self) -> list[Appointment]:
        """The last appointment of a case that is still open; the ones before were kept."""
        last = {appointment.case_id: appointment for appointment in self.appointments}
        for appointment in self.appointments:
            if appointment is not last[appointment.case_id]:
                appointment.state = Appointment.State.KEPT
        return self.appointments

    def _update_cases(self) -> None:
        cases = [
            (
                case.state, case.disposition, case.tier, case.due_at, case.attempts,
                case.screened, case.owner_id, case.epoch, case.pk,
            )
            for case in self.touched.values()
        ]  # fmt: skip
        kept = [
            (json.dumps(line.kept, ensure_ascii=False), case)
            for case, line in self.lines.items()
            if line.kept
        ]
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {Case._meta.db_table} SET state = %s, disposition = %s, tier = %s,"  # noqa: S608
                " due_at = %s, attempts = %s, screened = %s, owner_id = %s, epoch = %s"
                " WHERE id = %s",
                cases,
            )
            cursor.executemany(
                f"UPDATE {Contact._meta.db_table} SET kept = %s WHERE case_id = %s",  # noqa: S608
                kept,
            )


def shifts(now: datetime, work: timedelta) -> list[tuple[datetime, datetime]]:
    """When calls may begin: `work` in all, up to now, in working days; the earliest first."""
    local = now.astimezone(PARIS)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    last = local - LAST_START
    found = [(max(midnight, last - TODAY), last)] if last > midnight else []
    day, total = local.date(), sum((ends - begins for begins, ends in found), timedelta())
    while total < work or not found:
        day -= timedelta(days=1)
        if day.isoweekday() == 7:
            continue
        begins, ends = (datetime.combine(day, hour, PARIS) for hour in SHIFT)
        begins = max(begins, ends - (work - total)) if work > total else ends
        found.append((begins, ends))
        total += ends - begins
    return found[::-1]


def _opened(given: Sequence[EventInput]) -> dict[str, Any]:
    """The state to which the opening of a journal leads; stepping through it takes much longer."""
    state = State()
    for event in given:
        if event.kind == AnswerEvent.Kind.SEED:
            state.seed = event.value["v"]
        else:
            state.inputs[event.value["name"]] = event.value["v"]
    return state.to_json()


def _answer(line: _Line, key: str, script: Script, said: int | None) -> Event:
    """What the respondent answers to the item on which the route stands."""
    walker = line.fold.walker
    item: Item = walker.program.node(key).entry
    code, _at, instance = key.partition("@")
    if key in walker.state.answers:
        return Event("confirm", code, instance)
    value = script.respondent.answer(item, walker.bounds(key)) if said is None else {"v": said}
    if item.type == "info":
        return Event("seen", code, instance)
    if "special" in value:
        return Event("special", code, instance, value)
    return Event("answer", code, instance, {"given": True} if item.store == "contact" else value)


def _given(line: _Line) -> str:
    """The code that the interview itself gives to its call, '' where it goes on."""
    outcome = line.fold.walker.outcome()
    return COMPLETE.code if outcome == "complete" else outcome or ""
