"""The interviews of the demo's past: journals folded in memory as they are recorded, then copied.

What an answer needs is given as a call gives it: places are held, draws take the next of their
block. Everything is drawn from one seed, and only the hours are told from outside.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from cati.core.encounters import COMPLETE, Fate, Script
from cati.models import Case, CaseInterview, Contact, User, Wave
from cati.operations.record import block_value
from questionnaire.core.instrument import Item
from questionnaire.core.routing import NeedsDraw, Walker
from questionnaire.core.state import Event, State
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import EventInput, Fold, opening
from questionnaire.queries import program_of

SECONDS_PER_ANSWER = (4.0, 11.0)
# The rest of the time between two answers, the page waits for the server and she for the person.
MS_ON_SCREEN = 700
COLUMNS = (
    "id", "seq", "kind", "item", "instance", "value", "actor_id", "epoch", "cause", "at",
    "ms_on_screen", "interview_id", "version_id",
)  # fmt: skip


@dataclass
class Line:
    """The interview of one case, with whoever asks now: its fold and its journal so far."""

    case: Case
    interview: Interview
    fold: Fold
    draw: random.Random
    user: User
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def sector(self) -> str:
        """As answered; '' where it has not been."""
        return str(self.fold.walker.state.roles.get("sector") or "")

    @property
    def given_code(self) -> str:
        """The code that the interview itself gives to its call, '' where it goes on."""
        outcome = self.fold.walker.outcome()
        return COMPLETE.code if outcome == "complete" else outcome or ""

    def open(self, given: Sequence[EventInput], at: datetime) -> None:
        for seq, event in enumerate(given, start=1):
            self._journal(seq, event, at, epoch=0, cause=event.cause)

    def add(self, event: Event, at: datetime, *, cause: str = "", ms: int | None = None) -> None:
        self.fold.add(event, at)
        self._journal(self.fold.seq, event, at, epoch=self.case.epoch, cause=cause, ms=ms)

    def ask_again_for_its_place(self, at: datetime) -> None:
        """A place was given back when the line was cut."""
        for quota, place in list(self.fold.walker.state.places.items()):
            value = {"quota": quota, "cell": place["cell"], "result": "released"}
            self.add(Event("quota_result", value=value), at, cause="resume")

    def answer(self, script: Script, said: dict[str, int], at: datetime) -> datetime:
        """Answer the item on which the route stands; when the answer was given."""
        seconds = self.draw.uniform(*SECONDS_PER_ANSWER)
        at += timedelta(seconds=seconds)
        self.add(self._answered(script, said), at, ms=round(MS_ON_SCREEN * seconds))
        return at

    def _answered(self, script: Script, said: dict[str, int]) -> Event:
        walker, key = self.fold.walker, self.fold.walker.next()
        assert key is not None
        item: Item = walker.program.node(key).entry
        code, _at, instance = key.partition("@")
        if key in walker.state.answers:
            return Event("confirm", code, instance)
        if item.type == "info":
            return Event("seen", code, instance)
        value = {"v": said[code]} if code in said else self._own(script, item, key)
        if "special" in value:
            return Event("special", code, instance, value)
        if item.store == "contact":
            self.kept[code] = str(value["v"])
            value = {"given": True}
        return Event("answer", code, instance, value)

    def _own(self, script: Script, item: Item, key: str) -> dict[str, Any]:
        return script.respondent.answer(item, self.fold.walker.bounds(key))

    def _journal(
        self,
        seq: int,
        event: Event | EventInput,
        at: datetime,
        *,
        epoch: int,
        cause: str = "",
        ms: int | None = None,
    ) -> None:
        uuid = UUID(int=self.draw.getrandbits(128), version=4)
        value = json.dumps(event.value, ensure_ascii=False)
        what = (event.kind, event.item, event.instance, value)
        self.rows.append((uuid, seq, *what, self.user.pk, epoch, cause, at, ms))


class Journals:
    """Every interview of the past, by case."""

    def __init__(self, wave: Wave, draw: random.Random) -> None:
        assert wave.version is not None
        self.wave, self.version, self.draw = wave, wave.version, draw
        self.lines: dict[int, Line] = {}
        self._drawn: Counter[str] = Counter()

    def begin(self, case: Case, user: User, at: datetime) -> Line:
        """The interview of the case: a new one, or the one that was cut."""
        if line := self.lines.get(case.pk):
            line.user = user
            line.ask_again_for_its_place(at)
            return line
        given = opening(
            self.version,
            params=self.wave.parameters,
            preloads={
                **case.preloads,
                "SECTEUR_FICHIER": case.frame_sector.code,
                "ENQUETEUR": user.first_name or user.username,
            },
            seed=self.draw.getrandbits(31),
        )
        interview = Interview(version=self.version, started_at=at, last_event_at=at)
        interview.seq = len(given)
        walker = Walker(program_of(self.version), State.from_json(_opened(given)))
        fold = Fold(interview, walker)
        line = self.lines[case.pk] = Line(case, interview, fold, self.draw, user)
        line.open(given, at)
        return line

    def talk(self, line: Line, script: Script, fate: Fate, at: datetime) -> datetime:
        """Go on to the end, or as far as the fate lets it; when the last answer was given."""
        said, given = dict(fate.says), 0
        while True:
            if line.fold.walker.needs():
                line.add(self._settled(line), at)
            elif line.fold.walker.next() is None or given == fate.stops_after:
                return at
            else:
                at = line.answer(script, said, at)
                given += 1

    def write(self) -> None:
        """Interviews first, for their keys; then links, journals, what goes with the contact."""
        for line in self.lines.values():
            for name, value in line.fold.derived().items():
                setattr(line.interview, name, value)
        Interview.objects.bulk_create([line.interview for line in self.lines.values()])
        CaseInterview.objects.bulk_create(
            CaseInterview(case=line.case, interview=line.interview) for line in self.lines.values()
        )
        table, contacts = AnswerEvent._meta.db_table, Contact._meta.db_table
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in self._rows():
                    copy.write_row(row)
            cursor.executemany(
                f"UPDATE {contacts} SET kept = %s WHERE case_id = %s",  # noqa: S608 (our own name)
                [
                    (json.dumps(line.kept, ensure_ascii=False), line.case.pk)
                    for line in self.lines.values()
                    if line.kept
                ],
            )

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for line in self.lines.values():
            keys = (line.interview.pk, self.version.pk)
            for row in line.rows:
                yield row + keys

    def _settled(self, line: Line) -> Event:
        need = line.fold.walker.needs()[0]
        if isinstance(need, NeedsDraw):
            drawn = block_value(self.wave.pk, need, self._drawn[need.stratum])
            self._drawn[need.stratum] += 1
            return Event("draw", value={"name": need.name, "value": drawn})
        value = {"quota": need.quota, "cell": need.cell, "result": "held"}
        return Event("quota_result", value=value)


def _opened(given: Sequence[EventInput]) -> dict[str, Any]:
    """The state to which the opening of a journal leads; stepping through it takes much longer."""
    state = State()
    for event in given:
        if event.kind == AnswerEvent.Kind.SEED:
            state.seed = event.value["v"]
        else:
            state.inputs[event.value["name"]] = event.value["v"]
    return state.to_json()
