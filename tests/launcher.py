"""A product of a test's own, started as a newcomer starts it, and killed as nobody should."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
from django.conf import settings

from cati.embedded.engines import OWNER
from cati.embedded.lock import is_alive
from cati.embedded.place import Place, place_for


class Launcher:
    """A `manage.py up` of the test's own, its output in a file beside its data folder."""

    def __init__(self, data: Path, *options: str, under: tuple[str, ...] = ()) -> None:
        self.data = data
        data.parent.mkdir(parents=True, exist_ok=True)
        self.output = data.parent / f"{data.name}.output"
        environment = os.environ | {"DATA_DIR": str(data), "PYTHONUNBUFFERED": "1"}
        # What the demo wave holds is tested elsewhere; here it only has to be there.
        environment["DEMO_FRESH"] = "1"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*under, sys.executable, "manage.py", "up", *options],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.seen: set[int] = set()

    def said(self) -> str:
        return self.output.read_text()

    def ready(self) -> Launcher:
        wait_until(lambda: "READY" in self.said() or self.process.poll() is not None, 120)
        assert "READY" in self.said(), self.said()
        self.seen |= family(self.process.pid)
        return self

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def pid_of(self, command: str) -> int:
        """The child of the guard that runs this program."""
        return self.pids_of(command)[0]

    def pids_of(self, command: str) -> list[int]:
        """The same, empty while it is dead."""
        found = []
        for pid in family(self.process.pid):
            with suppress(FileNotFoundError, ProcessLookupError):
                if command in words_of(pid)[0] and words_of(parent_of(pid))[-1].endswith(
                    "guard.py"
                ):
                    found.append(pid)
        return found

    def leaves_nothing(self, within: float = 15) -> bool:
        wait_until(lambda: not any(map(is_alive, self.seen)), within)
        return True

    def execute(self, query: str, role: str = OWNER) -> list[tuple[object, ...]]:
        place = place_for(self.data)
        with psycopg.connect(host=str(place.sockets), user=role, dbname="cati") as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []


def wait_until(true: Callable[[], object], within: float) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def words_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def family(ancestor: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = parent_of(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def remove(place: Place) -> None:
    for folder in (place.data, *place.outside):
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
