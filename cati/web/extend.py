"""What later apps add to the pages of the office, without being known here.

`weighting` comes after `cati` and may not be imported by it: at start-up it puts its lines of the
admin's checklist and its panel of the jobs' page into these lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cati.models import Job, Wave
from cati.web.facts import Fact


@dataclass(frozen=True)
class Panel:
    """A piece beside the list of jobs: its template, and what it shows of a wave."""

    template: str
    context: Callable[[Wave], dict[str, Any]]


# Lines after those of cati, in order; each callable reads one wave.
FACTS: list[Callable[[Wave], Iterable[Fact]]] = []
JOB_PANELS: list[Panel] = []
# The page of what a finished job has made, by its kind, where that is no file.
JOB_PLACES: dict[str, Callable[[Job], str]] = {}
