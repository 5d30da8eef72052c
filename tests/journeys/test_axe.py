"""axe finds nothing on any screen: every page of the URLconf, as each person of the cast sees it.

1. Whatever answers a GET with a page is looked at, in light and in dark, at the size of a laptop.
2. So are the interview's dialogs, which no address opens.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.cati.routes import Route, access, routes, rows_in_hand
from tests.journeys.axe import findings
from tests.journeys.driving import answer_until, in_interview
from tests.world import World

pytestmark = pytest.mark.slow

# The least number of screens that somebody sees: fewer, and the list has gone astray.
SCREENS = {"anonymous": 1, "nadia": 5, "claire": 8, "alain": 12}


def is_screen(page: Page, url: str) -> bool:
    """Whether the address answers with a whole page, and not with a part of one or a file."""
    reply = page.request.get(url, max_redirects=0)
    kind = reply.headers.get("content-type", "")
    return reply.ok and kind.startswith("text/html") and "<html" in reply.text()


def addresses(rows: dict[str, Any]) -> list[str]:
    shown: list[Route] = [route for route in routes() if not access(route).programs]
    return sorted({route.url(**rows) for route in shown})


@pytest.mark.faults
@pytest.mark.parametrize("who", SCREENS)
def test_axe_finds_nothing_on_any_screen(
    live_server: Any, world: World, page: Page, context: BrowserContext, who: str
) -> None:
    rows = rows_in_hand(world)
    if who != "anonymous":
        session = world.client(getattr(world, who)).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    seen, found, wide = [], {}, {}
    for address in addresses(rows):
        url = live_server.url + address
        if not is_screen(page, url):
            continue
        page.goto(url)
        seen.append(address)
        if objections := findings(page):
            found[address] = objections
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 1366:
            wide[address] = width
    assert not found
    assert not wide, "wider than the screen"
    assert len(seen) >= SCREENS[who], seen


def test_axe_finds_nothing_in_an_interview_and_its_dialogs(
    live_server: Any, world: World, page: Page
) -> None:
    in_interview(page, live_server.url, world)
    assert findings(page) == []
    answer_until(page, "S05")
    assert findings(page) == []
    for key in ("Alt+r", "Alt+t", "Alt+l", "Alt+b", "Alt+k"):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        assert findings(page) == [], key
        page.keyboard.press("Escape")
