"""Reads of interviews: the program of a version, the route, what an event would change."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from questionnaire.core.instrument import from_json
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.routing import Route, Walker
from questionnaire.core.state import State
from questionnaire.models import AnswerEvent, InstrumentVersion, Interview

# A wave in the field runs on one or two versions; a program weighs about as much as its YAML.
KEPT = 16
# As many interviews as one process has in hand, with room for those that were left.
WARM = 64
_programs: OrderedDict[str, Program] = OrderedDict()
_hashes: dict[int, str] = {}
_warm: OrderedDict[tuple[int, int, datetime], Walker] = OrderedDict()
_lock = Lock()


def program_of(version: InstrumentVersion) -> Program:
    """The compiled instrument of a version, kept by content so that a process compiles it once."""
    with _lock:
        program = _programs.get(version.hash)
        if program is not None:
            _programs.move_to_end(version.hash)
            return program
    program = compile_instrument(from_json(version.content))
    with _lock:
        _programs[version.hash] = program
        while len(_programs) > KEPT:
            _programs.popitem(last=False)
    return program


def program_by_id(version_id: int) -> Program:
    """The same by primary key: a version never changes, so that one reading of its hash will do."""
    known = _hashes.get(version_id)
    with _lock:
        program = _programs.get(known) if known else None
    if program is None:
        version = InstrumentVersion.objects.get(pk=version_id)
        program, _hashes[version_id] = program_of(version), version.hash
    return program


def walker_of(interview: Interview) -> Walker:
    """The interview as its projection has it, ready to be read or stepped."""
    with _lock:
        walker = _warm.pop(_moment(interview), None)
    if walker is None:
        program = program_by_id(interview.version_id)
        walker = Walker(program, State.from_json(interview.answers))
    return walker


def keep_warm(interview: Interview, walker: Walker) -> None:
    """Lend a walker to the next `walker_of` of the same moment of the interview.

    Only for a walker that stands where the committed row stands, and that nobody uses any more:
    it is taken out by whoever gets it, and stepped on.
    """
    with _lock:
        _warm[_moment(interview)] = walker
        while len(_warm) > WARM:
            _warm.popitem(last=False)


def _moment(interview: Interview) -> tuple[int, int, datetime]:
    """Names one state of one interview: the journal only grows, and erasing it sets its time."""
    return interview.pk, interview.seq, interview.last_event_at


def current_route(interview: Interview) -> Route:
    """Where the interview stands."""
    return walker_of(interview).route()


def journal_of(interview: Interview) -> list[AnswerEvent]:
    """The whole journal of an interview, in order."""
    return list(AnswerEvent.objects.filter(interview=interview).order_by("seq"))
