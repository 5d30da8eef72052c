"""Promises: when they may be made, who keeps them, and what becomes of those that nobody kept.

1. An hour that has passed, a night, a holiday are refused, with the nearest possible hour.
2. Both changes of hour: what was promised for six in the evening is due at six in the evening.
3. The owner comes first, then anybody; her home reminds her, and says what she missed.
4. A clock one day off loses no promise and no lease: the database's clock is the only one.
5. Fresh numbers stay in their part of the week.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import translation

from cati import clock
from cati.core.day_parts import fresh_part, part_at
from cati.core.rules import USUAL, read_rules, stored_rules
from cati.core.scheduling import PARIS
from cati.models import Appointment, Case, PhoneHold, Wave
from cati.operations.appoint import check_hour, miss_appointments
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.errors import Refused
from cati.operations.hours import hours_told
from cati.operations.leases import expire_leases
from cati.operations.outcome import OutcomeInput, record_outcome
from cati.queries.load import week_load
from tests.world import NOW, World

HOURS = {str(day): ["10:00", "20:30"] for day in range(1, 7)} | {"closed": ["holidays"]}


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS)


@pytest.fixture
def wave(world: World) -> Wave:
    """Calls from Monday to Saturday, ten to half past eight, never on a holiday."""
    Wave.objects.filter(pk=world.wave.pk).update(calling_hours=HOURS)
    world.wave.refresh_from_db()
    return world.wave


def refusal(wave: Wave, at: datetime, now: datetime) -> str:
    with pytest.raises(Refused) as refused:
        check_hour(wave, at, now)
    return refused.value.messages["at"]


def promise(world: World, at: datetime, now: datetime = NOW, *, mine: bool = True) -> Case:
    """Nadia rings the only open case, and promises."""
    world.wave.cases.exclude(number=1).update(state="closed")
    wave = Wave.objects.get(pk=world.wave.pk)
    Case.objects.filter(state="open").update(due_at=now)
    case = next_case(wave, world.nadia, now)
    assert case is not None
    dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, now)
    outcome = OutcomeInput(uuid4(), "20", at=at, mine=mine)
    record_outcome(case.pk, world.nadia, case.epoch, outcome, now)
    case.refresh_from_db()
    return case


def test_an_appointment_in_the_past_is_refused(wave: Wave) -> None:
    assert "passée" in refusal(wave, NOW - timedelta(minutes=1), NOW)
    assert "passée" in refusal(wave, NOW, NOW)


def test_an_hour_too_late_comes_with_the_nearest_possible_one(wave: Wave) -> None:
    said = refusal(wave, local(3, 19, 21, 15), NOW)
    assert "jeudi 19 mars, 20 h 15" in said
    assert "jeudi 19 mars, 20 h 15" in refusal(wave, local(3, 19, 23, 59), NOW)
    assert "vendredi 20 mars, 10 h 00" in refusal(wave, local(3, 20, 9, 50), NOW)


def test_the_calling_hours_are_told_in_the_language_of_the_reader() -> None:
    assert hours_told(HOURS, NOW) == "de 10 h à 20 h 30"
    with translation.override("en"):
        assert hours_told(HOURS, NOW) == "from 10:00 to 20:30"
    assert hours_told(HOURS, local(4, 6, 15)) == ""


def test_a_holiday_is_refused_by_its_name(wave: Wave) -> None:
    # Easter Monday.
    assert "Lundi de Pâques" in refusal(wave, local(4, 6, 15), NOW)


@pytest.mark.parametrize(
    ("before", "at", "hours_between"),
    [
        ((3, 28, 18), (3, 30, 18), 47),  # the night of 29 March skips an hour
        ((10, 24, 18), (10, 26, 18), 49),  # that of 25 October repeats one
    ],
)
def test_a_promise_over_a_change_of_hour_is_due_at_its_local_hour(
    world: World,
    before: tuple[int, int, int],
    at: tuple[int, int, int],
    hours_between: int,
) -> None:
    made, hour = local(*before).astimezone(UTC), local(*at)
    case = promise(world, hour, made)
    assert case.due_at - made == timedelta(hours=hours_between)
    assert next_case(world.wave, world.nadia, case.due_at - timedelta(minutes=1)) is None
    assert next_case(world.wave, world.nadia, case.due_at) == case
    assert case.due_at.astimezone(PARIS).hour == 18


def test_one_minute_before_midnight_belongs_to_its_day(world: World) -> None:
    case = promise(world, local(3, 18, 23, 59))
    assert next_case(world.wave, world.nadia, local(3, 18, 23, 58)) is None
    assert next_case(world.wave, world.nadia, local(3, 18, 23, 59)) == case
    load = week_load(world.wave, NOW)
    last = load.bands[-1]
    assert (last.ends, [slot.promised for slot in last.slots]) == (24, [0, 1, 0, 0, 0, 0, 0])


def test_the_owner_comes_first_and_then_anybody(world: World) -> None:
    case = promise(world, NOW + timedelta(hours=1))
    due, first = case.due_at, timedelta(minutes=USUAL.owner_first)
    assert next_case(world.wave, world.yann, due + first - timedelta(seconds=1)) is None
    assert next_case(world.wave, world.yann, due + first) == case


def test_a_promise_of_the_team_is_anybodys_at_its_hour(world: World) -> None:
    case = promise(world, NOW + timedelta(hours=1), mine=False)
    assert next_case(world.wave, world.yann, case.due_at) == case


def test_the_owners_home_reminds_her_and_says_what_she_missed(world: World, settings: Any) -> None:
    # Her home lists the promises of one day: this one is looked at in the middle of an afternoon.
    settings.CLOCK_OFFSET_SECONDS = round((NOW - clock.now()).total_seconds())
    now = clock.now()
    case = promise(world, now + timedelta(minutes=10), now)
    home = f"/v/{world.wave.slug}/enquete/"
    page = world.client(world.nadia).get(home).content.decode()
    hour = case.due_at.astimezone(PARIS)
    assert f"Rendez-vous à {hour.hour} h {hour.minute:02d}" in page
    assert "Rendez-vous à" not in world.client(world.yann).get(home).content.decode()
    Appointment.objects.update(at=now - timedelta(minutes=31))
    Case.objects.filter(pk=case.pk).update(due_at=now - timedelta(minutes=31))
    assert miss_appointments(now) == 1
    assert "manqué, rendu à l’équipe" in world.client(world.nadia).get(home).content.decode()


def test_a_clock_one_day_off_loses_no_promise_and_no_lease(world: World) -> None:
    case = promise(world, NOW + timedelta(days=1))
    held = world.add_case()
    assert next_case(world.wave, world.yann, NOW) == held
    off = NOW - timedelta(days=1)
    assert next_case(world.wave, world.nadia, off) is None
    assert (expire_leases(off), miss_appointments(off)) == (0, 0)
    held.refresh_from_db()
    assert held.holder == world.yann
    assert next_case(world.wave, world.nadia, case.due_at) == case


def test_the_clock_of_the_web_server_does_not_matter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: before.timestamp() + 86_400)
    assert clock.now() - before < timedelta(hours=1)


def test_fresh_numbers_are_never_drawn_outside_their_part_of_the_week(world: World) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(
        call_rules=stored_rules(USUAL) | {"spread_fresh": True}
    )
    wave = Wave.objects.get(pk=world.wave.pk)
    rules = read_rules(wave.call_rules)
    for number, case in enumerate(wave.cases.order_by("pk")):
        Case.objects.filter(pk=case.pk).update(jitter=number / 6)
    seen = set()
    # Tuesday in the morning, after noon, in the evening; Saturday.
    for now in (local(3, 17, 10), local(3, 17, 15), local(3, 17, 18), local(3, 21, 11)):
        Case.objects.update(due_at=now)
        while case := next_case(wave, world.nadia, now):
            assert fresh_part(rules, case.jitter) == part_at(rules.parts, now)
            seen.add(case.pk)
            Case.objects.filter(pk=case.pk).update(state="closed", holder=None, lease_until=None)
            PhoneHold.objects.all().delete()
    assert len(seen) == len(world.cases)
