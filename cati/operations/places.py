"""The places of an interview, one per family of quota cells: all of them held, or none.

Every count is moved by a conditional UPDATE on cells that are locked by id first; no count is read
and then written. An interview that a firm cell refuses takes nobody's place anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from django.db import connection
from django.db.models import F

from cati.core.quotas import SECTOR, cells_of
from cati.models import Place, QuotaCell, Wave
from cati.models.quotas import ADMITS, COUNTABLE
from questionnaire.models import Interview

Result = Literal["held", "full", "outside"]
State = Place.State

# The two counts of a cell: interviews in progress, and complete ones.
RESERVED, COUNTED = "reserved", "counted"
# When a cell takes one more in a column; with the rate of completion, where that is asked.
OPEN_TO = {RESERVED: ADMITS, COUNTED: COUNTABLE}
# An answer that moves a place waits for these; the ORM takes four times as long to write them.
CELLS = """
SELECT q.id, q.family, s.code, q.category
FROM cati_quotacell q JOIN cati_sector s ON s.id = q.sector_id
WHERE q.wave_id = %s AND (
  q.id IN (SELECT cell_id FROM cati_place WHERE interview_id = %s) OR (q.family, s.code, q.category)
  IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])))
ORDER BY q.id FOR NO KEY UPDATE OF q
"""
PLACES = "SELECT family, cell_id, state FROM cati_place WHERE interview_id = %s"
REFUSING = "SELECT id FROM cati_quotacell WHERE id = ANY(%s) AND NOT {open}"
# One more in the first cells and one less in the second, or nothing where one of the first refuses.
MOVE = """
UPDATE cati_quotacell SET {column} = {column} + CASE WHEN id = ANY(%s) THEN 1 ELSE -1 END
WHERE id = ANY(%s) AND (id = ANY(%s) OR {column} > 0) AND NOT EXISTS ({refusing})
"""
REMEMBER = """
WITH left_over AS (DELETE FROM cati_place WHERE interview_id = %s AND family <> ALL(%s))
INSERT INTO cati_place (interview_id, family, cell_id, state, since)
SELECT %s, family, cell, state, %s
FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS stands (family, cell, state)
ON CONFLICT (interview_id, family)
DO UPDATE SET cell_id = excluded.cell_id, state = excluded.state, since = excluded.since
"""


class _Place(NamedTuple):
    """A place as it is: its cell, by id, and its state."""

    cell: int
    state: Place.State


@dataclass(frozen=True)
class _Stand:
    """An interview among cells that are locked: the places it has, and the cells it belongs to by
    id, both by family."""

    places: Mapping[str, _Place]
    wanted: Mapping[str, int]

    def cells(self, state: Place.State) -> set[int]:
        """Of the places in this state."""
        return {place.cell for place in self.places.values() if place.state == state}

    @property
    def counted(self) -> bool:
        return bool(self.cells(State.CONFIRMED))


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
    held = State.CONFIRMED if stand.counted else State.RESERVED
    had = stand.cells(held)
    # Without a target for its sector there is nothing to count it against.
    wanted = stand.wanted if SECTOR in stand.wanted else {}
    cells = set(wanted.values())
    new, old = cells - had, had - cells
    if not new and not old and wanted.keys() == stand.places.keys():
        return {family: _told(stand.places[family].state) for family in wanted}
    inside = _move(new, old, wave, column)
    full: set[int] = set()
    if not inside:
        _give_back(had, column)
        if may_end and not stand.counted and not stand.cells(State.RELEASED):
            # Who was let go on once is not sent away later by the same cell.
            full = _refusing(new, wave, column) - stand.cells(State.OUTSIDE)
    stands = {
        family: _Place(cell, held if inside else State.FULL if cell in full else State.OUTSIDE)
        for family, cell in wanted.items()
    }
    _remember(interview, stands, now)
    return {family: _told(place.state) for family, place in stands.items()}


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
    refused = stand.cells(State.FULL)
    if stand.places and not refused:
        left = State.RELEASED if stand.cells(State.RELEASED) else State.OUTSIDE
        _remember(interview, _all(stand.wanted, left), now)
    return {
        family: "full" if cell in refused else "outside" for family, cell in stand.wanted.items()
    }


def confirm(wave: Wave, interview: Interview, roles: Mapping[str, object], now: datetime) -> bool:
    """Count the complete interview in all its cells; False where it stays outside the quota.

    It is counted where each of its firm cells has counted less than target + allowance and is open,
    or has kept a place for it.
    """
    stand = _stand(wave, interview, roles)
    if stand.counted:
        return True
    had = stand.cells(State.RESERVED)
    counted = False
    if SECTOR in stand.wanted:
        cells = set(stand.wanted.values())
        closed = QuotaCell.objects.filter(
            pk__in=cells - had, state=QuotaCell.State.CLOSED, allowance__isnull=False
        )
        counted = not closed.exists() and _move(cells, set(), wave, COUNTED)
    _give_back(had, RESERVED)
    state = State.CONFIRMED if counted else State.OUTSIDE
    _remember(interview, _all(stand.wanted, state), now)
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
    sectors, categories = [[key[part] for key in belongs.values()] for part in (0, 1)]
    asked = [wave.pk, interview.pk, list(belongs), sectors, categories]
    cells = _rows(CELLS, asked)
    places = {
        family: _Place(cell, State(state)) for family, cell, state in _rows(PLACES, [interview.pk])
    }
    if not {place.cell for place in places.values()} <= {cell for cell, *_key in cells}:
        cells = _rows(CELLS, asked)
    found = {tuple(key): cell for cell, *key in cells}
    known = {family: found.get((family, *key)) for family, key in belongs.items()}
    return _Stand(places, {family: cell for family, cell in known.items() if cell is not None})


def _refusing(cells: Collection[int], wave: Wave, column: str) -> set[int]:
    asked = REFUSING.format(open=OPEN_TO[column])
    return {cell for (cell,) in _rows(asked, [list(cells), *_rate(wave, column)])}


def _move(new: Collection[int], old: Collection[int], wave: Wave, column: str) -> bool:
    """Add one to all of the new cells and take one off the old, or nothing where one refuses."""
    refusing = REFUSING.format(open=OPEN_TO[column])
    more = list(new)
    values = [more, [*new, *old], more, more, *_rate(wave, column)]
    return bool(_done(MOVE.format(column=column, refusing=refusing), values)) or not new


def _give_back(cells: Collection[int], column: str) -> None:
    if cells:
        held = QuotaCell.objects.filter(**{f"{column}__gt": 0}, pk__in=cells)
        held.update(**{column: F(column) - 1})


def _rate(wave: Wave, column: str) -> Sequence[float]:
    """What OPEN_TO asks for in a column."""
    return [wave.completion_rate] if column == RESERVED else []


def _all(wanted: Mapping[str, int], state: Place.State) -> dict[str, _Place]:
    return {family: _Place(cell, state) for family, cell in wanted.items()}


def _told(state: Place.State) -> Result:
    if state == State.FULL:
        return "full"
    return "held" if state in (State.RESERVED, State.CONFIRMED) else "outside"


def _remember(interview: Interview, stands: Mapping[str, _Place], now: datetime) -> None:
    """The interview's places are these and no others."""
    families = list(stands)
    cells, states = [[one[part] for one in stands.values()] for part in (0, 1)]
    pk = interview.pk
    _done(REMEMBER, [pk, families, pk, now, families, cells, states])


def _rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _done(statement: str, values: Sequence[Any]) -> int:
    """How many rows the statement has written."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
