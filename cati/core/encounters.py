"""Decides how an invented call goes: who picks up, how far the interview gets, with which outcome.

Never calls anybody and never reads a clock: it writes the script that a simulation plays.
Shares are those of a good telephone sample, kinder than today's so that 6,000 numbers suffice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cati.core.population import Profile
from cati.core.respondents import Respondent


@dataclass(frozen=True)
class Fate:
    """How a call goes.

    code: the outcome that is typed where the interview gives none. interview: whether it is begun.
    says: {item: code} said instead of the respondent's own answer. stops_after: answers until she
    breaks off. books: an appointment is agreed. again: she is called back at once and goes on.
    """

    code: str
    interview: bool = False
    says: tuple[tuple[str, int], ...] = ()
    stops_after: int | None = None
    books: bool = False
    again: bool = False
    note: str = ""


COMPLETE = Fate("10", interview=True)
LATER = Fate("20", interview=True, says=(("S10", 2),), books=True)
NOBODY = Fate("32")
# How often a first call goes so, in thousandths.
FRESH: tuple[tuple[Fate, int], ...] = (
    (COMPLETE, 385),
    (NOBODY, 215),
    (Fate("33"), 125),
    (Fate("31"), 40),
    (Fate("40"), 60),
    (Fate("40", interview=True, says=(("S01", 4),)), 25),
    (Fate("40", interview=True, says=(("S10", 3),)), 20),
    (Fate("42"), 5),
    (Fate("20", books=True), 20),
    (LATER, 15),
    (Fate("34"), 30),
    (Fate("36"), 5),
    (Fate("61", interview=True, says=(("S01", 3),)), 5),
    (Fate("50", interview=True, says=(("S01", 6),), note="Ne parle pas français."), 5),
    (Fate("12", interview=True, stops_after=30), 10),
    (Fate("20", interview=True, stops_after=38, books=True), 15),
    (Fate("13", interview=True, stops_after=25, again=True), 20),
)
# Who has been tried before without an interview is harder to reach; who suspended one is out.
TRIED: tuple[tuple[Fate, int], ...] = (
    (NOBODY, 400), (Fate("33"), 250), (COMPLETE, 250), (Fate("40"), 80), (Fate("34"), 20)
)  # fmt: skip
OUT: tuple[tuple[Fate, int], ...] = ((NOBODY, 600), (Fate("33"), 400))


@dataclass(frozen=True)
class Prospect:
    """A case that may be called: its number, and what happened to it before."""

    number: int
    tried: bool = False
    suspended: bool = False


@dataclass(frozen=True)
class Script:
    """What will happen when a case is called: how it goes, and who answers."""

    fate: Fate
    respondent: Respondent


Sampling = Callable[[str, int], Sequence[Profile]]  # (sector, round) → respondents in their order


def scripts(
    prospects: Mapping[str, Sequence[Prospect]], sampling: Sampling, seed: str, year: int
) -> dict[int, Script]:
    """{case number: its script}; prospects by sector, in the order in which they will be called.

    Those who complete are taken from the sector's sample one after the other, so that whoever
    fills the sector first is the whole sample, and half a sector is half of it.
    """
    written = {}
    for sector, cases in prospects.items():
        people = _people(sector, sampling)
        person = next(people)
        for case in cases:
            fate = _fate(case, seed)
            own = f"{seed}:{case.number}"
            written[case.number] = Script(fate, Respondent(person, sector, year, own))
            if fate is COMPLETE or fate.again:
                person = next(people)
    return written


def _people(sector: str, sampling: Sampling) -> Iterator[Profile]:
    turn = 0
    while True:
        yield from sampling(sector, turn)
        turn += 1


def _fate(case: Prospect, seed: str) -> Fate:
    table = OUT if case.suspended else TRIED if case.tried else FRESH
    fates, shares = zip(*table, strict=True)
    draw = random.Random(f"{seed}:{case.number}:fate")  # noqa: S311 (inventions, not secrets)
    fate: Fate = draw.choices(fates, shares)[0]
    return fate
