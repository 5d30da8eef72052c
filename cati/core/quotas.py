"""Decides which quota cells an interview belongs to, how far a cell may go, and what it misses.

Never counts and never reads a row: counts are moved in the database alone, by conditional UPDATEs.
Theory: docs/quotas.md; Hamilton's largest remainders share a target out; firm cells screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import floor


class Kind(StrEnum):
    """What a full cell does: end the interview while it is young, steer the calls, or nothing."""

    FIRM = "firm"
    SOFT = "soft"
    WATCHED = "watched"


@dataclass(frozen=True)
class Family:
    """Cells of one variable in each sector, whose targets sum to the sector's.

    `role`: the instrument's role that says the category. A firm cell is counted up to its target
    plus the larger of `least` interviews and `share` of the target. `tolerant`: it also admits up
    to there; otherwise that margin is left to those who are being interviewed.
    """

    code: str
    role: str
    kind: Kind
    share: float = 0.0
    least: int = 0
    tolerant: bool = False


SECTOR = "sector"
FAMILIES = {
    family.code: family
    for family in (
        Family(SECTOR, "sector", Kind.FIRM, 0.02, 1),
        Family("sexe", "sex", Kind.FIRM, 0.10, 2, tolerant=True),
        Family("age", "age", Kind.FIRM, 0.10, 2, tolerant=True),
        Family("emploi", "employment", Kind.SOFT),
        Family("composition", "household", Kind.SOFT),
        Family("occupation", "tenure", Kind.WATCHED),
    )
}
FIRM = tuple(code for code, family in FAMILIES.items() if family.kind is Kind.FIRM)
TOLERANT = tuple(code for code, family in FAMILIES.items() if family.tolerant)
# Where the margins call a family otherwise, its file of targets may too.
ALIASES = {
    "secteur": SECTOR,
    "composition_familiale": "composition",
    "statut_occupation": "occupation",
}

Key = tuple[str, str]  # (sector, category); the category of the sector's own cell is ''

# Until so many interviews have ended, the rate leans on as many that are taken as complete.
PRIOR = 20
# Admission never counts on more than half of those who are being interviewed to break off.
LEAST_RATE = 0.5
# A firm cell is nearly full when no more is left than this share of its target, or one interview.
NEAR = 0.05


def cells_of(roles: Mapping[str, object]) -> dict[str, Key]:
    """{family: (sector, category)} of an interview, from the values of its instrument's roles.

    A variable that is not known puts it in no cell of its family: it is counted in the coarser
    ones only. Without a sector it is in none.
    """
    sector = str(roles.get("sector") or "")
    if not sector:
        return {}
    cells = {SECTOR: (sector, "")}
    for code, family in FAMILIES.items():
        value = roles.get(family.role)
        if code != SECTOR and value is not None:
            cells[code] = (sector, str(value))
    return cells


def allowance(family: str, target: int) -> int | None:
    """Interviews counted beyond the target; None where the family limits nothing.

    0 where none are wanted at all.
    """
    rule = FAMILIES[family]
    if rule.kind is not Kind.FIRM:
        return None
    return max(rule.least, floor(rule.share * target + 1e-9)) if target else 0


def completion_rate(complete: int, ended: int) -> float:
    """Share of the interviews that held a place and were completed, among those that have ended.

    Between LEAST_RATE and 1; close to 1 while few have ended, so that a bad first day does not
    open the gates.
    """
    return max(LEAST_RATE, (complete + PRIOR) / (ended + PRIOR))


def shared_out(total: int, shares: Sequence[float]) -> list[int]:
    """`total` in whole parts as near to `shares` (on any scale) as can be, summing to it exactly.

    Hamilton's method: the floors, then one more for each of the largest remainders; of equal ones
    the earliest. Raises ValueError where the shares sum to nothing.
    """
    whole = sum(shares)
    if whole <= 0:
        raise ValueError("shares must sum to more than 0")
    exact = [total * share / whole for share in shares]
    parts = [floor(part + 1e-9) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts


def admits(
    family: str, *, is_open: bool, target: int, allowance: int | None, promised: float
) -> bool:
    """Whether a cell takes one more interview: limited by nothing, or open and not promised away.

    promised: interviews counted, and those in progress times the share that will be completed. The
    conditional UPDATE that reserves a place says the same in SQL; a test compares the two.
    """
    if allowance is None:
        return True
    return is_open and promised < target + (allowance if family in TOLERANT else 0)


class Alarm(StrEnum):
    """What a supervisor should know of a firm cell, the worst first."""

    OVER = "over"
    FULL = "full"
    CLOSED = "closed"
    NEAR = "near"
    NONE = ""


def alarm(*, target: int, counted: int, is_open: bool, admits: bool) -> Alarm:
    """The alarm of a firm cell; `admits`: whether it takes one more interview now."""
    if counted > target:
        return Alarm.OVER
    if not is_open:
        return Alarm.CLOSED
    if not admits:
        return Alarm.FULL
    return Alarm.NEAR if target - counted <= max(1, NEAR * target) else Alarm.NONE


def gap(*, target: int, counted: int, sector_target: int, sector_counted: int) -> int:
    """Interviews ahead (+) or behind (−) the cell's share of what its sector has counted so far."""
    if not sector_target:
        return 0
    return counted - round(sector_counted * target / sector_target)
