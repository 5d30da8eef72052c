"""A million cases: what a claim costs when two hundred connections ask, and that no case is twice.

Claims arrive open-loop, fifty a second: a slow one does not hold the next one back, and waits
count. The rows are made by the database; a twentieth of the numbers stands in two cases.
"""

from __future__ import annotations

import time
from collections import Counter
from statistics import quantiles
from typing import Any

import pytest
from django.db import connection

from tests.clients import clients
from tests.world import NOW, World

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

SIZE, CONNECTIONS, PER_SECOND = 1_000_000, 200, 50
# Seconds, until everybody has read who asks and waits for the instant of her claim.
READY = 2.0

# One case in three was rung before and waits, half of these until later; a few are promises.
CASES = """
INSERT INTO cati_case (wave_id, number, frame_sector_id, replicate, preloads, state, disposition,
  tier, due_at, part, language, attempts, screened, jitter, epoch)
SELECT %(wave)s, n, (%(sectors)s::bigint[])[1 + n %% cardinality(%(sectors)s::bigint[])], 1, '{}',
  'open', CASE WHEN n %% 3 = 0 THEN '32' ELSE '' END,
  CASE WHEN n %% 5000 = 0 THEN 2 WHEN n %% 3 = 0 THEN 5 ELSE 6 END,
  %(now)s::timestamptz
    + CASE WHEN n %% 3 = 0 THEN n %% 577 - 288 ELSE -60 END * interval '10 min',
  CASE WHEN n %% 3 = 0 THEN 1 + n / 3 %% 4 ELSE 0 END, '', CASE WHEN n %% 3 = 0 THEN 1 + n %% 7
  ELSE 0 END, false, (hashint4(n::int)::bigint + 2147483648) / 4294967296.0, 0
FROM generate_series(1001, 1000 + %(size)s) AS n
"""
PHONES = """
INSERT INTO cati_phone (case_id, rank, e164, phone_key, mobile, state, disposition)
SELECT id, 1, '', md5((CASE WHEN number %% 20 = 0 THEN number - 1 ELSE number END)::text), false,
  'valid', '' FROM cati_case WHERE wave_id = %(wave)s AND number > 1000
"""


def asker(given: tuple[int, int]) -> tuple[Any, Any]:
    """Wave and interviewer, as a request has them; the first of a process brings the code in."""
    import cati.operations.claim  # noqa: F401
    from cati.models import User, Wave

    wave_id, user_id = given
    return Wave.objects.get(pk=wave_id), User.objects.get(pk=user_id)


def claim_at(argument: tuple[int, int, float]) -> tuple[int, list[str], float]:
    """One claim at its instant: (case, its numbers, seconds from when it should have begun)."""
    from cati.operations.claim import next_case

    wave_id, user_id, instant = argument
    wave, user = asker((wave_id, user_id))
    time.sleep(max(0.0, instant - time.time()))
    case = next_case(wave, user, NOW)
    spent = time.time() - instant
    assert case is not None
    return case.pk, list(case.phones.values_list("phone_key", flat=True)), spent


def test_two_hundred_connections_claim_among_a_million_cases(world: World) -> None:
    from cati.models import User
    from cati.queries.callable import LANES, LOCK, _arrays, situation

    sectors = [cell.sector_id for cell in world.cells.values()]
    values = {"wave": world.wave.pk, "sectors": sectors, "now": NOW, "size": SIZE}
    with connection.cursor() as cursor:
        cursor.execute(CASES, values)
        cursor.execute(PHONES, values)
        cursor.execute("ANALYZE")
    users = User.objects.bulk_create(
        [User(username=f"bench{n}", password="!") for n in range(2 * CONNECTIONS)]
    )
    at = situation(world.wave, world.nadia, NOW)
    plan = explained(LANES.format(lock=LOCK), at.values | _arrays(at.retries))
    assert "case_lane" in plan and "Seq Scan on cati_case " not in plan

    with clients(CONNECTIONS) as pool:
        pool.run(asker, [(world.wave.pk, user.pk) for user in users[:CONNECTIONS]])
        soon = time.time() + READY
        burst = pool.run(claim_at, [(world.wave.pk, user.pk, soon) for user in users[:CONNECTIONS]])
        # Every connection has served a claim by now, as in a telephone room that is at work.
        soon = time.time() + READY
        paced = pool.run(
            claim_at,
            [
                (world.wave.pk, user.pk, soon + n / PER_SECOND)
                for n, user in enumerate(users[CONNECTIONS:])
            ],
        )
    for name, claims in (("50 per second", paced), ("200 at once", burst)):
        spent = sorted(1000 * one[2] for one in claims)
        cuts = quantiles(spent, n=100)
        print(
            f"\n{name:<14} claims {len(spent)}  p50 {cuts[49]:.1f} ms  p95 {cuts[94]:.1f} ms"
            f"  max {spent[-1]:.1f} ms"
        )
    everything = [*paced, *burst]
    assert max(Counter(case for case, *_ in everything).values()) == 1
    assert max(Counter(key for _case, keys, _s in everything for key in keys).values()) == 1
    assert quantiles([one[2] for one in paced], n=100)[94] < 0.020


def explained(statement: str, values: dict[str, Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values | {"tried": [], "limit": 1})
        return "\n".join(row[0] for row in cursor.fetchall())
