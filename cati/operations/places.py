"""The places of an interview, one per family of quota cells: all of them held, or none.

Every count is moved by a conditional UPDATE on cells that are locked by id first; no count is read
and then written. An interview that a firm cell refuses takes nobody's place anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Exists, F, Q

from cati.core.quotas import SECTOR, cells_of
from cati.models import Place, QuotaCell, Wave
from cati.models.quotas import QuotaCellQuerySet
from questionnaire.models import Interview

Result = Literal["held", "full", "outside"]
State = Place.State


# The two counts of a cell: interviews in progress, and complete ones.
RESERVED, COUNTED = "reserved", "counted"


@dataclass(frozen=True)
class _Stand:
    """An interview among cells that are locked: the places it has, the cells it belongs to."""

    places: Mapping[str, Place]
    wanted: Mapping[str, QuotaCell]

    def cell_ids(self, state: Place.State) -> set[int]:
        """Of the places in this state."""
        return {place.cell_id for place in self.places.values() if place.state == state}

    @property
    def counted(self) -> bool:
        return bool(self.cell_ids(State.CONFIRMED))


def follow(
    wave: Wave, interview: Interview, roles: Mapping[str, object], now: datetime, *, may_end: bool
) -> dict[str, Result]:
    """Hold the places of the cells to which the interview now belongs, and give the others back.

    {family: what its cell says}, for the families in which the interview has a cell. A refusal is
    "full" where it may end the interview, else "outside"; the families that did not refuse are
    then "outside" too. `may_end` is False once the person has given five minutes; an interview
    that comes back to places given away is never ended either.
    """
    stand = _stand(wave, interview, roles)
    column = COUNTED if stand.counted else RESERVED
    had = stand.cell_ids(State.CONFIRMED if stand.counted else State.RESERVED)
    # Without a target for its sector there is nothing to count it against.
    wanted = stand.wanted if SECTOR in stand.wanted else {}
    ids = {cell.pk for cell in wanted.values()}
    new, old = ids - had, had - ids
    if not new and not old and wanted.keys() == stand.places.keys():
        return {family: _told(State(stand.places[family].state)) for family in wanted}
    inside = not new or _take(new, wave, column)
    _give_back(old if inside else had, column)
    ending = may_end and not stand.counted and not stand.cell_ids(State.RELEASED)
    full: set[int] = set()
    if ending and not inside:
        # Who was let go on once is not sent away later by the same cell.
        full = _ids(_refusing(new, wave, column)) - stand.cell_ids(State.OUTSIDE)
    held = State.CONFIRMED if stand.counted else State.RESERVED
    states = {
        family: held if inside else State.FULL if cell.pk in full else State.OUTSIDE
        for family, cell in wanted.items()
    }
    _remember(interview, {family: (wanted[family], state) for family, state in states.items()}, now)
    return {family: _told(state) for family, state in states.items()}


def follow_left(
    wave: Wave, interview: Interview, roles: Mapping[str, object], now: datetime
) -> dict[str, Result]:
    """`follow` for an interview that nobody conducts: it takes no place, and keeps its standing.

    One that is counted moves with its count. The places of any other stay given back or outside,
    in the cells to which it now belongs; whoever resumes it asks anew. One that a quota has ended
    stays where it was ended.
    """
    stand = _stand(wave, interview, roles)
    if stand.counted:
        return follow(wave, interview, roles, now, may_end=False)
    refused = stand.cell_ids(State.FULL)
    if stand.places and not refused:
        left = State.RELEASED if stand.cell_ids(State.RELEASED) else State.OUTSIDE
        _remember(interview, {family: (cell, left) for family, cell in stand.wanted.items()}, now)
    return {
        family: "full" if cell.pk in refused else "outside" for family, cell in stand.wanted.items()
    }


def confirm(wave: Wave, interview: Interview, roles: Mapping[str, object], now: datetime) -> bool:
    """Count the complete interview in all its cells; False where it stays outside the quota.

    It is counted where each of its firm cells has counted less than target + allowance and is open,
    or has kept a place for it.
    """
    stand = _stand(wave, interview, roles)
    if stand.counted:
        return True
    had = stand.cell_ids(State.RESERVED)
    counted = False
    if SECTOR in stand.wanted:
        ids = {cell.pk for cell in stand.wanted.values()}
        closed = QuotaCell.objects.filter(
            pk__in=ids - had, state=QuotaCell.State.CLOSED, allowance__isnull=False
        )
        counted = not closed.exists() and _take(ids, wave, COUNTED)
    _give_back(had, RESERVED)
    state = State.CONFIRMED if counted else State.OUTSIDE
    _remember(interview, {family: (cell, state) for family, cell in stand.wanted.items()}, now)
    return counted


def release(interview: Interview, now: datetime) -> None:
    """Give the reserved places of an interview back; nothing where none is reserved."""
    release_all([interview], now)


def release_all(interviews: Iterable[Interview], now: datetime) -> None:
    """The same for several, all their cells locked at once in the one order."""
    reserved = Place.objects.filter(interview__in=interviews, state=State.RESERVED)
    # Cells first, places then, as in `_stand`.
    if not list(QuotaCell.objects.filter(pk__in=reserved.values("cell")).locked()):
        return
    held: dict[int, list[int]] = {}
    for interview, cell in reserved.values_list("interview_id", "cell_id"):
        held.setdefault(interview, []).append(cell)
    for cells in held.values():
        _give_back(cells, RESERVED)
    Place.objects.filter(interview__in=held, state=State.RESERVED).update(
        state=State.RELEASED, since=now
    )


def restore(interview: Interview, ended_at: datetime, now: datetime) -> None:
    """Reserve again what an outcome at `ended_at` has counted or given back.

    Whatever the cells hold by now: the place was hers a moment ago, and no count goes beyond its
    target by a reservation.
    """
    taken = [State.CONFIRMED, State.RELEASED]
    moved = Place.objects.filter(interview=interview, state__in=taken, since=ended_at)
    # Cells first, places then, as in `_stand`.
    list(QuotaCell.objects.filter(pk__in=moved.values("cell")).locked())
    places = list(moved)
    _give_back([place.cell_id for place in places if place.state == State.CONFIRMED], COUNTED)
    cells = QuotaCell.objects.filter(pk__in=[place.cell_id for place in places])
    cells.update(reserved=F("reserved") + 1)
    moved.update(state=State.RESERVED, since=now)


def is_reserved(interview: Interview) -> bool:
    """Whether the interview holds a place, reserved or counted, in its sector's cell."""
    kept = [State.RESERVED, State.CONFIRMED]
    return Place.objects.filter(interview=interview, family=SECTOR, state__in=kept).exists()


def _stand(wave: Wave, interview: Interview, roles: Mapping[str, object]) -> _Stand:
    """Cells first, places then: whoever loads families at this moment gives the interview places
    in cells that are new, and is waited for at the old ones. The cells are then asked for again."""
    belongs = cells_of(roles)
    asked = Q(pk__in=Place.objects.filter(interview=interview).values("cell"))
    for family, (sector, category) in belongs.items():
        asked |= Q(family=family, sector__code=sector, category=category)
    those = QuotaCell.objects.filter(asked, wave=wave).locked()
    cells = list(those)
    places = {place.family: place for place in Place.objects.filter(interview=interview)}
    if not {place.cell_id for place in places.values()} <= {cell.pk for cell in cells}:
        cells = list(those.all())
    found = {(cell.family, cell.sector.code, cell.category): cell for cell in cells}
    known = {family: found.get((family, *key)) for family, key in belongs.items()}
    return _Stand(places, {family: cell for family, cell in known.items() if cell is not None})


def _open_to(cells: QuotaCellQuerySet, wave: Wave, column: str) -> QuotaCellQuerySet:
    """Those of the cells that take one more, in the column in which it is to be counted."""
    return cells.countable() if column == COUNTED else cells.admitting(wave.completion_rate)


def _refusing(ids: set[int], wave: Wave, column: str) -> QuotaCellQuerySet:
    cells = QuotaCell.objects.filter(pk__in=ids)
    return cells.exclude(pk__in=_open_to(cells, wave, column).values("pk"))


def _take(ids: set[int], wave: Wave, column: str) -> bool:
    """Add one to all of the cells, or to none where one of them refuses."""
    asked = QuotaCell.objects.filter(~Exists(_refusing(ids, wave, column)), pk__in=ids)
    return bool(asked.update(**{column: F(column) + 1}))


def _give_back(ids: Collection[int], column: str) -> None:
    if ids:
        held = QuotaCell.objects.filter(**{f"{column}__gt": 0}, pk__in=ids)
        held.update(**{column: F(column) - 1})


def _ids(cells: QuotaCellQuerySet) -> set[int]:
    return set(cells.values_list("pk", flat=True))


def _told(state: Place.State) -> Result:
    if state == State.FULL:
        return "full"
    return "held" if state in (State.RESERVED, State.CONFIRMED) else "outside"


def _remember(
    interview: Interview, stands: Mapping[str, tuple[QuotaCell, Place.State]], now: datetime
) -> None:
    """The interview's places are these and no others."""
    Place.objects.filter(interview=interview).exclude(family__in=stands).delete()
    Place.objects.bulk_create(
        (
            Place(interview=interview, family=family, cell=cell, state=state, since=now)
            for family, (cell, state) in stands.items()
        ),
        update_conflicts=True,
        unique_fields=["interview", "family"],
        update_fields=["cell", "state", "since"],
    )
