"""One respondent in one go: all answers are given, and the route they make is told.

Decides nothing of its own: answers are laid down and the engine routes. For authors and tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from questionnaire.core.instrument import Instrument
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.routing import Event, NeedsDraw, State, Walker, validate_on

RESULTS = ("held", "full", "outside")


class Unfit(Exception):
    """Some of the given answers cannot be; `messages` say which and why."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages
        super().__init__("; ".join(messages))


def walk(instrument: Instrument, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a respondent with these answers. Raises Unfit.

    `answers` are by name: a code, a list of codes, a number or a text; "dk", "refused" or "na" as
    a special; a tagged value as it is. Draws, parameters and preloads are given by name too, a
    quota's result under `quota NAME` (held where it is not said), and under `seed` the number that
    random orders follow (without it, the source order). Info items count as read.
    """
    program = compile_instrument(instrument)
    state, unfit = State(), []
    for name, value in answers.items():
        try:
            _lay(program, state, name, value)
        except KeyError:
            unfit.append(f"{name}: nothing is called so in this questionnaire.")
    walker = Walker(program, state)
    doubts = _settle(walker, answers)
    for key, value in walker.state.answers.items():
        code, _, instance = key.partition("@")
        fits = not value.get("seen") and walker.on_route(key)
        problems = validate_on(walker, code, instance, value) if fits else []
        unfit += [f"{key}: {one}" for one in problems]
    if unfit:
        raise Unfit(unfit)
    route = walker.route()
    return {
        "asked": list(route.asked),
        "next": route.next,
        "parked": list(route.parked),
        "computed": route.computed,
        "outcome": route.outcome,
        "needs": [need.name if isinstance(need, NeedsDraw) else need.quota for need in route.needs],
        "failing": [one.message for one in route.hard_failures],
        "confirmed": doubts,
    }


def _lay(program: Program, state: State, name: str, value: Any) -> None:
    if name == "seed":
        state.seed = int(value)
    elif name in program.slot_of:
        state.answers[name] = _tagged(program, name, value)
    elif program.nodes_of("draw", name):
        state.draws[name] = str(value)
    elif program.nodes_of("input", name):
        state.inputs[name] = value
    elif not name.startswith("quota ") or value not in RESULTS:
        raise KeyError(name)


def _tagged(program: Program, name: str, value: Any) -> dict[str, Any]:
    item = program.node(name).entry
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value in item.specials:
        return {"special": value}
    if item.store == "contact":
        return {"given": True}
    return {"v": sorted(value) if isinstance(value, list) else value}


def _settle(walker: Walker, answers: Mapping[str, Any]) -> list[str]:
    """Go on while the route waits for a place, a text to be read or a soft check to be accepted.

    Returns the messages of the soft checks: answers that are given are meant.
    """
    doubts: list[str] = []
    for _ in walker.program.nodes:
        need, key = next(iter(walker.needs()), None), walker.next()
        if need is not None and not isinstance(need, NeedsDraw):
            result = answers.get(f"quota {need.quota}", "held")
            event = {"quota": need.quota, "cell": need.cell, "result": result}
            walker.step(Event("quota_result", value=event))
            continue
        if key is None:
            break
        code, _, instance = key.partition("@")
        soft = [one.message for one in walker.route().soft_failures if one.key == key]
        if walker.program.node(key).entry.type == "info":
            walker.step(Event("seen", code, instance))
        elif soft and walker.state.answers.get(key) is not None:
            doubts += soft
            walker.step(Event("confirm", code, instance))
        else:
            break
    return doubts
