"""A real browser on a live server: the system's Chromium, or a skip that says there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HERE = Path(__file__).parent


def found_browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason=f"no Chromium on PATH ({', '.join(BROWSERS)})")
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.journey)
        if found_browser() is None:
            item.add_marker(missing)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    # Chromium's sandbox needs namespaces that containers and root often lack.
    args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    return {"executable_path": found_browser(), "args": args}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1366, "height": 768}, "locale": "fr-FR"}


@pytest.fixture(scope="session", autouse=True)
def rows_beside_the_browser() -> Iterator[None]:
    """Playwright runs a loop in this thread, in which Django refuses the database without this.

    For the session: the database is emptied after the test's own fixtures are gone.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(autouse=True)
def no_telephone(context: BrowserContext) -> None:
    """Clicks on `tel:` links stop here: the browser would ask its user for an application."""
    context.add_init_script(
        "addEventListener('click', (event) => {"
        "  if (event.target.closest?.('a[href^=\"tel:\"]')) event.preventDefault();"
        "}, true)"
    )
