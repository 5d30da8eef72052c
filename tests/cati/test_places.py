"""Places in several families at once, through the operations of a call.

1. An interview holds all of its places or none, and moves as its answers do.
2. A full firm cell ends a young interview politely at its item; soft and watched ones never do.
3. After five minutes of consent nobody is sent away: complete, outside quota, counted nowhere.
4. What is unclassified in a family is counted in the coarser cells alone.
5. An answer that changes no cell asks the quotas nothing.
6. A family that is loaded late counts what was done before it.
7. The completion rate is measured, and nobody is called whom a full cell would send away.
8. The claim's rule and the SQL that reserves a place admit to the same cells.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cati.core.quotas import SECTOR, admits
from cati.models import Case, Place, QuotaCell, Wave
from cati.operations import claim, quotas, record
from cati.operations.quotas import Order, Target
from cati.operations.setup_wave import ShareRow, share_targets
from questionnaire.models import AnswerEvent
from questionnaire.operations import rebuild
from tests.cati.test_interview_life import BEFORE_SECTOR, VERGNES, Call
from tests.world import World

pytestmark = pytest.mark.django_db
SHARES = [
    ("sexe", "1", 40.0), ("sexe", "2", 60.0), ("age", "2", 30.0), ("age", "3", 70.0),
    ("emploi", "1", 100.0), ("occupation", "2", 100.0),
]  # fmt: skip
WOMAN = {"S06": 2, "S08": 1980, "S09": 2}


@pytest.fixture
def families(world: World) -> World:
    """Four families in two sectors, and one interviewer ready to call."""
    share_targets(
        world.wave,
        [
            ShareRow(sector, family, category, f"{family} {category}", share)
            for sector in ("VE", "CN")
            for family, category, share in SHARES
        ],
    )
    return world


def figures(world: World, sector: str = "VE") -> dict[str, tuple[int, int]]:
    """{family category: (reserved, counted)} of the cells that hold anything."""
    cells = QuotaCell.objects.filter(wave=world.wave, sector__code=sector)
    return {
        f"{cell.family} {cell.category}".strip(): (cell.reserved, cell.counted)
        for cell in cells
        if cell.reserved or cell.counted
    }


def fill(world: World, family: str, category: str = "", sector: str = "VE") -> None:
    cells = QuotaCell.objects.filter(wave=world.wave, sector__code=sector)
    cells.filter(family=family, category=category).update(target=0, allowance=0)


def talk(call: Call, **answers: Any) -> Any:
    reply: Any = None
    for item, value in answers.items():
        reply = call.answer(item, value)
    return reply


# 1. All or none.


def test_each_cell_is_reserved_when_it_is_known_and_counted_at_the_end(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    assert figures(families) == {"sector": (1, 0)}
    talk(call, **WOMAN)
    assert figures(families) == {"sector": (1, 0), "age 3": (1, 0), "sexe 2": (1, 0)}
    call.answer("EMP01", 1)
    call.to_the_end()
    assert call.end("10")["counted"] is True
    assert figures(families) == {
        "sector": (0, 1), "age 3": (0, 1), "sexe 2": (0, 1), "emploi 1": (0, 1),
    }  # fmt: skip
    assert rebuild(call.interview()) == []


def test_a_changed_sector_takes_the_whole_family_along(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    talk(call, **WOMAN, S05=1)
    assert figures(families) == {}
    assert figures(families, "CN") == {"sector": (1, 0), "age 3": (1, 0), "sexe 2": (1, 0)}


def test_a_suspended_interview_gives_all_back_and_takes_all_again(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    talk(call, **WOMAN)
    call.end("20", at=families.now + timedelta(hours=2))
    assert figures(families) == {}
    families.now += timedelta(hours=2, minutes=1)
    again = Call(families, families.nadia)
    again.begin()
    talk(again, S01=1, S10=1)
    assert figures(families) == {"sector": (1, 0), "age 3": (1, 0), "sexe 2": (1, 0)}
    assert rebuild(again.interview()) == []


# 2. Who is sent away.


@pytest.mark.parametrize(
    ("family", "category", "last"), [("age", "3", {"S08": 1980}), ("sexe", "2", {"S09": 2})]
)
def test_a_full_firm_cell_ends_a_young_interview_at_its_item(
    families: World, family: str, category: str, last: dict[str, int]
) -> None:
    fill(families, family, category)
    call = Call(families, families.nadia)
    call.to_sector()
    before = {item: value for item, value in WOMAN.items() if item not in last and item < max(last)}
    talk(call, **before)
    reply = talk(call, **last)
    assert (reply["outcome"], reply["next"]) == ("QUOTA", None)
    assert figures(families) == {}
    call.end("64")
    full = Place.objects.get(state=Place.State.FULL)
    assert (full.family, full.cell.category) == (family, category)
    assert Case.objects.get(pk=call.case.pk).state == "closed"


def test_a_corrected_answer_brings_a_refused_interview_back(families: World) -> None:
    fill(families, "sexe", "2")
    call = Call(families, families.nadia)
    call.to_sector()
    assert talk(call, **WOMAN)["outcome"] == "QUOTA"
    assert talk(call, S09=1)["outcome"] is None
    assert figures(families) == {"sector": (1, 0), "age 3": (1, 0), "sexe 1": (1, 0)}
    assert rebuild(call.interview()) == []


def test_soft_and_watched_cells_never_refuse(families: World) -> None:
    for family, category in (("emploi", "1"), ("occupation", "2")):
        cells = QuotaCell.objects.filter(wave=families.wave, family=family, category=category)
        cells.update(target=0, state=QuotaCell.State.CLOSED)
    call = Call(families, families.nadia)
    call.to_sector()
    reply = talk(call, **WOMAN, EMP01=1, LOG01=2)
    assert reply["outcome"] is None
    assert {"emploi 1", "occupation 2"} < figures(families).keys()


# 3. Five minutes.


def test_nobody_is_sent_away_after_five_minutes(families: World) -> None:
    fill(families, "sexe", "2")
    call = Call(families, families.nadia)
    call.begin()
    talk(call, **dict(BEFORE_SECTOR))
    call.now += record.NO_QUOTA_AFTER
    reply = talk(call, S05=VERGNES, **WOMAN)
    assert reply["outcome"] is None
    assert figures(families) == {}
    call.to_the_end()
    assert call.end("10")["counted"] is False
    assert figures(families) == {}
    assert set(Place.objects.values_list("state", flat=True)) == {"outside"}
    results = AnswerEvent.objects.filter(kind="quota_result").order_by("pk")
    assert {event.value["result"] for event in results} == {"held", "outside"}


# 4. Unclassified.


def test_what_is_not_known_is_counted_in_the_sector_alone(families: World) -> None:
    QuotaCell.objects.filter(family="age").delete()
    call = Call(families, families.nadia)
    call.to_sector()
    reply = talk(call, **WOMAN)
    assert reply["outcome"] is None
    assert figures(families) == {"sector": (1, 0), "sexe 2": (1, 0)}


# 5. What an answer costs.


def test_an_answer_that_changes_no_cell_asks_the_quotas_nothing(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        call.answer("S06", 2)
    # What the sector misses is read for the page, without a lock, and no cell with it.
    touched = [one["sql"] for one in asked if "quotacell" in one["sql"]]
    assert len(touched) == 1
    assert "FOR UPDATE" not in touched[0]
    assert not any("cati_place" in one["sql"] for one in asked)


# 6. Loaded late.


def test_a_family_that_is_loaded_late_counts_what_was_done(world: World) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    talk(call, **WOMAN)
    call.to_the_end()
    call.end("10")
    targets = {("VE", "sexe", "1"): Target(40, "Homme"), ("VE", "sexe", "2"): Target(65, "Femme")}
    changed = quotas.load_targets(world.wave, targets, Order("plan révisé", None, world.now))
    assert changed == 2
    assert figures(world) == {"sector": (0, 1), "sexe 2": (0, 1)}


# 7. The rate and the pool.


def test_the_completion_rate_is_measured_on_what_has_ended(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    talk(call, **WOMAN)
    call.end("42")
    assert quotas.observe(families.wave) == round(20 / 21, 3)
    assert Wave.objects.get(pk=families.wave.pk).completion_rate == round(20 / 21, 3)


def test_the_claim_and_the_reservation_admit_to_the_same_cells(families: World) -> None:
    cells = QuotaCell.objects.filter(wave=families.wave)
    cells.filter(allowance__isnull=False).update(allowance=2)
    found = set()
    for state, counted, reserved, rate in product(
        ("open", "closed"), range(8, 12), (0, 2), (0.5, 1)
    ):
        cells.update(state=state, target=10, counted=counted, reserved=reserved)
        by_sql = set(cells.admitting(rate).values_list("pk", flat=True))
        by_rule = {
            cell.pk
            for cell in cells
            if admits(
                cell.family, is_open=cell.state == "open", target=10, allowance=cell.allowance,
                promised=counted + reserved * rate,
            )
        }  # fmt: skip
        assert by_rule == by_sql
        found.add(len(by_sql))
    # None but the soft and watched ones, the tolerant ones too, and the sectors as well.
    assert len(found) == 3


def test_a_person_of_a_full_cell_is_not_called_again(families: World) -> None:
    call = Call(families, families.nadia)
    call.to_sector()
    talk(call, **WOMAN)
    call.end("20", at=families.now + timedelta(minutes=30), firm=False)
    Case.objects.exclude(pk=call.case.pk).update(state="closed")
    later = families.now + timedelta(hours=2)
    fill(families, "sexe", "2")
    assert claim.next_case(families.wave, families.nadia, later) is None
    QuotaCell.objects.filter(family="sexe").update(target=50)
    assert claim.next_case(families.wave, families.nadia, later) == call.case


def test_the_last_promised_place_closes_the_sector_to_the_calls(families: World) -> None:
    QuotaCell.objects.filter(family=SECTOR).update(target=1)
    QuotaCell.objects.filter(family=SECTOR, sector__code="VE").update(reserved=1)
    Case.objects.exclude(frame_sector__code="VE").update(state="closed")
    assert claim.next_case(families.wave, families.nadia, families.now) is None
    QuotaCell.objects.filter(family=SECTOR, sector__code="VE").update(reserved=0)
    assert claim.next_case(families.wave, families.nadia, families.now) is not None
