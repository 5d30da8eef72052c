"""Respondents who answer at random, for figures, searches and simulations.

Decides an answer that fits the item, drawn from the generator it is given; never what is asked.
"""

from __future__ import annotations

from random import Random
from typing import Any

from questionnaire.core.instrument import NUMBERS, Item
from questionnaire.core.program import Program
from questionnaire.core.state import Event, State
from questionnaire.core.walker import NeedsDraw, Walker


def random_walk(program: Program, draw: Random, *, avoid_ends: bool = True) -> Walker:
    """One respondent answering at random, until the route says that it is over.

    With `avoid_ends`, an answer that would stop the interview is given again, a few times.
    """
    walker = Walker(program, State(seed=draw.getrandbits(31)))
    for _ in range(4 * len(program.nodes)):
        if not advance(walker, draw, avoid_ends):
            break
    return walker


def advance(walker: Walker, draw: Random, avoid_ends: bool = False) -> bool:
    """Provide what the route waits for, at random; whether there was anything to provide."""
    for need in walker.needs():
        if isinstance(need, NeedsDraw):
            drawn = {"name": need.name, "value": draw.choice(need.values)}
            walker.step(Event("draw", value=drawn))
        else:
            held = {"quota": need.quota, "cell": need.cell, "result": "held"}
            walker.step(Event("quota_result", value=held))
        return True
    key = walker.next()
    if key is None:
        return False
    for _ in range(12):
        walker.step(random_event(walker, key, draw))
        if not avoid_ends or (walker.end() is None and walker.next() != key):
            break
    return True


def random_event(walker: Walker, key: str, draw: Random) -> Event:
    """An answer that fits the item, a special now and then; a soft check may be accepted."""
    item: Item = walker.program.node(key).entry
    code, _, instance = key.partition("@")
    if key in walker.state.answers and draw.random() < 0.5:
        return Event("confirm", code, instance)
    if item.type == "info":
        return Event("seen", code, instance)
    if item.specials and draw.random() < 0.05:
        return Event("special", code, instance, {"special": draw.choice(item.specials)})
    return Event("answer", code, instance, random_value(walker, key, draw))


def random_value(walker: Walker, key: str, draw: Random) -> dict[str, Any]:
    item: Item = walker.program.node(key).entry
    if item.store == "contact":
        return {"given": True}
    codes = [choice.code for choice in item.choices]
    if item.type == "multiple":
        alone = {choice.code for choice in item.choices if choice.exclusive}
        chosen = draw.sample(codes, draw.randint(1, min(item.max or len(codes), len(codes))))
        lone = [code for code in chosen if code in alone]
        return {"v": lone[:1] or chosen}
    if codes:
        return {"v": draw.choice(codes)}
    if item.type in NUMBERS:
        low, high = walker.bounds(key)
        low = 0 if low is None else low
        return {"v": draw.randint(int(low), int(low + 20 if high is None else high))}
    return {"v": "réponse"}
