"""The pure rules of calling: hours, parts of the week, maxima, order.

1. Legal hours hold in local time, across both changes of hour, on holidays and at 23:59.
2. A refused hour comes with the nearest possible one.
3. Of the parts of the week, the one with the fewest calls relative to its weight comes next.
4. Maxima leave no call; one answered contact a day, three busy ones at most.
5. Fresh numbers are spread over the parts by weight, and each interviewer over the sectors.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cati.core.day_parts import first_in, fresh_part, fresh_range, least_served, part_at
from cati.core.lanes import fresh_lanes, needs, retry_lanes
from cati.core.retries import Try, next_call, next_resume
from cati.core.rules import USUAL, Misruled, check_rules, read_rules, stored_rules
from cati.core.scheduling import PARIS, holiday, may_call, nearest_open, next_open

HOURS = {str(day): ["10:00", "20:30"] for day in range(1, 7)}
FRANCE = HOURS | {"closed": ["holidays", "2026-12-24"]}
NIGHT_OFF = {"7": ["01:00", "04:00"]}
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS)


def test_in_the_night_that_skips_an_hour_the_opening_is_an_hour_shorter() -> None:
    # 29 March 2026: 02:00 becomes 03:00.
    minutes = [datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(minutes=n) for n in range(300)]
    assert sum(may_call(NIGHT_OFF, minute) for minute in minutes) == 2 * 60


def test_in_the_night_that_repeats_an_hour_the_opening_is_an_hour_longer() -> None:
    # 25 October 2026: 03:00 becomes 02:00.
    minutes = [datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(minutes=n) for n in range(360)]
    assert sum(may_call(NIGHT_OFF, minute) for minute in minutes) == 4 * 60


def test_nobody_is_called_on_a_public_holiday() -> None:
    assert holiday(date(2026, 11, 11)) != ""
    assert may_call(HOURS, at(11, 15)) and not may_call(FRANCE, at(11, 15))
    assert next_open(FRANCE, at(11, 15)) == at(12, 10)
    assert not may_call(FRANCE, at(24, 15, month=12))


def test_one_minute_before_midnight_the_next_opening_is_tomorrow_morning() -> None:
    assert next_open(FRANCE, at(17, 23, 59)) == at(18, 10)
    # From Saturday night on, over the closed Sunday.
    assert next_open(FRANCE, at(21, 23, 59)) == at(23, 10)


@pytest.mark.parametrize(
    ("asked", "offered"),
    [((19, 21, 15), (19, 20, 15)), ((19, 9, 50), (19, 10, 0)), ((22, 9, 0), (21, 20, 15)),
     ((22, 23, 0), (23, 10, 0))],
)  # fmt: skip
def test_the_nearest_possible_hour_is_offered(
    asked: tuple[int, int, int], offered: tuple[int, int, int]
) -> None:
    assert nearest_open(FRANCE, at(*asked), at(17, 12)) == at(*offered)


def test_a_wave_that_never_calls_offers_nothing() -> None:
    assert next_open({}, at(17, 12)) is None
    assert nearest_open({}, at(18, 12), at(17, 12)) is None


@given(INSTANTS)
def test_the_next_opening_is_open_and_nothing_is_before_it(now: datetime) -> None:
    opens = next_open(FRANCE, now)
    assert opens is not None and opens >= now and may_call(FRANCE, opens)
    if opens > now:
        between = (now + (opens - now) * share / 8 for share in range(8))
        assert not any(may_call(FRANCE, one) for one in between)


def test_the_night_belongs_to_the_evening_before() -> None:
    whens = (at(17, 9), at(17, 12), at(17, 17), at(18, 2), at(21, 10), at(23, 3))
    labels = [USUAL.parts[part_at(USUAL.parts, when) - 1].label for when in whens]
    assert labels == ["matin", "après-midi", "soir", "soir", "week-end", "week-end"]


def test_the_part_with_the_fewest_calls_for_its_weight_comes_first() -> None:
    # evening and weekend have weights 3 and 2
    assert least_served(USUAL.parts, {1: 1, 2: 1, 3: 1, 4: 1}) == [[3], [4], [1, 2]]
    assert least_served(USUAL.parts, {3: 6, 1: 1, 2: 1, 4: 5}) == [[1, 2]]


@given(INSTANTS, st.integers(1, 4))
# The first and the eighth of May 2027 are Saturdays, the only open days of this week-end.
@example(datetime(2027, 4, 24, 20, tzinfo=UTC), 4)
def test_the_first_instant_of_a_part_is_legal_and_in_it(after: datetime, part: int) -> None:
    found = first_in(USUAL.parts, [part], after, FRANCE)
    assert found is not None
    assert found >= after
    assert part_at(USUAL.parts, found) == part
    assert may_call(FRANCE, found)


def test_a_part_that_the_hours_close_is_never_waited_for() -> None:
    evenings = {str(day): ["17:00", "20:30"] for day in range(1, 6)}
    tries = [Try(at(17, 18), "32")]
    assert next_call(tries, USUAL, evenings).due_at == at(18, 17)


@given(st.lists(st.sampled_from(["32", "33", "31", "22", "40"]), min_size=1, max_size=14), INSTANTS)
def test_whatever_happened_the_next_call_keeps_delay_day_and_maxima(
    codes: list[str], first: datetime
) -> None:
    tries = [Try(first + timedelta(hours=5 * n), code) for n, code in enumerate(codes)]
    last, found = tries[-1], next_call(tries, USUAL, FRANCE)
    if found.part is None:
        assert len(tries) >= USUAL.most or codes.count("33") >= 8 or len(tries) > 4
        return
    assert found.due_at >= last.at + timedelta(minutes=USUAL.delay(last.code))
    assert may_call(FRANCE, found.due_at)
    made = Counter(part_at(USUAL.parts, one.at) for one in tries)
    assert made[found.part] < USUAL.parts[found.part - 1].most
    same_day = [one for one in tries if one.at.astimezone(PARIS).date()
                == found.due_at.astimezone(PARIS).date()]  # fmt: skip
    assert len(same_day) < USUAL.most_per_day
    if last.code in ("22", "40"):
        assert not same_day


def test_a_maximum_in_all_and_one_of_an_outcome_leave_no_call() -> None:
    rings = [Try(at(2, 12) + timedelta(days=n), "32") for n in range(12)]
    assert next_call(rings[:11], USUAL).part is not None
    assert next_call(rings, USUAL).part is None
    machines = replace(USUAL, maxima={"33": 2})
    assert next_call([Try(at(2, 12), "33"), Try(at(3, 12), "33")], machines).part is None


def test_a_break_off_goes_on_whatever_the_maxima_say() -> None:
    tries = [Try(at(2, 12) + timedelta(days=n), "32") for n in range(14)] + [Try(at(17, 10), "12")]
    assert next_resume(tries, USUAL).part is not None


def test_fresh_numbers_are_shared_over_the_parts_by_weight() -> None:
    spread = replace(USUAL, spread_fresh=True)
    shares = Counter(fresh_part(spread, n / 700) for n in range(700))
    assert shares == {1: 100, 2: 100, 3: 300, 4: 200}
    assert all(
        low <= n / 700 < high
        for n in range(700)
        for low, high in [fresh_range(spread, fresh_part(spread, n / 700))]
    )
    assert fresh_part(USUAL, 0.5) == 0


def test_each_interviewer_rings_every_sector_in_proportion_to_what_it_misses() -> None:
    missing = {1: 100.0, 2: 50.0, 3: 10.0}
    for seed in range(5):
        rung: Counter[int] = Counter()
        for _call in range(160):
            need = needs(missing, rung, seed)
            rung[max(need, key=lambda sector: need[sector])] += 1
        assert all(abs(rung[sector] - missing[sector]) <= 2 for sector in missing)


def test_lanes_come_by_score_and_hold_every_number_of_tries_once() -> None:
    lanes = retry_lanes(USUAL, 3, {1: 1.0, 2: 0.2})
    assert [lane.score for lane in lanes] == sorted((lane.score for lane in lanes), reverse=True)
    for sector in (1, 2):
        own = [lane for lane in lanes if (lane.sector, lane.part) == (sector, 3)]
        assert all(sum(low.low <= n <= low.high for low in own) == 1 for n in range(40))
    assert [lane.sector for lane in fresh_lanes(USUAL, 3, {1: 0.2, 2: 1.0})] == [2, 1]


def test_rules_are_read_back_as_they_were_stored() -> None:
    assert read_rules(stored_rules(USUAL)) == USUAL
    assert read_rules({}) == USUAL


@pytest.mark.parametrize(
    ("field", "change"),
    [("parts", {"parts": ()}), ("delays", {"delays": {"": -1}}), ("most", {"most_per_day": 13}),
     ("grace", {"owner_first": 40}), ("maxima", {"maxima": {"33": 0}})],
)  # fmt: skip
def test_rules_that_would_stop_all_calls_are_refused(field: str, change: dict[str, object]) -> None:
    with pytest.raises(Misruled) as refused:
        check_rules(replace(USUAL, **change))  # type: ignore[arg-type]
    assert field in refused.value.faults
