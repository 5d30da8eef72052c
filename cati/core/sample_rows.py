"""Decides what case a line of a sample file describes, or everything that is wrong with it.

It never touches a database: what is already in the wave, or opposed, is not its matter.
Telephone numbers are read by `phones`; the rest is the survey's own convention.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cati.core.phones import BadPhone, Reason, normalise
from cati.core.sample_file import Fault, Kind, Layout, Line

# As wide as the columns of the database; a telephone column may hold some punctuation too.
WIDTHS = {"phone": 40, "phone2": 40, "name": 120, "address": 250, "sector": 40, "replicate": 10}
MAX_REPLICATE = 999
REPLICATE = re.compile(r"[1-9][0-9]{0,2}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Row:
    """One case to be: numbers in E.164, the first to ring first."""

    line: Line
    phones: tuple[str, ...]
    name: str
    address: str
    sector: str
    replicate: int


def read_row(line: Line, layout: Layout, sectors: Collection[str]) -> Row | list[Fault]:
    """The case that a line describes, or all its faults; `sectors` are the codes allowed."""
    if any(cell.strip() for cell in line.cells[len(layout.header) :]):
        return [Fault(Kind.TOO_MANY_CELLS, line.number, details={"cells": len(line.cells)})]
    reading = _Reading(line, layout)
    # A cell that swallowed its neighbours would only give misleading faults below.
    if not reading.has_clean_cells():
        return reading.faults
    phones = reading.phones()
    sector = reading.sector(sectors)
    replicate = reading.replicate()
    if reading.faults:
        return reading.faults
    values = reading.values
    return Row(line, phones, values["name"], values["address"], sector, replicate)


class _Reading:
    """The cells of one line by field, and the faults found in them so far."""

    def __init__(self, line: Line, layout: Layout) -> None:
        cells = line.cells
        self.line, self.layout = line, layout
        self.faults: list[Fault] = []
        self.values = {
            name: cells[at].strip() if at < len(cells) else ""
            for name, at in layout.columns.items()
        }

    def blame(self, kind: Kind | Reason, name: str, **details: object) -> None:
        value = self.values[name][: WIDTHS[name]]
        heading = self.layout.heading(name)
        self.faults.append(Fault(kind, self.line.number, heading, value, details))

    def has_clean_cells(self) -> bool:
        for name, value in self.values.items():
            if len(value) > WIDTHS[name]:
                self.blame(Kind.TOO_LONG, name, length=len(value), most=WIDTHS[name])
            elif CONTROL.search(value):
                self.blame(Kind.CONTROL, name)
        return not self.faults

    def phones(self) -> tuple[str, ...]:
        read: list[str] = []
        for name in ("phone", "phone2") if self.values.get("phone2") else ("phone",):
            try:
                read.append(normalise(self.values[name]))
            except BadPhone as bad:
                self.blame(bad.reason, name)
        if len(read) > len(set(read)):
            self.blame(Kind.SAME_NUMBER, "phone2")
        return tuple(read)

    def sector(self, allowed: Collection[str]) -> str:
        code = self.values["sector"].upper()
        if code not in allowed:
            self.blame(Kind.UNKNOWN_SECTOR, "sector", allowed=", ".join(allowed))
        return code

    def replicate(self) -> int:
        written = self.values.get("replicate") or "1"
        if REPLICATE.fullmatch(written):
            return int(written)
        self.blame(Kind.REPLICATE, "replicate", most=MAX_REPLICATE)
        return 0
