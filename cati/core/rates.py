"""Decides the outcome rates of a sample from the number of its cases in each AAPOR class.

It never decides which class a case is in (final_disposition does), nor reads a row.
Theory: AAPOR, Standard Definitions (10th ed., 2023), outcome rates; docs/rates.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

CLASSES = ("I", "P", "R", "NC", "O", "UH", "UR", "UO", "NE")
UNKNOWN = ("UH", "UR", "UO")

# The share of cases of unknown eligibility that are eligible: one for all, or by class.
Share = float | Mapping[str, float]


@dataclass(frozen=True)
class Counts:
    """Cases by class of their final disposition, under the letters of the standard.

    I complete, P partial, R refusal and break-off, NC non-contact, O other eligible non-interview;
    UH unknown if household, UR household without a screener, UO other unknown; NE not eligible.
    Raises ValueError for a negative count.
    """

    I: int = 0  # noqa: E741 (the standard's own letters)
    P: int = 0
    R: int = 0
    NC: int = 0
    O: int = 0  # noqa: E741
    UH: int = 0
    UR: int = 0
    UO: int = 0
    NE: int = 0

    def __post_init__(self) -> None:
        for name in CLASSES:
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: a count is 0 or more")

    @property
    def eligible(self) -> int:
        """E, the cases known to be eligible."""
        return self.I + self.P + self.R + self.NC + self.O

    @property
    def unknown(self) -> int:
        """U, the cases of unknown eligibility."""
        return self.UH + self.UR + self.UO


@dataclass(frozen=True)
class Rates:
    """Response, cooperation, refusal and contact rates in [0, 1]; None where nothing is divided by.

    `e` is the share that was applied to the cases of unknown eligibility, as it was given or
    computed; None where it is unknown.
    """

    e: Share | None
    RR1: float | None
    RR2: float | None
    RR3: float | None
    RR4: float | None
    RR5: float | None
    RR6: float | None
    COOP1: float | None
    COOP2: float | None
    COOP3: float | None
    COOP4: float | None
    REF1: float | None
    REF2: float | None
    REF3: float | None
    CON1: float | None
    CON2: float | None
    CON3: float | None


NAMES = tuple(field.name for field in fields(Rates) if field.name != "e")


def rates(counts: Counts, e: Share | None = None) -> Rates:
    """Every rate of the standard, with E known eligible and U unknown cases:

    RR1, RR2 = I, I+P over E+U; RR3, RR4 over E+eU; RR5, RR6 over E; REF1–3 = R and CON1–3 =
    I+P+R+O over the same three; COOP1, COOP2 = I, I+P over I+P+R+O; COOP3, COOP4 over I+P+R.

    e: the share of U that is eligible, for all classes or by class ({"UH": 0.4, "UR": 0.9}; a class
    that is not named takes the computed share); computed as E/(E+NE) where it is not given. Raises
    ValueError for a share outside [0, 1] or of another class.
    """
    share = _share(counts, e)
    eligible, interviews = counts.eligible, counts.I + counts.P
    able = interviews + counts.R
    contacted = able + counts.O
    among_unknown = _eligible_among_unknown(counts, share)
    estimated = None if among_unknown is None else eligible + among_unknown
    bases = (eligible + counts.unknown, estimated, eligible)
    response = [_ratio(n, base) for base in bases for n in (counts.I, interviews)]
    cooperation = [_ratio(n, base) for base in (contacted, able) for n in (counts.I, interviews)]
    refusal = [_ratio(counts.R, base) for base in bases]
    contact = [_ratio(contacted, base) for base in bases]
    return Rates(share, *response, *cooperation, *refusal, *contact)


def computed_share(counts: Counts) -> float | None:
    """e as the sample shows it: E/(E+NE), of the cases whose eligibility is known."""
    return _ratio(counts.eligible, counts.eligible + counts.NE)


def _share(counts: Counts, e: Share | None) -> Share | None:
    computed = computed_share(counts)
    if e is None:
        return computed
    if not isinstance(e, Mapping):
        return _checked("e", e)
    if strange := sorted(set(e) - set(UNKNOWN)):
        raise ValueError(f"e: {', '.join(strange)} is not a class of unknown eligibility")
    given = {name: _checked(f"e of {name}", share) for name, share in e.items()}
    # Without a single case of known eligibility, a class that is not given stays unknown.
    rest = {} if computed is None else dict.fromkeys(UNKNOWN, computed)
    return rest | given


def _checked(name: str, share: float) -> float:
    if not (math.isfinite(share) and 0 <= share <= 1):
        raise ValueError(f"{name}: {share} is not a share; it lies between 0 and 1")
    return share


def _eligible_among_unknown(counts: Counts, share: Share | None) -> float | None:
    """eU; None where a class has cases and no share."""
    by_class = share if isinstance(share, Mapping) else dict.fromkeys(UNKNOWN, share)
    total = 0.0
    for name in UNKNOWN:
        count, own = getattr(counts, name), by_class.get(name)
        if count and own is None:
            return None
        total += count * (own or 0.0)
    return total


def _ratio(part: float, whole: float | None) -> float | None:
    return part / whole if whole else None
