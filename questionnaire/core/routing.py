"""The route of an interview, as pure functions over (program, state, event).

Decides nothing by itself: each function sets a Walker on a copy of the state and asks it; never
changes the state it is given. The engine's front: the product uses what stands in `__all__`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.said import Said
from questionnaire.core.state import Event, State
from questionnaire.core.validation import NO_SUCH, problems_of
from questionnaire.core.walker import (
    COMPLETE,
    Failure,
    NeedsDraw,
    NeedsPlace,
    Route,
    Walker,
)
from questionnaire.core.wording import labels, render, shown_choices


@dataclass(frozen=True)
class Effects:
    """What an event would do, before it is done."""

    parked: tuple[str, ...]
    restored: tuple[str, ...]
    to_confirm: tuple[str, ...]
    next: str | None
    outcome: str | None
    problems: tuple[str, ...]


def route(program: Program, state: State) -> Route:
    """Where an interview stands. The state is left as it was."""
    return Walker(program, state.copy()).route()


def apply(program: Program, state: State, event: Event) -> State:
    """The state after an event. Raises KeyError for an item or a name that does not exist."""
    walker = Walker(program, state.copy())
    walker.step(event)
    return walker.state


def replay(program: Program, events: Iterable[Event]) -> State:
    """The state that a whole journal leads to."""
    walker = Walker(program, State())
    for event in events:
        walker.step(event)
    return walker.state


def preview(program: Program, state: State, event: Event) -> Effects:
    """What an event would park, bring back and ask to confirm, and where the route would go."""
    before = Walker(program, state.copy())
    after = Walker(program, state.copy())
    problems = _problems(before, event)
    if not problems:
        after.step(event)
    old, new = before.state, after.state
    return Effects(
        parked=after.in_order(new.parked - old.parked),
        restored=after.in_order(key for key in old.parked - new.parked if after.on_route(key)),
        to_confirm=after.in_order((new.to_confirm - new.parked) - (old.to_confirm - old.parked)),
        next=after.next(),
        outcome=after.outcome(),
        problems=problems,
    )


def _problems(walker: Walker, event: Event) -> tuple[str, ...]:
    if event.kind not in ("answer", "special"):
        return ()
    return tuple(validate_on(walker, event.item, event.instance, event.value))


def validate(
    program: Program, state: State, item_code: str, instance: str, value: Any
) -> list[str]:
    """What is wrong with a tagged value for an item, in French; empty when nothing is."""
    return validate_on(Walker(program, state.copy()), item_code, instance, value)


def validate_on(walker: Walker, item_code: str, instance: str, value: Any) -> list[str]:
    """`validate`, on a walker that is there already."""
    key = f"{item_code}@{instance}" if instance else item_code
    if key not in walker.program.slot_of:
        return [Said(NO_SUCH, key=key)]
    return problems_of(walker.program.node(key).entry, value, walker.bounds(key))


def render_text(program: Program, state: State, text: str, lang: str = "fr") -> str:
    """A text of the instrument as it reads in this interview."""
    return render(Walker(program, state.copy()), text, lang=lang)


__all__ = [
    "COMPLETE",
    "Effects",
    "Event",
    "Failure",
    "NeedsDraw",
    "NeedsPlace",
    "Program",
    "Route",
    "State",
    "Walker",
    "apply",
    "compile_instrument",
    "labels",
    "preview",
    "render",
    "render_text",
    "replay",
    "route",
    "shown_choices",
    "validate",
    "validate_on",
]
