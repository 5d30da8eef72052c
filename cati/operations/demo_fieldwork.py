"""The fieldwork of the demo up to now: about two thirds of it, written in bulk as if played.

Journals run through the fold that records an interview, outcomes through the table that decides
them; only the order and the hours are invented, spread over the working days before now.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heapreplace
from statistics import fmean

from django.db import connection, transaction
from django.db.models import F

from cati.core.dispositions import BY_CODE, after_outcome
from cati.core.encounters import COMPLETE, NOBODY, Fate, Sampling, Script, scripts
from cati.core.retries import Try
from cati.core.rules import read_rules
from cati.core.shifts import Shift, shift_of_today, shifts_before
from cati.models import (
    Appointment,
    Attempt,
    Case,
    Note,
    Opposition,
    Phone,
    Place,
    QuotaCell,
    Role,
    User,
    Wave,
)
from cati.operations.demo_journals import SECONDS_PER_ANSWER, Journals, Line
from cati.operations.quotas import recount
from cati.operations.simulation import prospects
from questionnaire.core.state import Event
from questionnaire.queries import program_of

# With this one the weights can be computed at any stage of the demo.
SEED = "2017"
SHARE = 2 / 3
# How many of the cases had been rung in vain before.
RUNG_BEFORE = 0.25
IN_VAIN = (NOBODY, NOBODY, Fate("33"), Fate("31"))
# How much of today is planned: calls last longer or shorter than expected.
FILLED = 0.95
SECONDS_PER_CALL = (40, 110)
PAUSE = (20, 60)


def begin_fieldwork(
    wave: Wave, sampling: Sampling, now: datetime, *, share: float = SHARE
) -> Counter[str]:
    """Play about `share` of every sector's target up to `now`; interviews counted by sector.

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
        self.journals = Journals(wave, self.draw)
        self.touched: dict[int, Case] = {}
        self.attempts: list[Attempt] = []
        self.appointments: list[Appointment] = []
        self.notes: list[Note] = []
        self.places: dict[int, Place] = {}
        self.dead: list[Phone] = []
        self.opposed: list[Opposition] = []
        self.visits: Counter[int] = Counter()
        self.tries: defaultdict[int, list[Try]] = defaultdict(list)
        self.rules = read_rules(wave.call_rules)
        self.counted: Counter[str] = Counter()

    # --- the calls, in their order

    def play(self, visits: list[_Visit]) -> None:
        """All in order, those of today last; the few for which no hour is left are not made."""
        today = shift_of_today(self.now)
        mean = self._work(visits) / max(len(visits), 1)
        hours = len(self.team) * (today[1] - today[0]) if today else timedelta()
        last = min(int(FILLED * hours / mean), len(visits)) if mean else 0
        first = len(visits) - last
        work = first * mean / max(len(self.team), 1)
        self._lay(visits[:first], shifts_before(self.now, work))
        self._lay(visits[first:], [today] if today else [])

    def _lay(self, visits: list[_Visit], days: Sequence[Shift]) -> None:
        """Whoever is free first makes the next call, or begins with it on the next day."""
        free = [(days[0][0], rank) for rank in range(len(self.team))] if days else []
        heapify(free)
        for visit in visits if free else ():
            at, rank = free[0]
            begins = next((max(at, opens) for opens, closes in days if at < closes), None)
            if begins is None:
                break
            ends = self._visit(visit, self.team[rank], begins)
            heapreplace(free, (ends + timedelta(seconds=self.draw.randint(*PAUSE)), rank))

    def _work(self, visits: list[_Visit]) -> timedelta:
        """How long the calls will last: what is expected to be asked, at the usual pace."""
        items = program_of(self.version).instrument.items
        asked = sum(item.share * (0.5 if item.module else 1) for item in items)
        answers = sum(_answers(visit.fate, asked) for visit in visits)
        calls = len(visits) * (fmean(SECONDS_PER_CALL) + fmean(PAUSE))
        return timedelta(seconds=answers * fmean(SECONDS_PER_ANSWER) + calls)

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
            line = self.journals.begin(case, user, at)
            ends = self.journals.talk(line, script, fate, at)
            code = line.given_code or fate.code
            case.screened = case.screened or bool(line.sector)
        appointment = self._hour() if fate.books and BY_CODE[code].may_book else None
        firm = self.draw.random() < 0.6
        change = after_outcome(
            code,
            phones_left=sum(one.state == Phone.State.VALID for one in case.phones.all()) - 1,
            screened=case.screened,
            now=ends,
            appointment_at=appointment,
            firm=firm,
            tries=self.tries[case.pk],
            rules=self.rules,
            hours=self.wave.calling_hours,
        )
        if not change.redial:
            self.tries[case.pk].append(Try(ends, code))
        attempt = Attempt(
            case=case, phone=phone, interviewer=user, interview=line.interview if line else None,
            epoch=case.epoch, visit=self.visits[case.pk], opened_at=at, closed_at=ends,
            disposition=code, aapor=change.aapor,
        )  # fmt: skip
        self.attempts.append(attempt)
        if line is not None:
            self._leave(line, code, change.state, ends)
        if change.close_phone:
            self._close_phones(case, phone, code, user, ends, everywhere=change.oppose)
        case.state, case.disposition = change.state, change.disposition
        case.tier, case.due_at, case.part = change.tier, change.due_at, change.part
        case.attempts += 1
        case.owner = None
        if appointment is not None:
            case.owner = user
            self.appointments.append(
                Appointment(case=case, attempt=attempt, at=appointment, firm=firm, owner=user)
            )
        if fate.note:
            self.notes.append(Note(case=case, author=user, text=fate.note, at=ends))
        return ends, change.redial

    def _leave(self, line: Line, code: str, state: str, at: datetime) -> None:
        """Journal how the interview was left, and settle its place."""
        counts = code == COMPLETE.code
        value = {"outcome": "complete" if counts else code, "temporary": state == Case.State.OPEN}
        line.add(Event("end", value=value), at)
        if line.sector:
            self.counted[line.sector] += counts
            kept = Place.State.CONFIRMED if counts else Place.State.RELEASED
            cell = self.cells[line.sector]
            place = Place(interview=line.interview, cell=cell, state=kept, since=at)
            self.places[line.case.pk] = place

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

    # --- rows

    def write(self) -> None:
        self.journals.write()
        Place.objects.bulk_create(self.places.values())
        Attempt.objects.bulk_create(self.attempts)
        Appointment.objects.bulk_create(self._pending())
        Note.objects.bulk_create(self.notes)
        Opposition.objects.bulk_create(self.opposed, ignore_conflicts=True)
        Phone.objects.bulk_update(self.dead, ["state", "disposition"])
        for sector, count in self.counted.items():
            cell = QuotaCell.objects.filter(pk=self.cells[sector].pk)
            cell.update(counted=F("counted") + count)
        recount(self.wave)
        self._update_cases()

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
                case.state, case.disposition, case.tier, case.due_at, case.part, case.attempts,
                case.screened, case.owner_id, case.epoch, case.pk,
            )
            for case in self.touched.values()
        ]  # fmt: skip
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {Case._meta.db_table} SET state = %s, disposition = %s, tier = %s,"  # noqa: S608
                " due_at = %s, part = %s, attempts = %s, screened = %s, owner_id = %s, epoch = %s"
                " WHERE id = %s",
                cases,
            )


def _answers(fate: Fate, asked: float) -> float:
    """How many answers a call is expected to bring, of an interview that asks for `asked`."""
    begun = fate.stops_after or 0
    return begun + (asked if fate is COMPLETE or fate.again else 0)
