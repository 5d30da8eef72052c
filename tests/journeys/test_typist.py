"""A typist at twelve keys per second through a hundred questions, never waiting for the screen.

1. Every answer is on the question for which it was typed: none elsewhere, none lost, none doubled.
2. So it is where the network is cut for ten seconds in the middle, while she goes on typing.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from cati.models import Wave
from questionnaire.core.instrument import (
    Choice,
    Input,
    Instrument,
    Item,
    Theme,
    content_hash,
    to_json,
)
from questionnaire.models import InstrumentVersion, Interview
from tests.journeys.driving import in_interview
from tests.world import NOW, World

QUESTIONS = 100
PAUSE = 1000 / 12  # ms between two keys
CUT_KEYS = 120  # ten seconds of them
CHOICES = tuple(Choice(code, f"Réponse {code}") for code in range(1, 13))


def question(rank: int) -> Item:
    """Lists of one and of two digits, numbers, words and multiples, by turns."""
    code, text = f"Q{rank:03d}", f"Question {rank} ?"
    if rank % 10 == 3:
        return Item(code, "integer", text, "T", bounds=(0, 999))
    if rank % 10 == 6:
        return Item(code, "text", text, "T")
    if rank % 10 == 9:
        return Item(code, "multiple", text, "T", CHOICES[:9])
    return Item(code, "single", text, "T", CHOICES if rank % 2 else CHOICES[:9])


def typed(rank: int) -> tuple[str, dict[str, Any]]:
    """The keys for a question, and the value that they must leave: another one for each."""
    if rank % 10 == 3:
        return str(100 + rank), {"v": 100 + rank}
    if rank % 10 == 6:
        return f"mot {rank}", {"v": f"mot {rank}"}
    one, other = rank % 9 + 1, (rank + 3) % 9 + 1
    if rank % 10 == 9:
        return f"{one}{other}", {"v": sorted({one, other})}
    code = rank % 12 + 1 if rank % 2 else one
    return str(code), {"v": code}


@pytest.mark.faults
def test_a_fast_typist_answers_the_questions_that_she_means(
    live_server: Any, world: World, page: Page
) -> None:
    interview = begun(live_server, world, page)
    plan = [typed(rank) for rank in range(QUESTIONS)]
    page.keyboard.type(keys_of(plan), delay=PAUSE)
    check(page, interview, plan)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(5))
def test_a_network_cut_for_ten_seconds_loses_none_of_her_keys(
    live_server: Any, world: World, page: Page, context: BrowserContext, seed: int
) -> None:
    interview = begun(live_server, world, page)
    plan = [typed(rank) for rank in range(QUESTIONS)]
    keys = keys_of(plan)
    # Anywhere: between two questions, within a code, before the Enter.
    cut = random.Random(seed).randrange(5, len(keys) - CUT_KEYS)
    page.keyboard.type(keys[:cut], delay=PAUSE)
    context.set_offline(True)
    page.keyboard.type(keys[cut : cut + CUT_KEYS], delay=PAUSE)
    context.set_offline(False)
    page.keyboard.type(keys[cut + CUT_KEYS :], delay=PAUSE)
    check(page, interview, plan)


def begun(live_server: Any, world: World, page: Page) -> Interview:
    """Nadia at the first of the hundred questions."""
    preloads = (Input("SECTEUR_FICHIER", "text"), Input("ENQUETEUR", "text"))
    items = tuple(question(rank) for rank in range(QUESTIONS))
    content = to_json(
        Instrument("typist", "Frappe", (Theme("T", "Frappe", items),), preloads=preloads)
    )
    version = InstrumentVersion.objects.create(
        name="typist", number=1, content=content, hash=content_hash(content), published_at=NOW
    )
    Wave.objects.filter(pk=world.wave.pk).update(version=version, parameters={})
    return in_interview(page, live_server.url, world)


def keys_of(plan: list[tuple[str, dict[str, Any]]]) -> str:
    return "".join(f"{keys}\n" for keys, _value in plan)


def check(page: Page, interview: Interview, plan: list[tuple[str, dict[str, Any]]]) -> None:
    """Each question holds what was typed for it, saved once."""
    page.wait_for_url("**/fin/", timeout=120_000)
    interview.refresh_from_db()
    kept = interview.answers["answers"]
    wrong = {
        question(rank).code: (kept.get(question(rank).code), value)
        for rank, (_keys, value) in enumerate(plan)
        if {"v": kept.get(question(rank).code, {}).get("v")} != value
    }
    assert wrong == {}
    assert interview.events.filter(kind="answer").count() == QUESTIONS
