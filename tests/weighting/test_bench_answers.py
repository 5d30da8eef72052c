"""Answers over HTTP without think time: how many a second, how long each, and what one costs.

Virtual interviewers play whole interviews on a granian of two workers, so that the questions are
drawn and the replies are read too. The clock runs from the first question to the last answer: of
the answers alone, not of the calls around them. The clients, in this process, share the machine's
cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

import pytest
from django.db import connection

from cati import clock
from cati.core.encounters import COMPLETE, Script
from cati.operations.demo import prepare_demo
from tests.cati.test_interview_screens import TO_THE_SECTOR, Call
from tests.world import World
from weighting.management.commands.simulate import Command
from weighting.management.simulation import interviewer
from weighting.management.simulation.interviewer import Interviewer
from weighting.management.simulation.server import served

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("own_folder")]
# Clients at once, and the interviews that each of them completes; the first of all warms up.
LOADS = ((4, 2), (1, 6), (5, 4), (20, 2), (50, 1))
WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"


@pytest.mark.django_db(transaction=True)
def test_answers_per_second(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    wave, simulate = prepare_demo(clock.now()), Command()
    scripts = iter(simulate.room(wave, {"interviews": 0, "seed": 1}).scripts.values())
    print("\nclients  answers  per second  p50 ms  p95 ms  p99 ms")
    with served() as url:
        for clients, rounds in LOADS:
            team = simulate.team(wave, url, {"interviewers": clients, "think": 0.0})
            for one in team:
                one.log_in()
            seconds = sum(talk_at_once(team, scripts) for _ in range(rounds))
            times = [taken for one in team for taken in one.browser.seconds["answer"]]
            cuts = quantiles(times, n=100)
            shown = " ".join(f"{1000 * cuts[share - 1]:7.1f}" for share in (50, 95, 99))
            print(f"{clients:7} {len(times):8} {len(times) / seconds:11.0f} {shown}")
            for one in team:
                one.browser.close()


def talk_at_once(team: list[Interviewer], scripts: Iterator[Script]) -> float:
    """An interview by each, all of them in line before the first answer; its seconds."""
    calls = []
    for one in team:
        number = one.claim()
        assert number is not None
        call = interviewer.Call(one, number, Script(COMPLETE, next(scripts).respondent))
        call.dial()
        calls.append((call, call.open()))
    began = time.perf_counter()
    with ThreadPoolExecutor(len(team)) as room:
        list(room.map(lambda ready: ready[0].talk(ready[1]), calls))
    seconds = time.perf_counter() - began
    for call, _first in calls:
        call.close()
    return seconds


@pytest.mark.django_db
def test_what_an_answer_costs_the_database(world: World) -> None:
    call = Call(world)
    call.play(TO_THE_SECTOR)
    asked: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    for label, item, value in (("any answer", "S06", 1), ("one that moves a place", "S08", 1970)):
        before = written()
        asked.clear()
        with connection.execute_wrapper(count):
            call.play([(item, {"v": value})])
        rows = written() - before
        print(
            f"\n{label}: {len(asked)} statements, savepoints included, {rows} rows written", end=""
        )
        # The request, the journal, the interview's columns; two cells and the place in another.
        assert rows <= 6


def written() -> int:
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return int(cursor.fetchone()[0] or 0)
