"""What waits for the network outlives a reload of the page, and nobody reads it on the machine.

1. The answer under way and the keys typed since are kept, sealed, until the server has them.
2. After a reload each is saved once, on its own question.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.driving import in_interview, on
from tests.world import World

pytestmark = pytest.mark.slow

KEPT = "() => Object.entries(localStorage).filter(([name]) => name.startsWith('waiting'))"


def test_answers_that_wait_outlive_a_reload(live_server: Any, world: World, page: Page) -> None:
    interview = in_interview(page, live_server.url, world)
    page.route("**/reponse/", lambda route: route.abort())
    for key in ("1", "Enter", "1", "Enter", "2"):
        page.keyboard.press(key)
    expect(page.locator("#save")).to_contain_text("1 réponse en attente")
    page.wait_for_function(f"({KEPT})().length === 1")
    ((_name, sealed),) = page.evaluate(KEPT)
    assert not {"S01", "uuid", "Enter"} & set(sealed.replace('"', " ").split())
    page.unroute("**/reponse/")
    page.reload()
    on(page, "S11")
    expect(page.get_by_label("Code", exact=True)).to_have_value("2")
    expect(page.locator("#save")).to_contain_text("Tout est enregistré")
    page.wait_for_function(f"({KEPT})().length === 0")
    interview.refresh_from_db()
    assert interview.answers["answers"] == {"S01": {"v": 1}, "S10": {"v": 1}}
    assert interview.events.filter(kind="answer").count() == 2
