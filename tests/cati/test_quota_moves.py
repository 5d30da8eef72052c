"""People who change their minds on real connections, and transactions that meet.

1. Whatever is edited, in whatever order, the cells hold what the interviews hold: counted are the
   complete ones inside the quota, reserved those in progress, at every moment anybody looks.
2. An interview holds all of its places or none.
3. What a deadlock broke off is done again, once, from its beginning.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.cati.test_simultaneous import make_interviews
from tests.clients import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CLIENTS = 20
NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SECTORS, SEXES, AGES, JOBS = ("VE", "CN", "CH"), (1, 2), (1, 2, 3), (1, 2, 3)

# One statement is one moment: cells beside places, and places beside the interviews they are of.
UNEVEN = """
SELECT count(*) FROM cati_quotacell c WHERE (c.reserved, c.counted) <> (
  SELECT count(*) FILTER (WHERE p.state = 'reserved'),
         count(*) FILTER (WHERE p.state = 'confirmed')
  FROM cati_place p WHERE p.cell_id = c.id)
"""
TORN = """
SELECT count(*) FROM (
  SELECT interview_id FROM cati_place GROUP BY interview_id
  HAVING count(DISTINCT state) > 1 AND bool_or(state IN ('reserved', 'confirmed'))) torn
"""


def make_cells(target: int) -> int:
    from cati.core.quotas import allowance
    from cati.models import QuotaCell, Sector, Wave

    wave = Wave.objects.create(name="w", slug="w", year=2026, state="open", created_at=NOW)
    for code in SECTORS:
        sector = Sector.objects.create(wave=wave, code=code, label=code, kind="qpv")
        # Two thirds of what is wanted fits, so that refusals are as usual as moves.
        parts = {"sector": ("",), "sexe": SEXES, "age": AGES, "emploi": JOBS}
        QuotaCell.objects.bulk_create(
            QuotaCell(
                wave=wave,
                sector=sector,
                family=family,
                category=str(category),
                target=target // len(categories),
                allowance=allowance(family, target // len(categories)),
            )
            for family, categories in parts.items()
            for category in categories
        )
    return wave.pk


def change_minds(argument: tuple[int, int, float]) -> int:
    """One interview after the other, edited at random; how many were counted."""
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from cati.operations.retry import retried
    from questionnaire.models import Interview

    wave, first, seconds = Wave.objects.get(pk=argument[0]), *argument[1:]
    draw = random.Random(first)
    roles: dict[str, Any] = {}
    counted, until = 0, time.monotonic() + seconds
    interview = Interview.objects.get(pk=first)

    def act(name: str) -> Any:
        with transaction.atomic():
            Interview.objects.select_for_update().get(pk=interview.pk)
            if name == "complete":
                return places.confirm(wave, interview, roles, NOW)
            if name == "break off":
                return places.release(interview, NOW)
            return places.follow(wave, interview, roles, NOW, may_end=draw.random() < 0.5)

    while time.monotonic() < until:
        role, values = draw.choice(
            [("sector", SECTORS), ("sex", SEXES), ("age", AGES), ("employment", JOBS)]
        )
        roles[role] = draw.choice([*values, None])
        name = draw.choices(["edit", "break off", "complete"], [12, 2, 1])[0]
        done = retried(partial(act, name))
        if name == "complete":
            counted += done
            interview = Interview.objects.create(
                version_id=interview.version_id, started_at=NOW, last_event_at=NOW
            )
            roles = {}
    return counted


def look(argument: tuple[int, int, float]) -> tuple[int, int]:
    """How often cells, or the places of one interview, did not agree; how often was looked."""
    from django.db import connection

    wrong, looks, until = 0, 0, time.monotonic() + argument[2]
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            for question in (UNEVEN, TORN):
                cursor.execute(question)
                wrong += cursor.fetchone()[0]
        looks += 1
    return wrong, looks


def take_turns(argument: tuple[int, int, float]) -> Any:
    """The last argument looks while the others edit."""
    return look(argument) if argument[1] == 0 else change_minds(argument)


def edit_together(seconds: float) -> None:
    from django.db.models import F, Sum

    from cati.models import QuotaCell
    from questionnaire.models import Interview

    wave = make_cells(target=18)
    interviews = make_interviews(CLIENTS)
    with clients(CLIENTS + 1) as pool:
        *counted, (wrong, looks) = pool.run(
            take_turns, [(wave, pk, seconds) for pk in interviews] + [(wave, 0, seconds)]
        )
    ended = Interview.objects.count() - CLIENTS
    print(
        f"\n{CLIENTS} clients, {seconds} s: {ended} interviews ended, "
        f"{sum(counted)} of them counted; {looks} looks, {wrong} of them uneven"
    )
    assert wrong == 0
    assert looks >= 10
    cells = QuotaCell.objects.filter(family="sector")
    assert cells.aggregate(counted=Sum("counted"))["counted"] == sum(counted) > 0
    assert not QuotaCell.objects.filter(counted__gt=F("target") + F("allowance")).exists()


def test_cells_hold_what_interviews_hold_whatever_is_edited() -> None:
    edit_together(4)


@pytest.mark.nightly
def test_cells_hold_what_interviews_hold_through_a_minute_of_edits() -> None:
    edit_together(60)


def met(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7")
    return bool(cursor.fetchone()[0])


def lock_both(argument: tuple[str, list[int], int]) -> tuple[int, int]:
    """Lock two cells in the order given, the second once the other client has its first.

    Returns (status, attempts).
    """
    from django.db import connection
    from django.db.models import F

    from cati.models import QuotaCell, User
    from cati.operations.idempotency import Reply, once

    uuid, cells, user = argument
    attempts = 0

    def act() -> Reply:
        nonlocal attempts
        attempts += 1
        for cell in cells:
            QuotaCell.objects.filter(pk=cell).update(reserved=F("reserved") + 1)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(7)")
                while attempts == 1 and cell == cells[0] and not met(cursor):
                    time.sleep(0.01)
        return Reply(200, {})

    return once(UUID(uuid), User.objects.get(pk=user), {}, NOW, act).status, attempts


def test_an_act_that_a_deadlock_broke_off_is_done_again_once() -> None:
    from cati.models import QuotaCell, User

    make_cells(target=18)
    here, there = QuotaCell.objects.filter(family="sector").values_list("pk", flat=True)[:2]
    user = User.objects.create(username="u").pk
    with clients(2) as pool:
        (one, first), (other, second) = pool.run(
            lock_both, [(str(uuid4()), [here, there], user), (str(uuid4()), [there, here], user)]
        )
    assert (one, other) == (200, 200)
    assert first + second > 2  # they did meet
    assert {cell.reserved for cell in QuotaCell.objects.filter(pk__in=[here, there])} == {2}


def load_a_family(argument: tuple[str, int]) -> None:
    """« sexe » comes to the wave while an interview that says it holds its sector's place."""
    from django.db import transaction

    from cati.models import QuotaCell, Wave
    from cati.operations import quotas

    wave = Wave.objects.get(pk=argument[1])
    order = quotas.Order("Nouveaux quotas", None, NOW)
    with transaction.atomic():
        list(QuotaCell.objects.filter(wave=wave).locked())
        time.sleep(1)
        targets = {("VE", "sexe", str(sex)): quotas.Target(9) for sex in SEXES}
        quotas.load_targets(wave, targets, order)


def act_meanwhile(argument: tuple[str, int]) -> None:
    """What an interviewer does once the one who loads has the cells, and before she is done."""
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from questionnaire.models import Interview

    wave, interview = Wave.objects.get(pk=argument[1]), Interview.objects.get()
    time.sleep(0.5)
    with transaction.atomic():
        if argument[0] == "break off":
            places.release(interview, NOW)
        elif argument[0] == "complete":
            places.confirm(wave, interview, interview.answers["roles"], NOW)
        else:
            moved = interview.answers["roles"] | {"sector": "CN"}
            places.follow(wave, interview, moved, NOW, may_end=True)


def load_or_act(argument: tuple[str, int]) -> None:
    (load_a_family if argument[0] == "load" else act_meanwhile)(argument)


@pytest.mark.parametrize("act", ["edit", "break off", "complete"])
def test_families_that_are_loaded_under_an_interview_count_it_right(act: str) -> None:
    from django.db import connection, transaction

    from cati.models import QuotaCell, Wave
    from cati.operations import places
    from questionnaire.models import Interview

    wave = Wave.objects.get(pk=make_cells(target=18))
    QuotaCell.objects.exclude(family="sector").delete()
    make_interviews(1)
    roles = {"sector": "VE", "sex": 1}
    Interview.objects.update(answers={"roles": roles})
    with transaction.atomic():
        places.follow(wave, Interview.objects.get(), roles, NOW, may_end=True)
    with clients(2) as pool:
        pool.run(load_or_act, [("load", wave.pk), (act, wave.pk)])
    with connection.cursor() as cursor:
        for question in (UNEVEN, TORN):
            cursor.execute(question)
            assert cursor.fetchone() == (0,)
