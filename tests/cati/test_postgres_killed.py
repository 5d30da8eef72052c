"""PostgreSQL is killed under fifty writers, and started again on the same data.

Its files are written as in production (fsync, full pages). Every answer that was acknowledged is in
the journal once, as it was given; nothing is there that nobody gave; every projection equals its
journal. Three kills with the fault runs, twenty every night.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
from django.conf import settings

from cati.embedded import OWNER, THROWAWAY_SETTINGS, ChildFailed, Engines, Guard, place_for
from cati.embedded.engines import DURABLE
from tests.cati.killed_writers import PROCESSES, WRITERS

BETWEEN = 4.0
SAID = ("answer", "special", "seen", "confirm", "clear")


class Server:
    """PostgreSQL alone, on a folder of its own, with somebody who starts it again."""

    def __init__(self) -> None:
        self.data = Path(mkdtemp(prefix="cati-killed-", dir="/tmp"))
        self.data.chmod(0o755)
        self.guard = Guard()
        self.engines = Engines(self.guard, place_for(self.data), DURABLE)
        self.pid = self.engines.start_postgresql()

    def environment(self) -> dict[str, str]:
        url = self.engines.database_url(OWNER)
        return os.environ | THROWAWAY_SETTINGS | {"DATABASE_URL": url, "DATA_DIR": str(self.data)}

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        end = self.guard.next_end(10)
        assert end == ("postgresql", -signal.SIGKILL)

    def start(self) -> None:
        """Until the last session of the killed one has left its shared memory."""
        deadline = time.monotonic() + 30
        while True:
            try:
                self.pid = self.engines.start_postgresql()
                return
            except ChildFailed:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=settings.BASE_DIR, env=self.environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words], cwd=settings.BASE_DIR, env=self.environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        self.guard.close()
        for folder in (self.data, *self.engines.place.outside):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


def lines_of(server: Server) -> dict[str, tuple[str, Any]]:
    """What the writers said, as the journal has it: uuid → (item, value)."""
    with psycopg.connect(server.engines.database_url(OWNER)) as connection:
        rows = connection.execute(
            "SELECT id::text, item, value FROM questionnaire_answerevent WHERE kind = ANY(%s)",
            [list(SAID)],
        )
        return {uuid: (item, value) for uuid, item, value in rows}


def answered(server: Server) -> int:
    with suppress(psycopg.OperationalError):
        return len(lines_of(server))
    return -1


def play(server: Server, kills: int) -> None:
    server.run("-m", "tests.cati.killed_writers", "prepare")
    writers = [
        server.begin("-m", "tests.cati.killed_writers", "write", str(share))
        for share in range(PROCESSES)
    ]
    down = []
    for _kill in range(kills):
        before = answered(server)
        deadline = time.monotonic() + 60
        while answered(server) < before + WRITERS:
            assert time.monotonic() < deadline, "nobody writes"
            time.sleep(BETWEEN / 8)
        time.sleep(BETWEEN / 4)
        server.kill()
        began = time.monotonic()
        server.start()
        down.append(time.monotonic() - began)
    said = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES
    acknowledged = [json.loads(line) for text in said for line in text.splitlines()]
    again = sum(line["sent"] > 1 for line in acknowledged)
    print(
        f"\n{kills} kills, {WRITERS} writers: {len(acknowledged)} answers acknowledged, {again} of "
        f"them sent more than once; down {max(down):.1f} s at most"
    )
    kept = lines_of(server)
    assert len({line["uuid"] for line in acknowledged}) == len(acknowledged)
    missing = [line for line in acknowledged if line["uuid"] not in kept]
    assert missing == []
    # Every writer ended acknowledged: whatever else is there was written twice, or by nobody.
    assert set(kept) == {line["uuid"] for line in acknowledged}
    for line in acknowledged:
        item, value = kept[line["uuid"]]
        assert item == line["item"]
        assert value.get("v") in (line["value"].get("v"), None)
    places = {(line["case"], line["seq"]) for line in acknowledged}
    assert len(places) == len(acknowledged)
    assert again > 0, "no kill met an answer on its way"
    told = server.run("manage.py", "rebuild_answers", "--check")
    assert told == f"{WRITERS} interviews, 0 differ from their journal\n"


@pytest.mark.faults
def test_three_kills_lose_no_answer_and_double_none(server: Server) -> None:
    play(server, 3)


@pytest.mark.nightly
def test_twenty_kills_lose_no_answer_and_double_none(server: Server) -> None:
    play(server, 20)
