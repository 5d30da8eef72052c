"""Two windows of one interviewer on one interview, and a database that fails under her hands.

1. Both windows save on the same lease; the one that stood still follows the other.
2. A window in which something is typed is told, keeps it, and saves it when she says so.
3. While the database does not answer, the page says so, keeps the answer, and sends it again with
   the same UUID; nothing is doubled.
4. When the case is taken over while an answer waits for the network, the answer is kept aside, and
   the page says who has the case and what became of the answer.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from cati.models import CaseAct, LateAnswer
from cati.operations.steer_cases import Order, steer
from questionnaire.models import AnswerEvent
from tests.journeys.driving import answer_until, give, in_interview, on
from tests.world import World

pytestmark = pytest.mark.slow


def test_two_windows_work_on_one_lease(
    live_server: Any, world: World, page: Page, context: BrowserContext
) -> None:
    interview = in_interview(page, live_server.url, world)
    other = context.new_page()
    other.goto(page.url)
    on(other, "S01")
    give(page, "S01", "1")
    on(other, "S10")
    give(other, "S10", "1")
    on(page, "S11")

    other.bring_to_front()
    other.keyboard.type("2")
    give(page, "S11", "1")
    expect(other.get_by_role("alert")).to_contain_text("Une autre fenêtre a avancé")
    on(other, "S11")
    other.keyboard.press("Enter")
    on(other, "S02")
    on(page, "S02")
    interview.refresh_from_db()
    kept = interview.answers["answers"]
    assert [kept[item] for item in ("S01", "S10", "S11")] == [{"v": 1}, {"v": 1}, {"v": 2}]
    lines = AnswerEvent.objects.filter(item="S11").order_by("seq")
    assert [line.value for line in lines] == [{"v": 1}, {"v": 2}]


def test_a_database_that_fails_keeps_the_answer_in_the_page(
    live_server: Any, world: World, page: Page
) -> None:
    in_interview(page, live_server.url, world)
    sent: list[str] = []

    def fail_twice(route: Route) -> None:
        body = route.request.post_data_json
        assert body is not None
        sent.append(body["uuid"])
        if len(sent) < 3:
            route.fulfill(status=503, json={"retry": True, "message": "…"})
        else:
            route.continue_()

    page.route("**/reponse/", fail_twice)
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    state = page.locator("#save")
    expect(state).to_contain_text("La base ne répond pas, continuez : 1 réponse en attente")
    on(page, "S10")
    expect(state).to_contain_text("Tout est enregistré")
    assert (len(sent), len(set(sent))) == (3, 1)
    assert AnswerEvent.objects.filter(item="S01").count() == 1


def test_an_answer_that_waits_for_the_network_outlives_a_take_over(
    live_server: Any, world: World, page: Page, context: BrowserContext
) -> None:
    interview = in_interview(page, live_server.url, world)
    answer_until(page, "S11")
    context.set_offline(True)
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(page.locator("#save")).to_contain_text("1 réponse en attente")
    case = world.nadia.held_cases.get()
    order = Order("Ligne perdue", world.claire, world.now)
    steer(case.pk, CaseAct.Kind.TAKE_OVER, order)
    context.set_offline(False)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("n’est plus réservée pour vous", timeout=15_000)
    expect(page.get_by_role("status")).to_contain_text("1 réponse est arrivée après")
    late = LateAnswer.objects.get()
    assert (late.item, late.value, late.interview) == ("S11", {"v": 2}, interview)
    assert not AnswerEvent.objects.filter(item="S11").exists()
