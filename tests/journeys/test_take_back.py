"""An accidental key at the end of a call is mended by another, and a break is one key long.

1. A wrong outcome is taken back from the home, and the right one given, by the keyboard alone.
2. P begins a break, Enter ends it.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati.models import Attempt, Break
from tests.journeys.test_calling import to_the_outcome
from tests.world import World

pytestmark = pytest.mark.slow


def test_a_wrong_outcome_is_mended_by_keys_alone(
    live_server: Any, world: World, page: Page
) -> None:
    to_the_outcome(page, live_server.url, world)
    page.keyboard.type("41")
    page.keyboard.press("Enter")
    page.wait_for_url("**/enquete/")
    assert Attempt.objects.get().disposition == "41"
    page.keyboard.press("c")
    page.wait_for_url("**/fin/")
    page.keyboard.type("32")
    page.keyboard.press("Enter")
    page.wait_for_url("**/enquete/")
    assert Attempt.objects.get().disposition == "32"
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Reprendre le travail")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Prochaine fiche")).to_be_focused()
    assert Break.objects.get().ended_at is not None
