"""Answers over HTTP without think time: how many a second, how long each, and what one costs.

Virtual interviewers play whole interviews on a granian of two workers, so that the questions are
drawn and the replies are read too. The clients, in this process, share the machine's cores.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection

from cati import clock
from cati.operations.demo import prepare_demo
from tests.cati.test_interview_screens import TO_THE_SECTOR, Call
from tests.world import World
from weighting.management.commands.simulate import Command
from weighting.management.simulation.server import served

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("own_folder")]
# Clients at once, and the interviews that they complete together.
LOADS = ((1, 2), (5, 8), (20, 30), (50, 60))
WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"


@pytest.mark.django_db(transaction=True)
def test_answers_per_second(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    wave, simulate = prepare_demo(clock.now()), Command()
    print("\nclients  answers  per second  p50 ms  p95 ms  p99 ms")
    with served() as url:
        for clients, interviews in LOADS:
            room = simulate.room(wave, {"interviews": interviews, "seed": clients})
            team = simulate.team(wave, url, {"interviewers": clients, "think": 0.0})
            began = time.perf_counter()
            tally = room.work(team)
            seconds = time.perf_counter() - began
            assert tally.errors == []
            times = " ".join(f"{1000 * tally.percentile(share):7.1f}" for share in (50, 95, 99))
            print(f"{clients:7} {tally.answers:8} {tally.answers / seconds:11.0f} {times}")


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
