"""Thirty-two clients on real connections: one place, one case, one number, one person each.

1. The last place is counted once, however many ask for it at the same moment, in every family.
2. The harness is sharp: the usual count-then-insert, run in it, counts too many.
3. Where admission allows for break-offs, nothing is counted beyond target and allowance.
4. Nobody holds a case or a number that somebody else holds, shared numbers included.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.clients import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
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


def person(number: int) -> dict[str, Any]:
    """What is known of the `number`-th: women and men in turn, all of one age."""
    return {"sector": "VE", "sex": 1 + number % 2, "age": 3, "employment": 1 + number % 5}


def ask_for_a_place(argument: tuple[int, int]) -> bool:
    """The product's way: reserve, then confirm, each in its own transaction."""
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from questionnaire.models import Interview

    wave = Wave.objects.get(pk=argument[0])
    interview = Interview.objects.get(pk=argument[1])
    roles = person(argument[1])
    with transaction.atomic():
        said = places.follow(wave, interview, roles, NOW, may_end=True)
    if set(said.values()) != {"held"}:
        return False
    with transaction.atomic():
        return places.confirm(wave, interview, roles, NOW)


def confirm_what_outlived_its_place(argument: tuple[int, int]) -> bool:
    from django.db import transaction

    from cati.models import Wave
    from cati.operations import places
    from questionnaire.models import Interview

    with transaction.atomic():
        wave = Wave.objects.get(pk=argument[0])
        interview = Interview.objects.get(pk=argument[1])
        return places.confirm(wave, interview, {"sector": "VE"}, NOW)


def count_then_insert(argument: tuple[int, int]) -> bool:
    """What other systems do: count the places taken, then insert one's own."""
    from django.db import transaction

    from cati.models import Place, QuotaCell

    cell = QuotaCell.objects.get(wave_id=argument[0], family="sector")
    with transaction.atomic():
        if Place.objects.filter(cell=cell, state="confirmed").count() >= cell.target:
            return False
        Place.objects.create(
            cell=cell, interview_id=argument[1], family="sector", state="confirmed", since=NOW
        )
        return True


def open_cells(wave: Any, target: int = 1, allowance: int = 0) -> None:
    """`target` for the sector, for each sex and for the one age; employment limits nothing."""
    from cati.models import QuotaCell

    firm = [("sector", ""), ("sexe", "1"), ("sexe", "2"), ("age", "3")]
    soft = [("emploi", str(code)) for code in range(1, 6)]
    QuotaCell.objects.bulk_create(
        QuotaCell(
            wave=wave,
            sector=wave.sectors.get(),
            family=family,
            category=category,
            target=target,
            allowance=allowance if (family, category) in firm else None,
        )
        for family, category in firm + soft
    )


def play_rounds(
    client: Any, *, at_once: int = CLIENTS, rounds: int = ROUNDS, **cells: int
) -> list[int]:
    """How many interviews each round counts."""
    counted = []
    with clients(at_once) as pool:
        for number in range(rounds):
            wave = make_wave(f"round-{number}")
            open_cells(wave, **cells)
            results = pool.run(client, [(wave.pk, pk) for pk in make_interviews(at_once)])
            counted.append(sum(results))
    print(f"\n{at_once} clients, {rounds} rounds: {min(counted)} to {max(counted)} counted")
    return counted


def sums(figure: str) -> set[tuple[int, ...]]:
    """The figure summed over each family's cells, (sector, sexe, age, emploi), of every wave."""
    from django.db.models import Sum

    from cati.models import QuotaCell, Wave

    found = set()
    for wave in Wave.objects.all():
        rows = QuotaCell.objects.filter(wave=wave).order_by().values_list("family")
        by_family = dict(rows.annotate(Sum(figure)))
        found.add(tuple(by_family[name] for name in ("sector", "sexe", "age", "emploi")))
    return found


def test_the_last_place_is_counted_exactly_once_in_every_family() -> None:
    assert play_rounds(ask_for_a_place) == [1] * ROUNDS
    assert sums("counted") == {(1, 1, 1, 1)}
    assert sums("reserved") == {(0, 0, 0, 0)}


def test_the_same_harness_catches_count_then_insert() -> None:
    assert max(play_rounds(count_then_insert)) > 1


def test_break_offs_allowed_for_never_count_beyond_the_allowance() -> None:
    from cati.models import Place, Wave

    with clients(CLIENTS) as pool:
        for number in range(3):
            wave = make_wave(f"half-{number}")
            Wave.objects.filter(pk=wave.pk).update(completion_rate=0.5)
            open_cells(wave, target=4, allowance=1)
            results = pool.run(ask_for_a_place, [(wave.pk, pk) for pk in make_interviews(CLIENTS)])
            assert 4 <= sum(results) <= 5
    assert not Place.objects.filter(state="reserved").exists()
    assert sums("reserved") == {(0, 0, 0, 0)}


@pytest.mark.nightly
def test_two_hundred_clients_in_a_hundred_rounds_count_one_each() -> None:
    assert play_rounds(ask_for_a_place, at_once=200, rounds=100) == [1] * 100
    assert sums("counted") == {(1, 1, 1, 1)}


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
