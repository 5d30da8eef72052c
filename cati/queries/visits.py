"""The visits of a case, as the rules of calling count them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cati.core.retries import Try
from cati.models import Attempt, Case

Row = tuple[int, datetime | None, str]  # visit, end, outcome


def visits_before(case: Case, visit: int) -> list[Try]:
    """The earlier visits that ended with an outcome, in their order."""
    calls = Attempt.objects.filter(case=case, visit__lt=visit, closed_at__isnull=False)
    rows = calls.exclude(disposition="").order_by("closed_at")
    return visits(rows.values_list("visit", "closed_at", "disposition"))


def visits(rows: Iterable[Row]) -> list[Try]:
    """One try per visit: a redial or a second number within it counts with the last call of it."""
    last = {visit: Try(at, code) for visit, at, code in rows if at}
    return list(last.values())
