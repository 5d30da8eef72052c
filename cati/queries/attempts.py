"""Reads of the calls one by one, for whoever studies the fieldwork itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from cati.core.dispositions import BY_CODE, aapor
from cati.core.final_disposition import was_screened
from cati.core.scheduling import PARIS
from cati.models import Attempt, Wave

Cell = str | int | None
COLUMNS = (
    "case", "frame_sector", "replicate", "attempt", "visit", "opened_at", "closed_at", "seconds",
    "interviewer", "phone_rank", "phone_mobile", "disposition", "disposition_label", "aapor",
    "aapor_class", "screened", "abandoned", "interview", "interview_outcome",
)  # fmt: skip


def attempts_of(wave: Wave) -> QuerySet[Attempt, Any]:
    """The calls of the wave, those that run included, case by case in their order."""
    calls = Attempt.objects.filter(case__wave=wave).order_by("case__number", "opened_at", "pk")
    return calls.values(
        "visit", "opened_at", "closed_at", "disposition", "aapor", "abandoned",
        case_number=F("case__number"),
        sector=F("case__frame_sector__code"),
        replicate=F("case__replicate"),
        username=F("interviewer__username"),
        rank=F("phone__rank"),
        mobile=F("phone__mobile"),
        number=F("interview_id"),
        answered=F("interview__sector"),
        outcome=F("interview__outcome"),
    )  # fmt: skip


def attempt_rows(wave: Wave) -> Iterator[list[Cell]]:
    """One row per call, in the order of COLUMNS; no number, name, address or note.

    `attempt` counts the calls of a case from 1, `seconds` run from the click to the outcome,
    `screened` says whether eligibility was established by the end of the call. Instants are local,
    with their offset; yes and no are 1 and 0; what is not known is empty.
    """
    calls = attempts_of(wave).iterator(chunk_size=2000)
    for _number, of_case in groupby(calls, key=lambda call: call["case_number"]):
        screened = False
        for rank, call in enumerate(of_case, start=1):
            now = was_screened(call["disposition"], call["aapor"], call["answered"] or "")
            screened = screened or now
            yield _row(call, rank, screened)


def _row(call: dict[str, Any], rank: int, screened: bool) -> list[Cell]:
    code = call["disposition"]
    return [
        call["case_number"],
        call["sector"],
        call["replicate"],
        rank,
        call["visit"],
        _instant(call["opened_at"]),
        _instant(call["closed_at"]),
        _seconds(call),
        call["username"],
        call["rank"],
        None if call["mobile"] is None else int(call["mobile"]),
        code or None,
        _(BY_CODE[code].label) if code else None,
        call["aapor"] or None,
        aapor(code, screened)[1] if code else None,
        int(screened),
        int(call["abandoned"]),
        call["number"],
        call["outcome"] or None,
    ]


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(PARIS).isoformat(timespec="seconds") if at else None


def _seconds(call: dict[str, Any]) -> int | None:
    opened, closed = call["opened_at"], call["closed_at"]
    return None if closed is None else round((closed - opened) / timedelta(seconds=1))
