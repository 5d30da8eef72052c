"""One engine calibrates one survey, in a process of its own: its times and its peak of memory.

`python bench_engines.py ENGINE SURVEY.npz REPEAT` prints them as JSON. The survey is encoded
columns: strata, d, one code_VARIABLE each, and totals_VARIABLE (sectors × categories). What an
engine wants to be given is made beforehand and not timed; nor is the first run, which warms up.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

Survey = dict[str, np.ndarray]
# A run that is timed: called on what a call that is not timed has made ready.
Run = tuple[Callable[[], Any], Callable[[Any], np.ndarray]]
MISS = 1e-6


def variables(survey: Survey) -> list[str]:
    return [name.removeprefix("code_") for name in survey if name.startswith("code_")]


def sectors(survey: Survey) -> list[np.ndarray]:
    """The rows of each sector."""
    strata = survey["strata"]
    return [np.flatnonzero(strata == sector) for sector in range(int(strata.max()) + 1)]


def ours(survey: Survey, method: str) -> Run:
    from weighting.core.calibration import calibrate
    from weighting.core.margins import Margin
    from weighting.core.methods import method_named
    from weighting.core.units import Column, Units

    names = variables(survey)
    labels = {name: tuple(map(str, range(survey[f"totals_{name}"].shape[1]))) for name in names}
    places = tuple(map(str, range(len(sectors(survey)))))
    margins = {
        place: [
            Margin(name, dict(zip(labels[name], survey[f"totals_{name}"][row], strict=True)))
            for name in names
        ]
        for row, place in enumerate(places)
    }
    columns = {name: Column(survey[f"code_{name}"], labels[name]) for name in names}
    units = Units(Column(survey["strata"], places), survey["d"], columns)
    bounds = (0.1, 6.0) if method in ("logit", "truncated") else None
    chosen = method_named(method, bounds)
    return lambda: None, lambda _: calibrate(units, margins, chosen).weights


def svy(survey: Survey, method: str) -> Run:
    import polars as pl
    from svy import Cat, Design, Sample

    names = variables(survey)
    frames = [
        pl.DataFrame({"d": survey["d"][rows]} | {n: survey[f"code_{n}"][rows] for n in names})
        for rows in sectors(survey)
    ]
    samples = [Sample(frame, Design(wgt="d")) for frame in frames]
    totals = [
        {n: dict(enumerate(survey[f"totals_{n}"][sector].tolist())) for n in names}
        for sector in range(len(frames))
    ]

    def run(_: Any) -> np.ndarray:
        weights = np.empty(len(survey["d"]))
        for rows, sample, controls in zip(sectors(survey), samples, totals, strict=True):
            if method == "raking":
                done = sample.weighting.rake(
                    controls=controls, tol=MISS, max_iter=1000, wgt_name="w"
                )
            else:
                terms = {Cat(name): its for name, its in controls.items()}
                done = sample.weighting.calibrate(controls=terms, wgt_name="w")
            weights[rows] = done.data["w"].to_numpy()
        return weights

    return lambda: None, run


def ipfn(survey: Survey, _method: str) -> Run:
    import pandas as pd
    from ipfn.ipfn import ipfn as Ipfn

    names = variables(survey)
    frames = [
        pd.DataFrame({n: survey[f"code_{n}"][rows] for n in names} | {"d": survey["d"][rows]})
        for rows in sectors(survey)
    ]
    totals = [
        [pd.Series(survey[f"totals_{name}"][sector]) for name in names]
        for sector in range(len(frames))
    ]
    dimensions = [[name] for name in names]

    def run(copies: list[pd.DataFrame]) -> np.ndarray:
        weights = np.empty(len(survey["d"]))
        for rows, frame, aggregates in zip(sectors(survey), copies, totals, strict=True):
            fitted = Ipfn(
                frame, aggregates, dimensions, "d", convergence_rate=MISS, rate_tolerance=0.0
            )
            weights[rows] = fitted.iteration()["d"].to_numpy()
        return weights

    return lambda: [frame.copy() for frame in frames], run  # it writes into what it is given


def worst_miss(survey: Survey, weights: np.ndarray) -> float:
    """The largest relative miss of any margin, summed here and not by the engine."""
    worst = 0.0
    for name in variables(survey):
        totals = survey[f"totals_{name}"]
        cells = survey["strata"].astype(np.intp) * totals.shape[1] + survey[f"code_{name}"]
        achieved = np.bincount(cells, weights, totals.size).reshape(totals.shape)
        worst = max(worst, float(np.abs(achieved / totals - 1).max()))
    return worst


def memory(field: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at most since `forget_peak`."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1000


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def measured(survey: Survey, engine: Run, repeat: int) -> dict[str, Any]:
    """Milliseconds of each run but the first, by the clock and of the processors; megabytes that
    the first one needs (later ones find what it has left to the process); the worst miss."""
    prepare, run = engine
    given = prepare()
    forget_peak()
    before = memory("VmRSS")
    weights = run(given)
    needed = memory("VmHWM") - before
    times, cpu = [], []
    for _ in range(repeat):
        given = prepare()
        start, worked = perf_counter(), process_time()
        run(given)
        times.append(1000 * (perf_counter() - start))
        cpu.append(1000 * (process_time() - worked))
    return {
        "times": times,
        "cpu": cpu,
        "megabytes": needed,
        "miss": worst_miss(survey, weights),
    }


def main(engine: str, path: str, repeat: str) -> None:
    with np.load(path) as stored:
        survey = dict(stored)
    name, _, method = engine.partition(":")
    made = {"ours": ours, "svy": svy, "ipfn": ipfn}[name](survey, method)
    print(json.dumps(measured(survey, made, int(repeat))))


if __name__ == "__main__":
    main(*sys.argv[1:])
