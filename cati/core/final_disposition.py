"""Decides what became of a case in the end, from all of its calls: one AAPOR code and class.

It never decides what is done next (dispositions does), nor reads a row or a clock.
Theory: AAPOR, Standard Definitions (10th ed.), from temporary to final codes; docs/rates.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from cati.core.dispositions import aapor, disposition

NOT_ATTEMPTED, QUOTA_FULL = "00", "64"
# A household known to be eligible in which nobody answers any more.
NON_CONTACT = ("2.20", "NC")


class Tells(IntEnum):
    """What an outcome tells about a case, the strongest first; a weaker one never overwrites it."""

    COMPLETE = 1
    PARTIAL = 2
    NOT_TARGET = 3
    # Refusals and impediments: either ends the matter until the person herself says otherwise.
    DECLINED = 4
    CONTACT = 5
    HOUSEHOLD = 6
    SILENCE = 7
    DEAD_NUMBER = 8
    NOTHING = 9


TELLS: dict[str, Tells] = {
    code: tells
    for tells, codes in {
        Tells.COMPLETE: ("10",),
        Tells.PARTIAL: ("11",),
        Tells.NOT_TARGET: ("60", "62", "63", QUOTA_FULL),
        Tells.DECLINED: ("12", "23", "40", "41", "42", "50", "51", "52"),
        # A cut line is no refusal: what was agreed on the next call counts.
        Tells.CONTACT: ("13", "20", "21", "22", "54"),
        Tells.HOUSEHOLD: ("24",),
        Tells.SILENCE: ("31", "32", "33", "37", "53"),
        Tells.DEAD_NUMBER: ("34", "35", "36", "61"),
        Tells.NOTHING: (NOT_ATTEMPTED,),
    }.items()
    for code in codes
}


@dataclass(frozen=True)
class Call:
    """One call of a case.

    code: the outcome's two digits; NOT_ATTEMPTED where it was left without one. screened:
    eligibility was established by the end of this call. number: which of the case's numbers was
    rung, whatever names it; None where it is not known.
    """

    code: str
    screened: bool = False
    number: int | None = None


@dataclass(frozen=True)
class Final:
    """What became of a case.

    code: the outcome that decides (two digits). aapor, category: code and class of the standard.
    call: the rank of the deciding call in the history; None where none decides. reached: somebody
    of the household was spoken to, on any call.
    """

    code: str
    aapor: str
    category: str
    call: int | None = None
    reached: bool = False


def final_disposition(history: Sequence[Call], *, number_left: bool = False) -> Final:
    """What became of a case, from its calls in their order.

    The call that tells most decides, the last of those that tell the same; its AAPOR code follows
    from what is known of eligibility after all calls. Two rules complete the precedence. A number
    that is found dead takes back its earlier silence: it was never a household's. A dead number
    says nothing of a case with another number to ring (`number_left`): that one is not attempted.
    Raises UnknownDisposition.
    """
    screened = any(call.screened for call in history)
    told = [_tells(call, history[rank + 1 :]) for rank, call in enumerate(history)]
    reached = screened or any(one <= Tells.CONTACT for one in told)
    strongest = min(told, default=Tells.NOTHING)
    if strongest is Tells.NOTHING:
        return Final(NOT_ATTEMPTED, *_known(NOT_ATTEMPTED, screened), reached=reached)
    last = max(rank for rank, one in enumerate(told) if one is strongest)
    alive = strongest is Tells.DEAD_NUMBER and number_left
    code = NOT_ATTEMPTED if alive else history[last].code
    return Final(code, *_known(code, screened), call=last, reached=reached)


def _tells(call: Call, later: Sequence[Call]) -> Tells:
    told = TELLS[disposition(call.code).code]
    if told is not Tells.SILENCE:
        return told
    dead = {other.number for other in later if TELLS.get(other.code) is Tells.DEAD_NUMBER}
    return Tells.NOTHING if call.number in dead else told


def _known(code: str, screened: bool) -> tuple[str, str]:
    """AAPOR code and class; a case known to be eligible is never counted as unknown again.

    A dead number does not make an eligible household ineligible either.
    """
    final, category = aapor(code, screened)
    lost = category.startswith("U") or TELLS[code] is Tells.DEAD_NUMBER
    return NON_CONTACT if screened and lost else (final, category)


def was_screened(code: str, recorded: str, sector: str) -> bool:
    """Whether eligibility was established by the end of a call, from what was kept of it.

    recorded: the AAPOR code that was written with the outcome. sector: the one answered in the
    call's interview, '' without one. The code tells where the outcome has one for each stage; the
    interview tells elsewhere, and where the call was left without an outcome (code '').
    """
    if not code:
        return bool(sector)
    eligible, unknown = aapor(code, True)[0], aapor(code, False)[0]
    return recorded == eligible if eligible != unknown else bool(sector)
