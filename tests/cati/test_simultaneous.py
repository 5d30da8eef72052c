"""Thirty-two clients on real connections: one place, one case, one number, one person each.

1. The last place of a sector is counted once, however many ask for it at the same moment.
2. The harness is sharp: the usual count-then-insert, run in it, counts too many.
3. Nobody holds a case or a number that somebody else holds, shared numbers included.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.clients import clients

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 32
ROUNDS = 10
NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)


def make_wave(slug: str = "w") -> Any:
    from cati.models import Sector, Wave

    wave = Wave.objects.create(
        name=slug, slug=slug, year=2026, state=Wave.State.OPEN, created_at=NOW
    )
    Sector.objects.create(wave=wave, code="VE", label="Les Vergnes", kind="qpv")
    return wave


def make_interviews(count: int) -> list[int]:
    from questionnaire.models import InstrumentVersion, Interview

    version, _new = InstrumentVersion.objects.get_or_create(
        name="bare", number=1, defaults={"content": {}, "hash": "0" * 64, "published_at": NOW}
    )
    rows = [Interview(version=version, started_at=NOW, last_event_at=NOW) for _ in range(count)]
    return [row.pk for row in Interview.objects.bulk_create(rows)]


def ask_for_a_place(argument: tuple[int, int]) -> bool:
    """The product's way: reserve, then confirm, each in its own transaction."""
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from questionnaire.models import Interview

    wave = Wave.objects.get(pk=argument[0])
    interview = Interview.objects.get(pk=argument[1])
    with transaction.atomic():
        result = places.reserve(wave, interview, "VE", NOW, may_end=True)
    if result != "held":
        return False
    with transaction.atomic():
        return places.confirm(wave, interview, NOW)


def confirm_what_outlived_its_place(argument: tuple[int, int]) -> bool:
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from questionnaire.models import Interview

    with transaction.atomic():
        return places.confirm(
            Wave.objects.get(pk=argument[0]), Interview.objects.get(pk=argument[1]), NOW
        )


def count_then_insert(argument: tuple[int, int]) -> bool:
    """What other systems do: count the places taken, then insert one's own."""
    from django.db import transaction

    from cati.models import Place, QuotaCell

    cell = QuotaCell.objects.get(wave_id=argument[0])
    with transaction.atomic():
        if Place.objects.filter(cell=cell, state="confirmed").count() >= cell.target:
            return False
        Place.objects.create(
            cell=cell, interview_id=argument[1], family="sector", state="confirmed", since=NOW
        )
        return True


def play_rounds(client: Any) -> list[int]:
    from cati.models import QuotaCell

    counted = []
    with clients(CLIENTS) as pool:
        for number in range(ROUNDS):
            wave = make_wave(f"round-{number}")
            QuotaCell.objects.create(wave=wave, sector=wave.sectors.get(), target=1)
            results = pool.run(client, [(wave.pk, pk) for pk in make_interviews(CLIENTS)])
            counted.append(sum(results))
    return counted


def test_the_last_place_of_a_sector_is_counted_exactly_once() -> None:
    from cati.models import QuotaCell

    assert play_rounds(ask_for_a_place) == [1] * ROUNDS
    assert list(QuotaCell.objects.values_list("counted", "reserved")) == [(1, 0)] * ROUNDS


def test_the_same_harness_catches_count_then_insert() -> None:
    assert max(play_rounds(count_then_insert)) > 1


def test_interviews_that_outlived_their_places_never_go_over_the_target() -> None:
    from cati.models import Place, QuotaCell

    wave = make_wave()
    cell = QuotaCell.objects.create(wave=wave, sector=wave.sectors.get(), target=3)
    interviews = make_interviews(CLIENTS)
    Place.objects.bulk_create(
        [
            Place(interview_id=pk, cell=cell, family="sector", state="released", since=NOW)
            for pk in interviews
        ]
    )
    with clients(CLIENTS) as pool:
        results = pool.run(confirm_what_outlived_its_place, [(wave.pk, pk) for pk in interviews])
    cell.refresh_from_db()
    assert (sum(results), cell.counted, cell.reserved) == (3, 3, 0)
    assert Place.objects.filter(state="outside").count() == CLIENTS - 3


def work_through_the_pool(argument: tuple[int, int]) -> list[tuple[int, list[str], float, float]]:
    """Claim, hold for a moment, close; until nothing is left. Returns (case, keys, from, to)."""
    from django.db import transaction

    from cati.models import Case, User, Wave
    from cati.operations.claim import next_case
    from cati.operations.leases import let_go

    wave, user = Wave.objects.get(pk=argument[0]), User.objects.get(pk=argument[1])
    worked, empty = [], 0
    while empty < 5:
        case = next_case(wave, user, NOW)
        if case is None:
            # Another client may hold the only numbers left for an instant.
            empty += 1
            time.sleep(0.02)
            continue
        start = time.monotonic()
        keys = list(case.phones.values_list("phone_key", flat=True))
        end = time.monotonic()
        with transaction.atomic():
            let_go(case)
            Case.objects.filter(pk=case.pk).update(state=Case.State.CLOSED)
        worked.append((case.pk, keys, start, end))
    return worked


def test_no_case_and_no_number_is_ever_held_twice() -> None:
    from cati.models import Case, Phone, QuotaCell, User

    wave = make_wave()
    sector = wave.sectors.get()
    QuotaCell.objects.create(wave=wave, sector=sector, target=2000)
    users = [User.objects.create(username=f"u{number}") for number in range(CLIENTS)]
    cases = Case.objects.bulk_create(
        [
            Case(wave=wave, number=number, frame_sector=sector, due_at=NOW, jitter=number * 7 % 13)
            for number in range(1, 1001)
        ]
    )
    # The last 50 of the thousand share their number with one of the first 50.
    Phone.objects.bulk_create(
        [
            Phone(case=case, e164=f"+33199{number % 950:06d}", phone_key=f"{number % 950:064d}")
            for number, case in enumerate(cases)
        ]
    )
    with clients(CLIENTS) as pool:
        shares = pool.run(work_through_the_pool, [(wave.pk, user.pk) for user in users])

    worked = [entry for share in shares for entry in share]
    assert sorted(case for case, *_ in worked) == sorted(case.pk for case in cases)
    spans: dict[str, list[tuple[float, float]]] = {}
    for _case, keys, start, end in worked:
        for key in keys:
            spans.setdefault(key, []).append((start, end))
    assert sum(len(held) > 1 for held in spans.values()) == 50
    for held in spans.values():
        held.sort()
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(held))
