"""A web server of one's own, on the database of this process, for as long as a simulation lasts."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

START_WITHIN = 60


@contextmanager
def served() -> Iterator[str]:
    """The address of a granian that serves the product; it is stopped at the end.

    Raises RuntimeError when it does not start; its log lies in DATA_DIR.
    """
    port, environment = free_port(), environment_here()
    collect_static(environment)
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "cati.wsgi:application"),
        *("--host", "127.0.0.1", "--port", str(port), "--no-ws"),
        *("--workers", "2", "--blocking-threads", "4"),
    ]
    log = settings.DATA_DIR / f"simulate-{port}.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdout=output, stderr=output
        )
        try:
            wait_until_ready(server, port)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(30)


def environment_here() -> dict[str, str]:
    """For a process that works on this one's database and in its folder."""
    name = str(connection.settings_dict["NAME"])
    return os.environ | {
        "DATABASE_URL": make_conninfo(settings.DATABASE_URL, dbname=name),
        "DATA_DIR": str(settings.DATA_DIR),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def collect_static(environment: dict[str, str]) -> None:
    """Pages name their static files by the manifest, without which none can be drawn."""
    if not (settings.DATA_DIR / "static" / "staticfiles.json").exists():
        command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        if _answers(port):
            return
        time.sleep(0.1)
    raise RuntimeError("The web server of the simulation did not start.")


def _answers(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
