"""Valkey dies three times under a call, in a real browser on the whole product.

1. No answer shows an error, and none is lost.
2. The call ends as usual, and the supervisor's board opens.
3. Valkey is back by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.driving import get_on_the_line, give, log_in, reply, shown_question
from tests.launcher import Launcher, free_port, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def product() -> Iterator[tuple[Launcher, str]]:
    parent = Path(mkdtemp(prefix="cati-test-", dir="/tmp"))
    parent.chmod(0o755)
    port = free_port()
    launcher = Launcher(parent / "var", "--port", str(port)).ready()
    yield launcher, f"http://localhost:{port}"
    launcher.stop()
    shutil.rmtree(parent)


def test_a_call_outlives_valkey(
    product: tuple[Launcher, str], page: Page, context: BrowserContext
) -> None:
    launcher, address = product
    log_in(page, address, "n.benali", "demo-enquete")
    get_on_the_line(page)
    given = []
    for turn in range(24):
        if turn in (4, 10, 16):
            kill_valkey(launcher)
        shown = shown_question(page)
        given.append(shown["item"])
        give(page, shown["item"], reply(shown)[0])
    expect(page.locator("#save")).to_contain_text("Tout est enregistré")
    stored = launcher.execute(
        "SELECT item FROM questionnaire_answerevent WHERE actor_id IS NOT NULL"
        " AND kind IN ('answer', 'special', 'seen', 'confirm') AND item <> ''"
    )
    assert sorted(item for (item,) in stored if item in given) == sorted(given)

    kill_valkey(launcher)
    assert context.browser is not None
    board = context.browser.new_context(locale="fr-FR").new_page()
    log_in(board, address, "c.fournier", "demo-terrain")
    expect(board.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("Alt+s")
    page.wait_for_url("**/fin/")
    page.keyboard.type("22")
    page.keyboard.press("Enter")
    page.wait_for_url("**/enquete/")
    wait_until(lambda: launcher.said().count("valkey was killed by SIGKILL") == 4, 20)
    wait_until(lambda: (launcher.data / "run" / "valkey.sock").exists(), 20)


def kill_valkey(launcher: Launcher) -> None:
    """Kill it, once it is back from the last time."""
    wait_until(lambda: launcher.pids_of("valkey-server"), 20)
    os.kill(launcher.pid_of("valkey-server"), signal.SIGKILL)
