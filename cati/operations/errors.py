"""What an operation refuses, as values that an edge can show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StaleLease(Exception):
    """The writer no longer holds the case; `holder` names who does, '' when nobody."""

    holder: str = ""


@dataclass
class Refused(Exception):
    """Nothing was written; `messages` say what and how to mend it, by field ('' for the whole)."""

    messages: dict[str, str]
