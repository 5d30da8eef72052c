"""What axe objects to on the page, by the rules of WCAG 2.1 A and AA."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def findings(page: Page) -> list[str]:
    """What axe objects to: the rule, what it asks for, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {one['help']} at {node['target']}" for one in found for node in one["nodes"]
    ]
