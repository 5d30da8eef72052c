"""Decides nothing: the values in which everything about sample files says what is wrong.

It never words a fault: that is done where there is a language. A bad number has its own reasons,
in `phones`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from cati.core.phones import Reason


class Kind(Enum):
    """What can be wrong with a file or a row; a bad number has its own reasons."""

    EMPTY = auto()
    NO_ROWS = auto()
    TOO_BIG = auto()
    TOO_MANY_ROWS = auto()
    TOO_MANY_COLUMNS = auto()
    LINE_TOO_LONG = auto()
    OLD_WORKBOOK = auto()
    BAD_WORKBOOK = auto()
    UNPACKED = auto()
    ENTRIES = auto()
    UTF16 = auto()
    NOT_TEXT = auto()
    ENCODING = auto()
    COLUMNS = auto()
    MISSING_COLUMN = auto()
    DOUBLE_COLUMN = auto()
    QUOTES = auto()
    TOO_MANY_CELLS = auto()
    TOO_LONG = auto()
    CONTROL = auto()
    SAME_NUMBER = auto()
    UNKNOWN_SECTOR = auto()
    REPLICATE = auto()
    PRELOAD = auto()
    TWICE_IN_FILE = auto()
    IN_WAVE = auto()
    EARLIER_WAVE = auto()
    OPPOSED = auto()
    FILE_AGAIN = auto()
    MEANWHILE = auto()


@dataclass(frozen=True)
class Fault:
    """One thing wrong: where (line 0 is the whole file), the value as written, and what kind."""

    kind: Kind | Reason
    line: int = 0
    column: str = ""
    value: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


class BadFile(Exception):
    """The file as a whole cannot be read."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults
