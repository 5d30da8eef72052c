"""A grid in the browser: one scale, one line at a time, and the keys of any other question."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati.models import Wave
from tests.journeys.axe import findings
from tests.journeys.driving import answer_until, give, in_interview, on, shown_question
from tests.world import World

pytestmark = pytest.mark.slow


def test_a_grid_asks_its_lines_one_by_one_on_one_scale(
    live_server: Any, world: World, page: Page
) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(
        parameters=world.wave.parameters | {"MODULES": False}
    )
    interview = in_interview(page, live_server.url, world)
    answer_until(page, "CAD01")
    give(page, "CAD01", "1")
    lines = page.locator(".lines li")
    expect(lines).to_have_count(6)
    assert findings(page) == []
    asked = []
    for rank, code in enumerate(("1", "2", "n", "3", "4", "r")):
        expect(lines.nth(rank)).to_have_attribute("aria-current", "true")
        expect(lines.nth(rank)).to_contain_text(f"À lire, ligne {rank + 1} sur 6")
        expect(page.locator(".choices.scale .choice")).to_have_count(4)
        act = "Ligne suivante" if rank < 5 else "Valider et suivre"
        expect(page.get_by_role("button", name=act)).to_be_visible()
        asked.append(shown_question(page)["item"])
        give(page, asked[-1], code)
        if rank < 5:
            said = {"n": "NSP"}.get(code, code)
            expect(lines.nth(rank)).to_contain_text(said)
    on(page, "CAD03")
    interview.refresh_from_db()
    stored = [interview.answers["answers"][item] for item in asked]
    assert stored == [
        {"v": 1}, {"v": 2}, {"special": "dk"}, {"v": 3}, {"v": 4}, {"special": "refused"}
    ]  # fmt: skip


def test_letters_find_a_label_in_a_long_list(live_server: Any, world: World, page: Page) -> None:
    interview = in_interview(page, live_server.url, world)
    # The first question is longer than the screen: it goes down by a key.
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.querySelector('main').scrollTop > 0")
    answer_until(page, "S05")
    expect(page.get_by_label("Code", exact=True)).to_have_value("1")
    page.keyboard.type("z")  # nowhere: the sampled sector stands as it stood
    expect(page.locator("#notice")).to_contain_text("Aucune réponse ne contient : z")
    expect(page.get_by_label("Code", exact=True)).to_have_value("1")
    page.keyboard.type("verg")
    expect(page.locator("#echo")).to_contain_text("Vergnes")
    expect(page.locator(".choice.missed")).to_have_count(10)
    expect(page.locator("[name=choice]:checked")).to_have_count(0)
    page.keyboard.type("z")
    expect(page.locator("#notice")).to_contain_text("Aucune réponse ne contient : vergz")
    page.keyboard.press("Enter")
    page.locator("#question:not([data-item='S05'])").wait_for()
    # Drawn in Croix-de-Neyrat, she lives elsewhere: the bar says so at once.
    expect(page.locator(".callbar .sector")).to_contain_text("Vergnes")
    interview.refresh_from_db()
    assert interview.sector == "VE"
