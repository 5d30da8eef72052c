"""The calling hours in words, in the language of whoever reads them."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from cati.core.scheduling import PARIS, Hours, day_hours


def hours_told(hours: Hours, at: datetime) -> str:
    """« de 10 h à 20 h 30 » for the local day of `at`; '' on a closed day."""
    day = day_hours(hours, at.astimezone(PARIS).date())
    if not day:
        return ""
    return _("de %(low)s à %(high)s") % {"low": clock_told(day[0]), "high": clock_told(day[1])}


def clock_told(clock: str) -> str:
    """« 20 h 30 » for "20:30", « 10 h » for "10:00"."""
    hour, minute = clock.split(":")
    if minute == "00":
        return _("%(hour)s h") % {"hour": int(hour)}
    return _("%(hour)s h %(minute)s") % {"hour": int(hour), "minute": minute}
