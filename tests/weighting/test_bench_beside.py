"""Fifty interviewers at work, without and with exports beside them: what their answers take.

Exports of a hundred thousand interviews, one after the other, by a worker as in production: it
steps back for whoever is on the telephone. The effect on the interviewers' p95 stays under 20 %.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest

from cati import clock
from cati.core.encounters import COMPLETE, Script
from cati.models import Job
from cati.operations.demo import prepare_demo
from tests.weighting.test_bench_exports import MANY, prepared
from tests.weighting.test_faults import state
from tests.workers import Workers, wait_until, workers
from tests.world import NOW, World
from weighting.exports.job import ask_for_export
from weighting.management.commands.simulate import Command
from weighting.management.simulation.interviewer import Call, Interviewer
from weighting.management.simulation.server import served
from weighting.models import WeightingRun

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]
INTERVIEWERS, THINK = 50, 2.0
# Alone and beside exports in turn: the machine's speed changes within the hour.
TURNS, SECONDS = 3, 40
WORSE = 1.2


@contextmanager
def at_work(team: list[Interviewer], scripts: Iterator[Script]) -> Iterator[None]:
    """Everybody in one interview after the other."""
    stop, lock = threading.Event(), threading.Lock()
    for one in team:
        one.log_in()

    def shift(one: Interviewer) -> None:
        while not stop.is_set():
            with lock:
                respondent = next(scripts).respondent
            number = one.claim()
            assert number is not None
            call = Call(one, number, Script(COMPLETE, respondent))
            call.dial()
            question = call.open()
            while question is not None and not stop.is_set():
                question = call.answer(question)
            if not stop.is_set():
                call.close()

    threads = [threading.Thread(target=shift, args=(one,), daemon=True) for one in team]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for one in team:
            one.browser.close()


def answered(team: list[Interviewer], seconds: float) -> list[float]:
    """What the answers of these seconds took."""
    before = [len(one.browser.seconds.get("answer", [])) for one in team]
    time.sleep(seconds)
    return [
        taken
        for one, count in zip(team, before, strict=True)
        for taken in one.browser.seconds.get("answer", [])[count:]
    ]


def beside_exports(
    team: list[Interviewer], worker: Workers, world: World, run: int
) -> tuple[list[float], int]:
    """The same while exports run, and how many of them ended."""
    taken: list[float] = []
    until, done = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        job = begun(worker, world, run)
        while state(job) == Job.State.RUNNING:
            taken.extend(answered(team, 1.0))
        assert job.state == Job.State.DONE, job.error
        done += 1
    return taken, done


def begun(worker: Workers, world: World, run: int) -> Job:
    job = ask_for_export(world.wave, run, "csv-codes", world.alain, NOW)
    worker.sweep()
    wait_until("the export has begun", lambda: state(job) != Job.State.QUEUED)
    return job


def test_interviewers_beside_exports(settings: Any, world: World, own_folder: Path) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    prepared(world, MANY)
    run = WeightingRun.objects.get(wave=world.wave).number
    world.wave.slug = "2024"
    world.wave.save()
    wave, simulate = prepare_demo(clock.now()), Command()
    scripts = iter(simulate.room(wave, {"interviews": 0, "seed": 1}).scripts.values())
    alone: list[float] = []
    beside: list[float] = []
    exports = 0
    with workers(own_folder) as (worker, _queue), served() as url:
        worker.start(pool="prefork")
        team = simulate.team(wave, url, {"interviewers": INTERVIEWERS, "think": THINK})
        with at_work(team, scripts):
            answered(team, SECONDS)  # the workers warm up
            for _turn in range(TURNS):
                alone += answered(team, SECONDS)
                taken, done = beside_exports(team, worker, world, run)
                beside += taken
                exports += done
    print(f"\n{INTERVIEWERS} interviewers, {exports} exports of {MANY} interviews")
    for name, taken in (("alone", alone), ("beside exports", beside)):
        print(f"{name:16}{len(taken):6} answers, p50 {1000 * median(taken):5.1f} ms, ", end="")
        print(f"p95 {1000 * p95(taken):5.1f} ms")
    assert p95(beside) < WORSE * p95(alone)


def p95(taken: list[float]) -> float:
    return quantiles(taken, n=20)[-1]
