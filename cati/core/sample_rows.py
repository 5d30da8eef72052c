"""Decides what case a line of a sample file describes, or everything that is wrong with it.

It never touches a database: what is already in the wave, or opposed, is not its matter.
Telephone numbers are read by `phones`; the rest is the survey's own convention.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cati.core.phones import BadPhone, Reason, normalise
from cati.core.sample_columns import PHONES, PRELOAD
from cati.core.sample_faults import Fault, Kind
from cati.core.sample_file import Layout, Line
from cati.core.spreadsheets import as_meant
from questionnaire.core.instrument import Input

# As wide as the columns of the database; a telephone column may hold some punctuation too.
WIDTHS = {"name": 120, "address": 250, "sector": 40, "replicate": 10}
PHONE_WIDTH, PRELOAD_WIDTH = 40, 200
MAX_REPLICATE = 999
REPLICATE = re.compile(r"[1-9][0-9]{0,2}")
INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,9}([.,][0-9]{1,9})?")
TRUTH = {"1": True, "oui": True, "vrai": True, "true": True}
TRUTH |= {"0": False, "non": False, "faux": False, "false": False}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Value = str | int | float | bool


@dataclass(frozen=True)
class Expected:
    """What the wave allows: codes of its sectors, and the variables its questionnaire declares."""

    sectors: Collection[str]
    preloads: Mapping[str, Input] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One case to be: `phones` in E.164 by the field that had them, the first to ring first."""

    line: Line
    phones: Mapping[str, str]
    name: str
    address: str
    sector: str
    replicate: int
    preloads: Mapping[str, Value]


def read_row(line: Line, layout: Layout, expected: Expected) -> Row | list[Fault]:
    """The case that a line describes, or all its faults."""
    if any(cell.strip() for cell in line.cells[len(layout.header) :]):
        return [Fault(Kind.TOO_MANY_CELLS, line.number, details={"cells": len(line.cells)})]
    reading = _Reading(line, layout)
    # A cell that swallowed its neighbours would only give misleading faults below.
    if not reading.has_clean_cells():
        return reading.faults
    phones = reading.phones()
    sector = reading.sector(expected.sectors)
    replicate = reading.replicate()
    preloads = reading.preloads(expected.preloads)
    if reading.faults:
        return reading.faults
    values = reading.values
    return Row(line, phones, values["name"], values["address"], sector, replicate, preloads)


class _Reading:
    """The cells of one line by field, and the faults found in them so far."""

    def __init__(self, line: Line, layout: Layout) -> None:
        cells = line.cells
        self.line, self.layout = line, layout
        self.faults: list[Fault] = []
        self.values = {
            name: as_meant(cells[at].strip()) if at < len(cells) else ""
            for name, at in layout.columns.items()
        }

    def blame(self, kind: Kind | Reason, name: str, **details: object) -> None:
        value = self.values[name][: _width(name)]
        heading = self.layout.heading(name)
        self.faults.append(Fault(kind, self.line.number, heading, value, details))

    def has_clean_cells(self) -> bool:
        for name, value in self.values.items():
            if len(value) > _width(name):
                self.blame(Kind.TOO_LONG, name, length=len(value), most=_width(name))
            elif CONTROL.search(value):
                self.blame(Kind.CONTROL, name)
        return not self.faults

    def phones(self) -> dict[str, str]:
        """The numbers in the order of their rank; a line without any is told of the first."""
        given = [name for name in PHONES if self.values.get(name)] or [PHONES[0]]
        read: dict[str, str] = {}
        for name in given:
            try:
                number = normalise(self.values[name])
            except BadPhone as bad:
                self.blame(bad.reason, name)
                continue
            if number in read.values():
                self.blame(Kind.SAME_NUMBER, name)
            read[name] = number
        return read

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

    def preloads(self, declared: Mapping[str, Input]) -> dict[str, Value]:
        """The variables that are given; an empty cell leaves what the questionnaire says."""
        read: dict[str, Value] = {}
        for name in self.values:
            variable = declared.get(name.removeprefix(PRELOAD))
            if not name.startswith(PRELOAD) or variable is None or not self.values[name]:
                continue
            value = _value(self.values[name], variable)
            if value is None:
                self.blame(Kind.PRELOAD, name, allowed=_allowed(variable))
            else:
                read[variable.name] = value
        return read


def _width(name: str) -> int:
    if name.startswith(PRELOAD):
        return PRELOAD_WIDTH
    return WIDTHS.get(name, PHONE_WIDTH)


def _value(written: str, variable: Input) -> Value | None:
    """The value as the questionnaire's type has it, None where it is no such value."""
    if variable.values:
        return written if written in variable.values else None
    match variable.type:
        case "boolean":
            return TRUTH.get(written.casefold())
        case "integer":
            return int(written) if INTEGER.fullmatch(written) else None
        case "decimal":
            return float(written.replace(",", ".")) if DECIMAL.fullmatch(written) else None
    return written


def _allowed(variable: Input) -> str:
    examples = {"boolean": "oui, non", "integer": "12", "decimal": "12,5"}
    return ", ".join(variable.values) or examples[variable.type]
