"""What axe objects to on the page, by the rules of WCAG 2.1 A and AA, in light and in dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


# Nothing but its colours changes in the dark.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


def findings(page: Page) -> list[str]:
    """What axe objects to: the rule, what it asks for, and where."""
    found = _found(page, RULES)
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark, {one}" for one in _found(page, COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


def _found(page: Page, options: dict[str, Any]) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']}: {one['help']} at {node['target']}" for one in found for node in one["nodes"]
    ]
