"""Reads of one day of an interviewer: her appointments and her figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Avg, Count, F, Q
from django.utils import timezone

from cati.models import Appointment, Attempt, User, Wave

COMPLETE = "10"


def appointments_today(wave: Wave, user: User, now: datetime) -> list[Appointment]:
    """Hers on the local day of `now`, in their order, those kept or missed included."""
    start = local_midnight(now)
    return list(
        Appointment.objects.filter(
            case__wave=wave, owner=user, at__gte=start, at__lt=start + timedelta(days=1)
        )
        .exclude(state=Appointment.State.CANCELLED)
        .select_related("case__frame_sector")
    )


@dataclass(frozen=True)
class Figures:
    """Calls that were closed, interviews completed, and minutes of a call that completed one."""

    calls: int = 0
    complete: int = 0
    minutes: int | None = None


@dataclass(frozen=True)
class DayFigures:
    """Her own figures since local midnight, beside the median of all who have called."""

    mine: Figures
    median: Figures


def day_figures(wave: Wave, user: User, now: datetime) -> DayFigures:
    """One read for the whole team; nobody's figures but hers leave this function."""
    closed = Attempt.objects.filter(
        case__wave=wave, closed_at__gte=local_midnight(now), abandoned=False
    )
    complete = Q(disposition=COMPLETE)
    rows = closed.values("interviewer").annotate(
        calls=Count("pk"),
        complete=Count("pk", filter=complete),
        length=Avg(F("closed_at") - F("opened_at"), filter=complete),
    )
    team = {
        row["interviewer"]: Figures(row["calls"], row["complete"], _minutes(row["length"]))
        for row in rows.order_by()
    }
    lengths = [figures.minutes for figures in team.values() if figures.minutes is not None]
    return DayFigures(
        mine=team.get(user.pk, Figures()),
        median=Figures(
            calls=_median([figures.calls for figures in team.values()]) or 0,
            complete=_median([figures.complete for figures in team.values()]) or 0,
            minutes=_median(lengths),
        ),
    )


def _minutes(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds() / 60)


def _median(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None


def local_midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
