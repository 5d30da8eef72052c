"""Simultaneous clients on real connections: processes, each with threads, that start together.

`run(function, arguments)` calls `function(argument)` once per argument, every call on a database
connection of its own, all released at one instant. What is tested under concurrency is tested here,
because two calls inside one test transaction say nothing about locks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

PROCESSES = 4
# Seconds. What is tested is who comes first, and not how fast this machine is.
PATIENCE = 600.0


def _connect(database: str, threads: int) -> None:
    os.environ["POOL_SIZE"] = str(threads)
    import django

    django.setup()
    from django.db import connections

    settings = connections["default"].settings_dict
    settings["NAME"] = database
    # All connections stand before the first round: in the field a request waits a second for one,
    # and two hundred that are opened at once on two cores take longer.
    options = settings["OPTIONS"]
    options["connect_timeout"] = int(PATIENCE)
    options["pool"] |= {"min_size": threads, "timeout": PATIENCE, "reconnect_timeout": PATIENCE}
    connections["default"].pool.open(wait=True, timeout=PATIENCE)


def _share(function: Callable[[Any], Any], arguments: Sequence[Any], start: float) -> list[Any]:
    def call(argument: Any) -> Any:
        from django.db import connection

        connection.ensure_connection()
        time.sleep(max(0.0, start - time.time()))
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as threads:
        return list(threads.map(call, arguments))


class Clients:
    """A pool of client processes connected to the test database."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        """The results in the order of the arguments; an exception of a client is raised here."""
        shares = [arguments[first::PROCESSES] for first in range(PROCESSES)]
        start = time.time() + 0.25
        futures = [self._pool.submit(_share, function, share, start) for share in shares if share]
        results: list[Any] = [None] * len(arguments)
        for first, future in enumerate(futures):
            results[first::PROCESSES] = future.result(timeout=PATIENCE)
        return results


@contextmanager
def clients(count: int) -> Iterator[Clients]:
    """`count` clients at most at once, spread over a few processes started for the test."""
    from django.db import connection

    pool = ProcessPoolExecutor(
        PROCESSES,
        mp_context=get_context("spawn"),
        initializer=_connect,
        initargs=(connection.settings_dict["NAME"], -(-count // PROCESSES) + 1),
    )
    with pool:
        yield Clients(pool)
