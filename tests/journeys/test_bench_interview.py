"""From the key to the paint: how long a question takes to come, and what it weighs on the wire.

The whole way counts: key, request, the answer's transaction, drawing, reply, layout, paint; on a
granian of two workers, beside virtual interviewers who think two seconds before each answer.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import pytest
from django.conf import settings as configured
from playwright.sync_api import Page, Response

from cati import clock
from cati.operations.demo import prepare_demo
from questionnaire.models import AnswerEvent
from tests.journeys.driving import get_on_the_line, give, log_in, reply, shown_question
from weighting.management.simulation.server import environment_here, served

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]
ANSWERS = 60
THINK = 2
# From the Enter key to the first moment after the frame in which the next question stands.
WATCH = """
window.paints = [];
const isQuestion = (node) => node.id === "question";
const pressed = (event) => { if (event.key === "Enter") window.pressedAt = event.timeStamp; };
const painted = () => paints.push(performance.now() - pressedAt);
addEventListener("keydown", pressed, true);
addEventListener("DOMContentLoaded", () => {
  if (!document.getElementById("interview")) return;
  new MutationObserver((changes) => {
    const came = changes.some((change) => [...change.addedNodes].some(isQuestion));
    if (came) requestAnimationFrame(() => setTimeout(painted));
  }).observe(document.querySelector("main"), { childList: true });
});
"""


@contextmanager
def others(count: int, url: str) -> Iterator[None]:
    """`count` virtual interviewers at work, all of them in an interview before it begins."""
    if not count:
        yield
        return
    command = [
        *(sys.executable, "manage.py", "simulate", "--url", url, "--interviews", "5000"),
        *("--interviewers", str(count), "--think", str(THINK)),
    ]
    room = subprocess.Popen(
        command, cwd=configured.BASE_DIR, env=environment_here(), stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while AnswerEvent.objects.filter(kind="answer").count() < 10 * count:
            assert room.poll() is None
            assert time.monotonic() < deadline
            time.sleep(1)
        yield
    finally:
        room.kill()
        room.wait()


@pytest.mark.parametrize("count", [0, 20, 50])
def test_key_to_paint(settings: Any, tmp_path: Any, page: Page, count: int) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.DATA_DIR = tmp_path
    prepare_demo(clock.now(), size=2_000)
    weights: list[int] = []

    def weigh(response: Response) -> None:
        if response.url.endswith("/reponse/"):
            weights.append(len(gzip.compress(response.body())))

    page.add_init_script(WATCH)
    with served() as url, others(count, url):
        log_in(page, url.rstrip("/"), "n.benali", "demo-enquete")
        get_on_the_line(page)
        page.on("response", weigh)
        for _ in range(ANSWERS):
            shown = shown_question(page)
            if not shown:
                break
            give(page, shown["item"], reply(shown)[0])
        paints: list[float] = page.evaluate("paints")
    assert len(paints) > ANSWERS / 2
    print(f"\n{count} others, {len(paints)} answers, key to paint: ", end="")
    print(f"p50 {median(paints):.0f} ms, p95 {quantiles(paints, n=20)[-1]:.0f} ms; ", end="")
    print(f"gzipped reply: median {median(weights):.0f} bytes, at most {max(weights)}")
    assert max(weights) <= 5_000
