"""What a calibration costs, from encoded columns, beside `svy` and `ipfn` on the same survey.

Five criteria of the demo margins; shares off by up to 30 %, unequal initial weights. Every engine
runs in a process of its own. The ceilings are on the processors' time, which a machine that does
other things at the same time does not lengthen by much; the table has the clock's too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from weighting.core.demo import demo_margins

ENGINES = Path(__file__).with_name("bench_engines.py")
ROOT = ENGINES.parents[2]
# `make oracles` puts the other engines here, apart from what the product is made of.
ORACLES = ROOT / ".venv" / "oracles" / "bin" / "python"
OURS = ("ours:raking", "ours:linear", "ours:logit", "ours:truncated")
THEIRS = ("svy:raking", "svy:linear", "ipfn:raking")
CASES = {
    "1,500 in 10": (1_500, 10),
    "100,000": (100_000, 1),
    "1,000,000": (1_000_000, 1),
    "1,000,000 in 10": (1_000_000, 10),
}
CEILINGS = {"1,500 in 10": 10.0, "100,000": 5.0, "1,000,000": 20.0}
REPEATS = {"ours": 25, "svy": 5, "ipfn": 1}


def survey(n: int, sectors: int, seed: int) -> dict[str, np.ndarray]:
    """A sample of the last demo sectors, as columns of codes, with the totals of its margins."""
    random = np.random.default_rng(seed)
    margins = list(demo_margins().values())[-sectors:]
    strata = np.arange(n, dtype=np.int8) % sectors if sectors > 1 else np.zeros(n, np.int8)
    columns: dict[str, np.ndarray] = {"strata": strata}
    for place, margin in enumerate(margins[0]):
        totals = np.array([list(its[place].totals.values()) for its in margins])
        codes = np.empty(n, np.int8)
        for sector in range(sectors):
            chosen = np.flatnonzero(strata == sector)
            codes[chosen] = drawn(totals[sector], len(chosen), random)
        columns |= {f"code_{margin.variable}": codes, f"totals_{margin.variable}": totals}
    d = random.uniform(0.5, 1.5, n)
    population = np.array([its[0].total for its in margins])
    return columns | {"d": d * (population / np.bincount(strata, d))[strata]}


def drawn(totals: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Codes of n people, two of each category for certain, so that none is empty."""
    shares = totals * random.uniform(0.7, 1.3, len(totals))
    sure = np.repeat(np.arange(len(totals)), 2)
    rest = random.choice(len(totals), n - len(sure), p=shares / shares.sum())
    return random.permutation(np.concatenate([sure, rest]))


def run(python: str | Path, engine: str, path: Path) -> dict[str, Any]:
    repeat = str(REPEATS[engine.partition(":")[0]])
    done = subprocess.run(
        [python, ENGINES, engine, path, repeat],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.bench
def test_a_calibration_costs_one_pass_over_the_rows(tmp_path: Path) -> None:
    there = ORACLES.exists()
    print("" if there else "\nsvy and ipfn are not installed: `make oracles` puts them beside.")
    print("\n| rows | engine | median ms | processors' ms | peak MB | worst margin |")
    print("|---:|---|---:|---:|---:|---:|")
    spent = {}
    for case, (n, sectors) in CASES.items():
        path = tmp_path / f"{n}.npz"
        np.savez(path, **survey(n, sectors, seed=1))
        for engine in (*OURS, *(THEIRS if there else ())):
            found = run(sys.executable if engine in OURS else ORACLES, engine, path)
            cpu = spent[case, engine] = min(found["cpu"])
            print(
                f"| {case} | {engine.replace(':', ', ')} | {median(found['times']):,.1f} "
                f"| {cpu:,.1f} | {found['megabytes']:,.1f} | {found['miss']:.0e} |"
            )

    assert {case: spent[case, "ours:raking"] <= most for case, most in CEILINGS.items()} == (
        dict.fromkeys(CEILINGS, True)
    )
