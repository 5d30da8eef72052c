"""A call that breaks off, and is taken up again where it stopped.

1. Suspended by the keyboard, with its outcome; rung back at once, it asks who is there, and goes
   on at the question that it had left.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati.models import Attempt
from tests.journeys.driving import answer_until, give, in_interview, on, reply, shown_question
from tests.world import World

pytestmark = pytest.mark.slow


def test_a_cut_line_is_rung_again_and_goes_on_where_it_was(
    live_server: Any, world: World, page: Page
) -> None:
    interview = in_interview(page, live_server.url, world)
    answer_until(page, "TRA02")
    page.keyboard.press("Alt+s")
    page.wait_for_url("**/fin/")
    page.keyboard.type("13")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fiche/*/")
    expect(
        page.get_by_text("La ligne vient d’être coupée : rappelez tout de suite.")
    ).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("En communication")).to_be_visible()
    page.keyboard.press("e")
    # Who picked up is asked anew, and nothing that was answered.
    on(page, "S01")
    again = []
    while (shown := shown_question(page))["item"] != "TRA02":
        again.append(shown["item"])
        give(page, shown["item"], reply(shown)[0])
    assert len(again) <= 3, again
    interview.refresh_from_db()
    assert {"S05", "TRA01"} <= interview.answers["answers"].keys()
    calls = Attempt.objects.filter(case__interviews__interview=interview)
    assert list(calls.order_by("opened_at").values_list("disposition", flat=True)) == ["13", ""]
