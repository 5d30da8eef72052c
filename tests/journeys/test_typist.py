"""A typist at twelve keys per second through a hundred questions, never waiting for the screen.

1. Every answer is on the question for which it was typed: none elsewhere, none lost, none doubled.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

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
from questionnaire.models import InstrumentVersion
from tests.journeys.driving import in_interview
from tests.world import NOW, World

QUESTIONS = 100
PAUSE = 1000 / 12  # ms between two keys
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
    preloads = (Input("SECTEUR_FICHIER", "text"), Input("ENQUETEUR", "text"))
    items = tuple(question(rank) for rank in range(QUESTIONS))
    content = to_json(
        Instrument("typist", "Frappe", (Theme("T", "Frappe", items),), preloads=preloads)
    )
    version = InstrumentVersion.objects.create(
        name="typist", number=1, content=content, hash=content_hash(content), published_at=NOW
    )
    Wave.objects.filter(pk=world.wave.pk).update(version=version, parameters={})
    interview = in_interview(page, live_server.url, world)

    plan = [typed(rank) for rank in range(QUESTIONS)]
    page.keyboard.type("".join(f"{keys}\n" for keys, _value in plan), delay=PAUSE)

    page.wait_for_url("**/fin/", timeout=120_000)
    interview.refresh_from_db()
    kept = interview.answers["answers"]
    wrong = {
        item.code: (kept.get(item.code), value)
        for item, (_keys, value) in zip(items, plan, strict=True)
        if {"v": kept.get(item.code, {}).get("v")} != value
    }
    assert wrong == {}
    assert interview.events.filter(kind="answer").count() == QUESTIONS
