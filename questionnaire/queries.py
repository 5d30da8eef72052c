"""Reads of interviews: the program of a version, the route, what an event would change."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from questionnaire.core.instrument import from_json
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.routing import Route, Walker
from questionnaire.core.state import State
from questionnaire.models import AnswerEvent, InstrumentVersion, Interview

# A wave in the field runs on one or two versions; a program weighs about as much as its YAML.
KEPT = 16
_programs: OrderedDict[str, Program] = OrderedDict()
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


def walker_of(interview: Interview) -> Walker:
    """The interview as its projection has it, ready to be read or stepped."""
    return Walker(program_of(interview.version), State.from_json(interview.answers))


def current_route(interview: Interview) -> Route:
    """Where the interview stands."""
    return walker_of(interview).route()


def journal_of(interview: Interview) -> list[AnswerEvent]:
    """The whole journal of an interview, in order."""
    return list(AnswerEvent.objects.filter(interview=interview).order_by("seq"))
