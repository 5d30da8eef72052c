"""Celery workers and a Valkey of a test's own, as real processes that may be killed.

They work on the test's database and in the test's folder. The suite's Valkey is left alone, since
other tests use it while this one is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import make_conninfo

from cati.embedded.place import valkey_binary

PATIENCE = 60.0


def wait_until(what: str, true: Callable[[], object], within: float = PATIENCE) -> None:
    """Look again every few milliseconds. Raises TimeoutError."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.005)


class Valkey:
    """A server on a socket of its own, without any file."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        words = ("--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", self.socket)
        self._process = _quiet([valkey_binary(), *words], os.environ)
        wait_until("valkey answers", self._answers)

    def kill(self) -> None:
        _kill(self._process)
        self._process = None

    def flush(self) -> None:
        """Forget every key, queues included."""
        self._say(b"FLUSHALL\r\n")

    def _answers(self) -> bool:
        try:
            return self._say(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def _say(self, words: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(self.socket))
            client.sendall(words)
            return client.recv(64)


class Workers:
    """One Celery worker at a time. Each later one lives a minute later than the one before, so
    that the sweep need not wait for the jobs of a killed one."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data, self.started = url, data, 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, pool: str = "solo") -> None:
        """`solo` dies at one kill; `prefork` is how production runs it."""
        self.started += 1
        self._process = _quiet(
            [
                sys.executable, "-m", "celery", "--app", "cati", "worker", "--pool", pool,
                "--without-gossip", "--without-mingle", "--loglevel", "ERROR",
            ],
            self.environment(),
        )  # fmt: skip

    def environment(self) -> Mapping[str, str]:
        from django.db import connection

        name = connection.settings_dict["NAME"]
        return os.environ | {
            "DATABASE_URL": make_conninfo(os.environ["DATABASE_URL"], dbname=name),
            "REDIS_URL": self.url,
            "DATA_DIR": str(self.data),
            "CLOCK_OFFSET_SECONDS": str(60 * self.started),
        }

    def kill(self) -> None:
        """As the kernel would: no farewell, no finally."""
        _kill(self._process)
        self._process = None

    def sweep(self) -> None:
        """What beat sends every 15 seconds."""
        from cati.celery import app
        from cati.settings import celery_url

        with app.connection_for_write(url=celery_url(self.url)) as queue:
            app.send_task("cati.tasks.sweep", connection=queue)


@contextmanager
def workers(data: Path) -> Iterator[tuple[Workers, Valkey]]:
    """A Valkey that answers, and no worker of it yet; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cati-", dir="/tmp") as folder:  # a short socket path
        valkey = Valkey(Path(folder))
        valkey.start()
        team = Workers(valkey.url, data)
        try:
            yield team, valkey
        finally:
            team.kill()
            valkey.kill()


def _quiet(argv: list[object], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in argv],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("WORKER_LOG") else subprocess.DEVNULL,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
