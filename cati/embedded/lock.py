"""One launcher per data folder, held by flock: the kernel frees it however the holders end.

The launcher shares the open lock with its guard, so that after a `kill -9` the next launcher waits
until the guard has stopped the engines of the last.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cati.embedded.place import data_folder

STOPPING_PATIENCE = 90.0


class AlreadyRunning(RuntimeError):
    """Another launcher, alive, holds this data folder; the message says where it answers."""


class Lock:
    """`descriptor` is the open lock, to be shared with the guard."""

    def __init__(self, data: Path) -> None:
        self.descriptor = os.open(
            data_folder(data) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )

    def take(self, address: str, on_wait: Callable[[], None]) -> None:
        """Hold the folder and leave our address in it; `on_wait` is told once of a wait."""
        deadline, told = time.monotonic() + STOPPING_PATIENCE, False
        while not self._taken():
            holder = self._holder()
            if (holder and is_alive(holder["pid"])) or time.monotonic() > deadline:
                raise AlreadyRunning(self._refusal(holder))
            if not told:
                on_wait()
                told = True
            time.sleep(0.1)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps({"pid": os.getpid(), "at": address}).encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> dict[str, Any] | None:
        """Who holds the folder; None in the instant before a new holder has written its name."""
        try:
            return dict(json.loads(os.pread(self.descriptor, 4096, 0)))
        except ValueError:
            return None

    def _refusal(self, holder: dict[str, Any] | None) -> str:
        who = f"{holder['at']} (process {holder['pid']})" if holder else "an unknown address"
        return f"Already running on this data folder: {who}."


def is_alive(pid: int) -> bool:
    """A dead process that its parent has not yet read is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
