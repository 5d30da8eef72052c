"""Promises and rules in a browser.

1. An outcome is two keystrokes, and Enter.
2. An appointment is given on one screen by keys alone, in fewer than twelve.
3. A night is refused with the nearest possible hour, and what was typed stays.
4. A supervisor changes a rule, and sees at once whom it sets aside in "who comes next".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati import clock
from cati.core.day_parts import part_at
from cati.core.rules import USUAL
from cati.core.scheduling import PARIS
from cati.models import Appointment, Attempt, RulesAct, Wave
from tests.journeys.driving import log_in
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Keys:
    """Types, and counts what was pressed."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, 0

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.pressed += len(text)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.pressed += 1


def to_the_outcome(page: Page, address: str, world: World) -> None:
    log_in(page, address, "nadia")
    expect(page.get_by_role("button", name="Prochaine fiche")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/fiche/*/")
    page.keyboard.press("a")
    expect(page.get_by_text("En communication")).to_be_visible()
    page.goto(f"{page.url}fin/")
    expect(page.get_by_role("heading", name="Quelle est l’issue")).to_be_visible()


def test_an_outcome_takes_two_keys_and_enter(live_server: Any, world: World, page: Page) -> None:
    to_the_outcome(page, live_server.url, world)
    page.keyboard.type("32")
    page.keyboard.press("Enter")
    page.wait_for_url("**/enquete/")
    assert Attempt.objects.get().disposition == "32"


def test_an_appointment_takes_fewer_than_twelve_keys(
    live_server: Any, world: World, page: Page
) -> None:
    to_the_outcome(page, live_server.url, world)
    expect(page.get_by_role("table", name="Charge de la semaine")).to_be_hidden()
    keys = Keys(page)
    keys.type("20")
    expect(page.get_by_role("table", name="Charge de la semaine")).to_be_visible()
    keys.type("+1 18h")
    keys.press("Enter")
    page.wait_for_url("**/enquete/")
    promise = Appointment.objects.get()
    hour = promise.at.astimezone(PARIS)
    tomorrow = (clock.now().astimezone(PARIS) + timedelta(days=1)).date()
    assert (hour.date(), hour.hour, promise.owner, promise.firm) == (
        tomorrow, 18, world.nadia, True
    )  # fmt: skip
    assert keys.pressed < 12


def test_a_night_is_refused_with_the_nearest_hour(
    live_server: Any, world: World, page: Page
) -> None:
    to_the_outcome(page, live_server.url, world)
    # Until then the wave called at every hour; nobody can make this test wait for the morning.
    hours = {str(day): ["10:00", "20:30"] for day in range(1, 8)}
    Wave.objects.filter(pk=world.wave.pk).update(calling_hours=hours)
    page.keyboard.type("20")
    page.keyboard.type("+1 23h")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("20 h 15")
    expect(page.get_by_label("Jour", exact=True)).to_have_value("+1 23h")
    assert not Appointment.objects.exists()


def test_a_changed_rule_is_seen_in_who_comes_next(
    live_server: Any, world: World, page: Page
) -> None:
    log_in(page, live_server.url, "claire")
    page.get_by_role("link", name="Appels", exact=True).click()
    listed = page.locator("table.next tbody tr")
    expect(listed).to_have_count(len(world.cases))
    page.get_by_role("link", name="Règles d’appel").click()
    # All weight on another part of the week than now, whenever this runs.
    here = part_at(USUAL.parts, clock.now())
    for number in range(1, len(USUAL.parts) + 1):
        weight = page.locator(f"[name=part_{number}_weight]")
        weight.fill("1" if number == here % len(USUAL.parts) + 1 else "0")
    page.get_by_label("Un numéro jamais appelé").check()
    page.get_by_label("Motif du changement").fill("plus tard dans la semaine")
    page.get_by_role("button", name="Enregistrer les règles").click()
    expect(page.get_by_text("Règles enregistrées")).to_be_visible()
    expect(page.get_by_text("plus tard dans la semaine")).to_be_visible()
    page.get_by_role("link", name="Voir qui vient ensuite").click()
    expect(listed).to_have_count(0)
    expect(page.locator("table.aside")).to_contain_text("Autre tranche")
    assert RulesAct.objects.get().by == world.claire
