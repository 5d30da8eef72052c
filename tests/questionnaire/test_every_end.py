"""Every end of the questionnaire is reached by a walk, and every filter both opens and closes.

The walks are of random respondents, each told again to `walk` by the answers alone: what the
author's command prints is what the interview did.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from questionnaire.core.instrument import Instrument
from questionnaire.core.load import load_instrument
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.respondents import advance
from questionnaire.core.routing import COMPLETE, Event, State, Walker
from questionnaire.core.walk import walk

pytestmark = pytest.mark.slow

WALKS = 900
RETOLD_EVERY = 30


@pytest.fixture(scope="module")
def survey() -> Instrument:
    return load_instrument(Path("questionnaire/instruments/allo_quartiers"))


@pytest.fixture(scope="module")
def program(survey: Instrument) -> Program:
    return compile_instrument(survey)


def respondent(program: Program, draw: Random) -> Walker:
    """One respondent in a wave with parameters of its own, who stops at an end now and then."""
    walker = Walker(program, State(seed=draw.getrandbits(31)))
    given = {
        "SELECTION": draw.choice(["anniversaire", "quotas"]),
        "MODULES": draw.random() < 0.5,
        "SECTEUR_FICHIER": draw.choice(["CN", "T1"]),
    }
    for name, value in given.items():
        walker.step(Event("preload", value={"name": name, "v": value}))
    while advance(walker, draw, avoid_ends=draw.random() < 0.95):
        if walker.next() == "S08" and draw.random() < 0.04:
            # A minor who cannot say how many adults live there: too rare to wait for.
            walker.step(Event("special", "S06", value={"special": "dk"}))
            walker.step(Event("answer", "S08", value={"v": 2015}))
        if walker.state.places and draw.random() < 0.002:
            quota, place = draw.choice(sorted(walker.state.places.items()))
            full = {"quota": quota, **place, "result": "full"}
            walker.step(Event("quota_result", value=full))
    return walker


def told(walker: Walker) -> dict[str, Any]:
    """The answers of a walker, as an author writes them for `walk`."""
    state = walker.state
    answers = {key: value for key, value in state.answers.items() if not value.get("seen")}
    results = {f"quota {name}": place["result"] for name, place in state.places.items()}
    return {**answers, **state.inputs, **state.draws, **results, "seed": state.seed}


def test_every_end_is_reached_and_every_filter_opens_and_closes(
    program: Program, survey: Instrument
) -> None:
    ends = {node.name: False for node in program.nodes if node.kind == "end"}
    filtered = {node.name for node in program.nodes if node.kind == "item" and node.entry.ask_if}
    asked: set[str] = set()
    passed_over: set[str] = set()
    outcomes: set[str] = set()
    for number in range(WALKS):
        walker = respondent(program, Random(number))
        route = walker.route()
        assert route.outcome, f"walk {number} stops at {route.next}"
        outcomes.add(route.outcome)
        asked |= filtered & set(route.asked)
        passed_over |= filtered - set(route.asked)
        if route.end is not None:
            ends[route.end.name] = True
        if number % RETOLD_EVERY == 0:
            again = walk(survey, told(walker))
            assert (again["asked"], again["outcome"]) == (list(route.asked), route.outcome)
    assert [name for name, reached in ends.items() if not reached] == []
    assert (filtered - asked, filtered - passed_over) == (set(), set())
    assert COMPLETE in outcomes
