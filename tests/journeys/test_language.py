"""The language of the talk changes in mid-interview, and nothing else does.

1. Alt+G puts the question on screen in the other language, with what was marked kept.
2. It stays for the questions that follow, for the replies to hesitation, and after a reload.
3. The answers stored are the same codes.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.driving import in_interview, on
from tests.world import World

pytestmark = pytest.mark.slow


def test_the_language_changes_in_mid_interview_and_what_was_typed_stays(
    live_server: Any, world: World, page: Page
) -> None:
    interview = in_interview(page, live_server.url, world)
    page.keyboard.press("1")
    page.keyboard.press("Alt+g")
    asked = page.locator("#question h1")
    expect(asked).to_have_attribute("lang", "en")
    expect(page.get_by_label("Code", exact=True)).to_have_value("1")
    expect(page.locator("#persuasion")).to_contain_text("Who gave you my number?")
    page.keyboard.press("Enter")
    on(page, "S10")
    expect(asked).to_have_attribute("lang", "en")
    page.reload()
    expect(asked).to_have_attribute("lang", "en")
    page.keyboard.press("Alt+l")
    expect(page.get_by_role("dialog")).to_contain_text("Who gave you my number?")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+g")
    expect(asked).not_to_have_attribute("lang", "en")
    expect(page.locator("#save")).to_contain_text("Tout est enregistré")
    interview.refresh_from_db()
    assert interview.answers["answers"] == {"S01": {"v": 1}}
