"""One line of the admin's checklist, whichever app it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One line of the checklist: what is there, as a sentence with its figures.

    `blocks` says what is missing before anybody can be called, '' where nothing is; what is not
    `done` goes on while the wave is called. `act` and `url` lead to what is to be done about it.
    """

    title: str
    statement: str
    blocks: str = ""
    done: bool = True
    detail: Sequence[tuple[str, int]] = ()
    act: str = ""
    url: str = ""
