"""What an answer costs on the instrument as it is, and four and sixteen times as long.

The long ones repeat the twenty themes under other names. Prints a table; the ceilings are those
that the screens stand on: a step under 100 µs that does not grow, a request under 5 ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from questionnaire.core.load import load_instrument, load_texts
from questionnaire.core.respondents import random_walk
from questionnaire.core.routing import COMPLETE, Event, Program, State, Walker, compile_instrument

FOLDER = Path(__file__).resolve().parents[2] / "questionnaire" / "instruments" / "allo_quartiers"
FRAME = ("introduction.yaml", "profil.yaml", "menage.yaml", "cloture.yaml")
DEFINED = re.compile(r"(?:code|compute|grid|theme): ([A-Z][A-Z0-9_]*)")


def enlarged(times: int) -> Program:
    """The instrument with its twenty themes `times` over."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")}
    themes = {name: text for name, text in texts.items() if name not in (*FRAME, "instrument.yaml")}
    names = {name for text in themes.values() for name in DEFINED.findall(text)}
    word = re.compile(rf"\b({'|'.join(sorted(names, key=len, reverse=True))})\b")
    files = [one for one in load_order(texts["instrument.yaml"]) if one in themes]
    more = []
    for copy in range(2, times + 1):
        for name in files:
            texts[f"x{copy}_{name}"] = word.sub(rf"\1_{copy}", themes[name])
            more.append(f"- x{copy}_{name}")
    manifest = texts["instrument.yaml"].rstrip("\n")
    head, tail = manifest.split("- menage.yaml")
    texts["instrument.yaml"] = head + "\n".join([*more, "- menage.yaml"]) + tail + "\n"
    return compile_instrument(load_texts(texts))


def load_order(manifest: str) -> list[str]:
    return re.findall(r"^- (\w+\.yaml)$", manifest, re.MULTILINE)


def timed(act: Callable[[], object], times: int) -> list[float]:
    """Seconds of each call, in rising order."""
    spent = []
    for _ in range(times):
        start = perf_counter()
        act()
        spent.append(perf_counter() - start)
    return sorted(spent)


def steps(walker: Walker) -> tuple[list[float], float]:
    """Edits of random answers that keep the route open, timed; and rules evaluated per step."""
    draw = Random(5)
    singles = [
        key for key in walker.route().asked
        if (item := walker.program.node(key).entry).choices and item.type == "scale"
    ][:60]  # fmt: skip
    before, spent = walker.evaluated, []
    for _ in range(4000):
        event = Event("answer", draw.choice(singles), value={"v": draw.randint(1, 3)})
        start = perf_counter()
        walker.step(event)
        spent.append(perf_counter() - start)
    return sorted(spent), (walker.evaluated - before) / len(spent)


@pytest.mark.bench
def test_an_answer_costs_what_it_touches() -> None:
    print(
        "\n| size | items | compile ms | load + full pass ms | step p50 µs | step p99 µs | rules |"
    )
    print("|---|---|---|---|---|---|---|")
    medians, requests = {}, {}
    for times in (1, 4, 16):
        program = enlarged(times)
        compiling = timed(lambda program=program: compile_instrument(program.instrument), 3)[1]
        walks = (random_walk(program, Random(seed)) for seed in count())
        walker = next(walk for walk in walks if walk.outcome() == COMPLETE)
        text = json.dumps(walker.state.to_json())
        loading = timed(
            lambda program=program, text=text: Walker(program, State.from_json(json.loads(text))),
            20,
        )[10]
        spent, rules = steps(walker)
        medians[times], requests[times] = spent[len(spent) // 2], loading
        print(
            f"| {times}× | {len(program.slot_of)} | {compiling * 1e3:.0f} | {loading * 1e3:.2f} "
            f"| {medians[times] * 1e6:.1f} | {spent[-len(spent) // 100] * 1e6:.1f} | {rules:.1f} |"
        )

    assert medians[1] < 100e-6
    assert medians[16] / medians[1] < 1.3
    assert requests[1] < 5e-3


@pytest.mark.slow
def test_the_enlarged_instrument_is_as_long_as_it_says() -> None:
    assert len(load_instrument(FOLDER).items) == 228
    assert len(enlarged(2).slot_of) == 228 + 198  # thirty stand outside the themes
