"""Laws of the route, as properties.

1. Every walk ends.
2. Any sequence of edits gives the route of its confirmed on-route answers entered in order, with
   the same seed, draws, places and accepted checks.
3. Evaluating what an answer touches gives what evaluating everything gives.
4. Replaying a journal gives the same state, and a state read back from JSON the same route.
5. A pure step leaves the state it was given alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from questionnaire.core.load import load_instrument
from questionnaire.core.respondents import advance, random_event, random_value, random_walk
from questionnaire.core.routing import (
    Event,
    NeedsDraw,
    Program,
    Route,
    State,
    Walker,
    apply,
    compile_instrument,
    replay,
    route,
)

from .small import compiled

FOLDER = Path(__file__).resolve().parents[2] / "questionnaire" / "instruments" / "allo_quartiers"
# Everything that the language has, in one page: the laws are searched where features meet.
EVERYTHING = """
- {code: A, type: single, text: A ?, choices: {1: un, 2: deux, 3: trois}, per_contact: true}
- end: {if: A == 3, outcome: "20", text: FIN_MERCI, temporary: true}
- {code: N, type: integer, text: N ?, bounds: [0, 6], ask_if: A == 1 or dk(A)}
- {compute: GRAND, type: boolean, value: N >= 3}
- {code: CELL, type: single, text: C ?, choices: {1: un, 2: deux}, specials: []}
- {quota: Q, cell: CELL}
- end: {if: quota_full(Q), outcome: QUOTA, text: FIN_MERCI}
- {draw: D, values: [X, Y], stratum: CELL, ask_if: GRAND or A == 2}
- code: M
  type: multiple
  text: M ?
  choices: {1: un, 2: deux, 3: {label: aucun, exclusive: true}}
  ask_if: D == 'X' or A == 2
- block: BLOC
  order: random
  fixed: [R3]
  items:
  - {code: R1, type: single, text: R1 ?, choices: yes_no}
  - {code: R2, type: single, text: R2 ?, choices: yes_no, ask_if: 1 in M}
  - {code: R3, type: single, text: R3 ?, choices: yes_no}
- grid: G
  text: Grille
  choices: oui4
  ask_if: R1 == 1
  order: random
  rows:
  - {code: G1, text: un ?}
  - {code: G2, text: deux ?, ask_if: GRAND}
- roster: ENFANTS
  count: N
  max: 3
  items:
  - {code: AGE_E, type: integer, text: Âge ?, bounds: [0, 17]}
  - {code: ECOLE, type: single, text: École ?, choices: yes_no, ask_if: AGE_E >= 3}
- {compute: PETITS, type: boolean, value: any(AGE_E < 3)}
- {code: GARDE, type: single, text: Garde ?, choices: yes_no, ask_if: PETITS}
- code: T
  type: integer
  text: T ?
  bounds: [0, 12]
  checks:
  - {must: T >= N, hard: true, message: Trop peu.}
  - {must: T <= 2 * N, message: Beaucoup.}
- {code: I, type: info, text: Lire., ask_if: T >= 1}
- milestone: partial
- {code: Z, type: text, text: Z ?, ask_if: answered(T) and not (R3 == 2)}
"""


@pytest.fixture(scope="module")
def whole() -> Program:
    return compile_instrument(load_instrument(FOLDER))


@pytest.fixture(scope="module")
def small() -> Program:
    return compiled(EVERYTHING)


def edits(program: Program, seed: int, length: int) -> list[Event]:
    """A respondent who answers, corrects, clears, confirms, comes back, for `length` events."""
    draw = Random(seed)
    walker = Walker(program, State())
    events = [Event("seed", value={"v": draw.getrandbits(20)})]
    walker.step(events[0])
    for _ in range(length):
        event = _one(walker, draw)
        if event is None:
            break
        events.append(event)
        walker.step(event)
    return events


def _one(walker: Walker, draw: Random) -> Event | None:
    for need in walker.needs():
        if isinstance(need, NeedsDraw):
            return Event("draw", value={"name": need.name, "value": draw.choice(need.values)})
        result = draw.choice(["held", "held", "held", "outside", "full"])
        value = {"quota": need.quota, "cell": need.cell, "result": result}
        return Event("quota_result", value=value)
    keys = sorted(walker.state.answers) or ["A"]
    chance = draw.random()
    if chance < 0.35 or walker.next() is None:
        key = draw.choice(keys)
        if key not in walker.program.slot_of:
            return None
        code, _, instance = key.partition("@")
        if chance < 0.05:
            return Event("clear", code, instance)
        if chance < 0.10:
            return Event("confirm", code, instance)
        if chance < 0.11:
            return Event("end", value={"outcome": "20", "temporary": True})
        if chance < 0.13 and "ENFANTS" in walker.program.instances:
            return Event("clear", "ENFANTS", str(draw.randint(1, 4)))
        if chance < 0.15 and walker.state.places:
            quota, place = draw.choice(sorted(walker.state.places.items()))
            value = {"quota": quota, "cell": place["cell"], "result": "released"}
            return Event("quota_result", value=value)
        if walker.program.node(key).entry.type == "info":
            return Event("seen", code, instance)
        return Event("answer", code, instance, random_value(walker, key, draw))
    key_next = walker.next()
    assert key_next is not None
    return random_event(walker, key_next, draw)


def law(walker: Walker) -> Route:
    """The route of what counts, entered in order into a fresh interview."""
    old = walker.state
    fresh = State(
        inputs=dict(old.inputs), draws=dict(old.draws), places=dict(old.places), seed=old.seed,
        confirmed=set(old.confirmed), removed=dict(old.removed),
    )  # fmt: skip
    again = Walker(walker.program, fresh)
    for node in walker.program.nodes:
        key = node.name
        if node.kind != "item" or key in old.to_confirm or key not in old.answers:
            continue
        if walker.on_route(key):
            code, _, instance = key.partition("@")
            value = old.answers[key]
            kind = "seen" if value.get("seen") else "answer"
            again.step(Event(kind, code, instance, {} if kind == "seen" else value))
    return again.route()


def shape(one: Route) -> tuple[object, ...]:
    failures = (one.hard_failures, one.soft_failures)
    return (one.asked, one.next, one.computed, one.outcome, one.needs, one.milestones, failures)


def check_laws(program: Program, seed: int, length: int) -> None:
    events = edits(program, seed, length)
    walker = Walker(program, State())
    for event in events:
        walker.step(event)
    stepped = walker.route()

    assert shape(stepped) == shape(law(walker))

    full = Walker(program, walker.state.copy())
    assert full.route() == stepped
    assert (full.values, full.tags, full.stops) == (walker.values, walker.tags, walker.stops)

    assert replay(program, events).to_json() == walker.state.to_json()
    read_back = State.from_json(json.loads(json.dumps(walker.state.to_json())))
    assert route(program, read_back) == stepped


@settings(max_examples=200, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 90))
@example(seed=0, length=90)
def test_laws_where_all_features_meet(small: Program, seed: int, length: int) -> None:
    check_laws(small, seed, length)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(20, 260))
def test_laws_on_the_whole_questionnaire(whole: Program, seed: int, length: int) -> None:
    check_laws(whole, seed, length)


@pytest.mark.nightly
@settings(max_examples=20_000, derandomize=False, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 120))
def test_laws_where_all_features_meet_searched_long(small: Program, seed: int, length: int) -> None:
    check_laws(small, seed, length)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_walk_ends(small: Program, whole: Program, seed: int) -> None:
    for program in (small, whole):
        walker = random_walk(program, Random(seed))
        assert walker.outcome() is not None
        assert not advance(walker, Random(seed))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_a_pure_step_leaves_its_state_alone(small: Program, seed: int, length: int) -> None:
    events = edits(small, seed, length)
    state = State()
    for event in events:
        before = state.to_json()
        after = apply(small, state, event)
        assert state.to_json() == before
        state = after

    assert state.to_json() == replay(small, events).to_json()
