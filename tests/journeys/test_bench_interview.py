"""From the key to the paint: how long a question takes to come, and what it weighs on the wire.

The whole way counts: key, request, the answer's transaction, drawing, reply, layout, paint. One
interviewer on the test's own server; other people's load is what `manage.py simulate` adds.
"""

from __future__ import annotations

import gzip
from statistics import median, quantiles
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from tests.journeys.driving import give, in_interview, reply, shown_question
from tests.world import World

pytestmark = pytest.mark.bench
ANSWERS = 60
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


def test_key_to_paint(live_server: Any, world: World, page: Page) -> None:
    weights: list[int] = []

    def weigh(response: Response) -> None:
        if response.url.endswith("/reponse/"):
            weights.append(len(gzip.compress(response.body())))

    page.add_init_script(WATCH)
    in_interview(page, live_server.url, world)
    page.on("response", weigh)
    for _ in range(ANSWERS):
        shown = shown_question(page)
        if not shown:
            break
        give(page, shown["item"], reply(shown)[0])
    paints: list[float] = page.evaluate("paints")
    assert len(paints) > ANSWERS / 2
    print(f"\n{len(paints)} answers, key to paint: p50 {median(paints):.0f} ms, ", end="")
    print(f"p95 {quantiles(paints, n=20)[-1]:.0f} ms; gzipped reply: median ", end="")
    print(f"{median(weights):.0f} bytes, at most {max(weights)}")
    assert max(weights) <= 5_000
