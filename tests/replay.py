"""Rows that many tests begin with: made once by a process, put back with COPY for each later test.

The sequences of PostgreSQL do not roll back, so that the identities of the first making stay free.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import connection, transaction

Made = TypeVar("Made")
# Rows that name others come after them, whatever the order of the tables.
DEFERRED = "SET CONSTRAINTS ALL DEFERRED"


@dataclass(frozen=True)
class Kept:
    """What the making returned, pickled, and the lines of COPY of every table that it filled."""

    made: bytes
    rows: dict[str, bytes]


_kept: dict[str, Kept] = {}


def again(name: str, make: Callable[[], Made]) -> Made:
    """What `make` returns, with the rows that it writes; `name` stands for both in this process.

    `make` only adds rows, the same ones whenever it is called, on a database that holds the same.
    """
    kept = _kept.get(name)
    if kept is None:
        before = _rows()
        made = make()
        after = _rows()
        changed = [table for table in after if not before[table].keys() <= after[table].keys()]
        assert not changed, f"{name} changes rows of {changed}, where it may only add some"
        added = {
            table: [line for line in after[table] if line not in before[table]] for table in after
        }
        rows = {table: b"".join(lines) for table, lines in added.items() if lines}
        _kept[name] = Kept(pickle.dumps(made), rows)
        return made
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DEFERRED)
        for table, lines in kept.rows.items():
            with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                copy.write(lines)
    return pickle.loads(kept.made)  # type: ignore[no-any-return]


def _rows() -> dict[str, dict[bytes, None]]:
    """The lines of every table, in their order."""
    return {table: _lines(table) for table in connection.introspection.table_names()}


def _lines(table: str) -> dict[bytes, None]:
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
        # PostgreSQL gives a row at a time.
        return dict.fromkeys(bytes(row) for row in copy)
