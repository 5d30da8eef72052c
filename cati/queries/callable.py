"""Who may be handed out now, in SQL: the filters and the order of the claim and its screens.

`cati.core.reasons` says the same of one case; the index `case_lane` keeps the order of a lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from cati.core.day_parts import part_at
from cati.core.dispositions import SOFT
from cati.core.lanes import Lane, fresh_lanes, needs, retry_lanes
from cati.core.quotas import FIRM, SECTOR, admits
from cati.core.reasons import BROKEN_OFF, REFUSED
from cati.core.rules import Rules, read_rules
from cati.models import User, Wave
from cati.queries.days import local_midnight

# Each filter holds where the case is kept back; named as the reasons of the core are.
HINDRANCES = {
    "replicate": "c.replicate = ANY(%(waiting)s)",
    "held": "c.holder_id IS NOT NULL",
    "no_number": "NOT EXISTS (SELECT 1 FROM cati_phone p WHERE p.case_id = c.id"
    " AND p.state = 'valid')",
    "opposed": "EXISTS (SELECT 1 FROM cati_phone p JOIN cati_opposition o USING (phone_key)"
    " WHERE p.case_id = c.id)",
    "delay": "c.due_at > %(now)s",
    "quota": """NOT (c.tier <= 2 OR c.disposition = ANY(%(cut)s)
       OR CASE WHEN EXISTS (SELECT 1 FROM cati_place k WHERE k.interview_id = i.interview_id)
          THEN NOT EXISTS (SELECT 1 FROM cati_place k
                           WHERE k.interview_id = i.interview_id AND k.cell_id = ANY(%(full)s))
          ELSE c.frame_sector_id = ANY(%(sectors)s) END)""",
    "exhausted": "c.tier = 5 AND c.part IS NULL",
    "day_part": "(c.tier = 5 AND c.part NOT IN (0, %(part)s))"
    " OR (c.tier = 6 AND (c.jitter < %(first)s OR c.jitter >= %(last)s))",
    "owner": "c.owner_id <> %(user)s AND c.due_at > %(owner_until)s",
    "busy_number": "EXISTS (SELECT 1 FROM cati_phone p JOIN cati_phonehold h USING (phone_key)"
    " WHERE p.case_id = c.id AND h.until >= %(now)s)",
    "language": "c.language <> '' AND c.language <> ALL(%(languages)s::text[])",
    "conversion": "c.tier = 5 AND c.disposition = ANY(%(refused)s) AND (NOT %(converts)s"
    " OR EXISTS (SELECT 1 FROM cati_attempt a WHERE a.case_id = c.id"
    " AND a.interviewer_id = %(user)s AND a.disposition = ANY(%(refused)s)))",
}
FROM = """FROM cati_case c
LEFT JOIN cati_caseinterview i ON i.case_id = c.id AND i.current
WHERE c.wave_id = %(wave)s AND c.state = 'open'"""
# The claim's own words for "nobody holds it" are those of the partial indexes.
FREE = "c.holder_id IS NULL AND c.due_at <= %(now)s AND c.id <> ALL(%(tried)s)"
_REST = "\n  AND ".join(
    f"({test}) IS NOT TRUE" for name, test in HINDRANCES.items() if name not in ("held", "delay")
)
# Promises are kept in the order of their hours; whoever locks says how after LIMIT.
PROMISED = f"""SELECT c.id, 0.0 AS score {FROM}
  AND {FREE} AND c.tier <= {SOFT}
  AND {_REST}
ORDER BY c.tier, c.due_at, c.attempts, c.jitter
LIMIT %(limit)s"""
# The lanes come in their order and a nested loop keeps it: the first that has a case ends it.
# Tries and draw are compared as a row too, so that the index is entered where a lane begins.
LANES = f"""SELECT found.id, lane.score
FROM unnest(%(tiers)s::int[], %(parts)s::int[], %(lane_sectors)s::bigint[], %(low)s::int[],
            %(high)s::int[], %(from)s::float8[], %(to)s::float8[], %(scores)s::float8[])
     AS lane(tier, part, sector, low, high, first, last, score)
CROSS JOIN LATERAL (
  SELECT c.id {FROM}
  AND {FREE} AND c.tier = lane.tier AND c.part = lane.part AND c.frame_sector_id = lane.sector
  AND (c.attempts, c.jitter) >= (lane.low, lane.first)
  AND c.attempts <= lane.high AND c.jitter >= lane.first AND c.jitter < lane.last
  AND {_REST}
  ORDER BY c.attempts, c.jitter
  LIMIT %(limit)s
  {{lock}}
) found
LIMIT %(limit)s"""  # noqa: S608 (constants of this module)
LOCK = "FOR UPDATE OF c SKIP LOCKED"
# The firm cells, each with the calls that the asker has made today in its sector.
CELLS = """
SELECT q.id, q.sector_id, q.family, q.state = 'open', q.target, q.allowance, q.counted, q.reserved,
  coalesce(rung.calls, 0)
FROM cati_quotacell q LEFT JOIN (
  SELECT c.frame_sector_id, count(*) FROM cati_attempt a JOIN cati_case c ON c.id = a.case_id
  WHERE a.interviewer_id = %(user)s AND a.opened_at >= %(today)s AND c.wave_id = %(wave)s
  GROUP BY c.frame_sector_id
) rung(sector, calls) ON rung.sector = q.sector_id
WHERE q.wave_id = %(wave)s AND q.family = ANY(%(firm)s)
"""
WAITING = "SELECT number FROM cati_replicate WHERE wave_id = %(wave)s AND released_at IS NULL"


@dataclass(frozen=True)
class Cell:
    """A firm cell as the claim reads it. `left`: interviews that miss; `rung`: see CELLS."""

    pk: int
    sector: int
    family: str
    admits: bool
    left: int
    rung: int


@dataclass(frozen=True)
class Situation:
    """What the filters compare a case with, read once: rules, part of the week, quotas, asker."""

    rules: Rules
    part: int
    values: dict[str, Any]
    needs: dict[int, float]
    retries: Sequence[Lane]
    fresh: Sequence[Lane]


def situation(wave: Wave, user: User | None, now: datetime) -> Situation:
    """Two reads, whatever the size of the sample. Without a user, the skills are never short."""
    rules = read_rules(wave.call_rules)
    part = part_at(rules.parts, now)
    cells, waiting = _read(wave, user, now)
    sectors = {cell.sector: cell for cell in cells if cell.family == SECTOR}
    missing = {
        sector: float(max(cell.left, 1)) if cell.admits else 0.0 for sector, cell in sectors.items()
    }
    rung = {sector: cell.rung for sector, cell in sectors.items()}
    need = needs(missing, rung, user.pk if user else 0)
    fresh = fresh_lanes(rules, part, {sector: n for sector, n in need.items() if missing[sector]})
    first, last = (fresh[0].first, fresh[0].last) if fresh else (float("-inf"), float("inf"))
    return Situation(
        rules,
        part,
        {
            "wave": wave.pk,
            "user": user.pk if user else None,
            "now": now,
            "part": part,
            "first": first,
            "last": last,
            "owner_until": now - timedelta(minutes=rules.owner_first),
            "cut": list(BROKEN_OFF),
            "refused": list(REFUSED),
            "converts": user is None or user.converts_refusals,
            # NULL hinders nothing, as an interviewer's id that is NULL does not.
            "languages": list(user.languages) if user else None,
            "sectors": [sector for sector, cell in sectors.items() if cell.admits],
            "full": [cell.pk for cell in cells if not cell.admits],
            "waiting": waiting,
        },
        need,
        # Sectors without any target have no cell: their cases are kept back by quota.
        retry_lanes(rules, part, need),
        fresh,
    )


def _read(wave: Wave, user: User | None, now: datetime) -> tuple[list[Cell], list[int]]:
    """The firm cells, and the replicates that wait to be released."""
    given = {
        "wave": wave.pk,
        "user": user.pk if user else None,
        "today": local_midnight(now),
        "firm": list(FIRM),
    }
    with connection.cursor() as cursor:
        cursor.execute(CELLS, given)
        cells = [_cell(wave, *row) for row in cursor.fetchall()]
        cursor.execute(WAITING, given)
        return cells, [number for (number,) in cursor.fetchall()]


def _cell(
    wave: Wave, pk: int, sector: int, family: str, is_open: bool, target: int,
    allowance: int | None, counted: int, reserved: int, rung: int,
) -> Cell:  # fmt: skip
    promised = counted + reserved * wave.completion_rate
    free = admits(family, is_open=is_open, target=target, allowance=allowance, promised=promised)
    return Cell(pk, sector, family, free, target - counted, rung)


def candidates(
    at: Situation, tried: Sequence[int] = (), *, limit: int = 1, lock: bool = False
) -> list[tuple[int, float]]:
    """[(case id, score)] in the order in which they would be handed out, promises first.

    With `lock`, rows that others have locked are passed over, and these stay locked.
    """
    found: list[tuple[int, float]] = []
    lanes = LANES.format(lock=LOCK if lock else "")
    for statement, given in (
        (f"{PROMISED} {LOCK if lock else ''}", {}),
        (lanes, _arrays(at.retries)),
        (lanes, _arrays(at.fresh)),
    ):
        if len(found) < limit:
            values = at.values | given | {"tried": list(tried), "limit": limit - len(found)}
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                found += cursor.fetchall()
    return found


def _arrays(lanes: Sequence[Lane]) -> dict[str, list[Any]]:
    return {
        "tiers": [lane.tier for lane in lanes],
        "parts": [lane.part for lane in lanes],
        "lane_sectors": [lane.sector for lane in lanes],
        "low": [lane.low for lane in lanes],
        "high": [lane.high for lane in lanes],
        "from": [lane.first for lane in lanes],
        "to": [lane.last for lane in lanes],
        "scores": [lane.score for lane in lanes],
    }
