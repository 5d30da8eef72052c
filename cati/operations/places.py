"""Places in quota cells, each moved by one conditional UPDATE: no count is read and then written.

A place is reserved when the cell is known, confirmed at completion, released on break-off.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db.models import F, FloatField, Value
from django.db.models.functions import Cast

from cati.models import Place, QuotaCell, Wave
from questionnaire.models import Interview

Result = Literal["held", "full", "outside"]
SECTOR = "sector"


def reserve(
    wave: Wave, interview: Interview, sector: str, now: datetime, *, may_end: bool
) -> Result:
    """Take a place in the sector's cell, or move there from the one held before.

    `may_end` is False once the person has given five minutes: the interview then goes on outside
    the quota instead of ending, as it does when she comes back to a suspended interview whose place
    was given away. The new place is taken before the old one is given back, and both cells are
    locked in the order of their ids.
    """
    held = Place.objects.filter(interview=interview, family=SECTOR).first()
    cells = QuotaCell.objects.filter(wave=wave, family=SECTOR)
    cell = cells.filter(sector__code=sector).first()
    if cell is None:
        # A sector without a target: nothing to count it against.
        if held is not None:
            release(interview, now)
        return "outside"
    if held is not None and held.cell_id == cell.pk and held.state == Place.State.RESERVED:
        return "held"
    if held is not None:
        list(cells.filter(pk__in=[held.cell_id, cell.pk]).order_by("pk").select_for_update())
        may_end = may_end and held.state != Place.State.RELEASED
    taken = _admit(cell, wave)
    if held is not None and held.state == Place.State.RESERVED:
        _give_back(held.cell_id)
    state: Place.State = Place.State.RESERVED
    if not taken:
        state = Place.State.FULL if may_end else Place.State.OUTSIDE
    Place.objects.update_or_create(
        interview=interview, family=SECTOR, defaults={"cell": cell, "state": state, "since": now}
    )
    if taken:
        return "held"
    return "full" if may_end else "outside"


def confirm(wave: Wave, interview: Interview, now: datetime) -> bool:
    """Count the completed interview; False when it is complete but outside the quota.

    An interview whose place had been given back is counted if the cell still admits one.
    """
    place = Place.objects.select_related("cell").filter(interview=interview, family=SECTOR).first()
    if place is None:
        return False
    if place.state == Place.State.CONFIRMED:
        return True
    if place.state == Place.State.RESERVED:
        counted = _count(place.cell_id)
        if not counted:
            _give_back(place.cell_id)
    else:
        counted = _admit(place.cell, wave) and _count_or_give_back(place.cell_id)
    place.state = Place.State.CONFIRMED if counted else Place.State.OUTSIDE
    place.since = now
    place.save(update_fields=["state", "since"])
    return counted


def release(interview: Interview, now: datetime) -> None:
    """Give a reserved place back; nothing where none is reserved."""
    released = Place.objects.filter(interview=interview, state=Place.State.RESERVED)
    for place in released.order_by("cell_id"):
        changed = Place.objects.filter(pk=place.pk, state=Place.State.RESERVED).update(
            state=Place.State.RELEASED, since=now
        )
        if changed:
            _give_back(place.cell_id)


def is_reserved(interview: Interview) -> bool:
    """Whether the interview holds a place, reserved or counted, in its sector's cell."""
    kept = [Place.State.RESERVED, Place.State.CONFIRMED]
    return Place.objects.filter(interview=interview, family=SECTOR, state__in=kept).exists()


def _admit(cell: QuotaCell, wave: Wave) -> bool:
    """Reserve in the cell if counted + reserved × completion rate is still below the target."""
    expected = F("counted") + Cast(F("reserved"), FloatField()) * Value(wave.completion_rate)
    return bool(
        QuotaCell.objects.filter(pk=cell.pk, state=QuotaCell.State.OPEN)
        .alias(expected=expected)
        .filter(expected__lt=F("target"))
        .update(reserved=F("reserved") + 1)
    )


def _count(cell_id: int) -> bool:
    """Turn a reserved place into a counted one, within target + allowance."""
    return bool(
        QuotaCell.objects.filter(
            pk=cell_id, reserved__gt=0, counted__lt=F("target") + F("allowance")
        ).update(reserved=F("reserved") - 1, counted=F("counted") + 1)
    )


def _count_or_give_back(cell_id: int) -> bool:
    if _count(cell_id):
        return True
    _give_back(cell_id)
    return False


def _give_back(cell_id: int) -> None:
    QuotaCell.objects.filter(pk=cell_id, reserved__gt=0).update(reserved=F("reserved") - 1)
