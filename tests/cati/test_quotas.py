"""The rules of the quotas, on values alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cati.core.quotas import (
    LEAST_RATE,
    Alarm,
    alarm,
    allowance,
    cells_of,
    completion_rate,
    gap,
    shared_out,
)


def test_an_interview_is_in_the_cells_of_what_is_known() -> None:
    assert cells_of({}) == {}
    assert cells_of({"sex": 2, "age": 3}) == {}
    assert cells_of({"sector": "VE"}) == {"sector": ("VE", "")}
    assert cells_of({"sector": "VE", "sex": 2, "age": None, "tenure": 4, "consent": 1}) == {
        "sector": ("VE", ""),
        "sexe": ("VE", "2"),
        "occupation": ("VE", "4"),
    }


@pytest.mark.parametrize(
    ("family", "target", "beyond"),
    [
        ("sector", 105, 2), ("sector", 410, 8), ("sector", 20, 1), ("sector", 0, 0),
        ("sexe", 55, 5), ("age", 7, 2), ("age", 0, 0), ("emploi", 38, None),
        ("occupation", 7, None),
    ],
)  # fmt: skip
def test_what_is_counted_beyond_the_target(family: str, target: int, beyond: int | None) -> None:
    assert allowance(family, target) == beyond


@settings(max_examples=200)
@given(st.integers(0, 2000), st.lists(st.integers(0, 100), min_size=1, max_size=9))
def test_parts_sum_to_the_whole_and_stay_within_one_of_their_share(
    total: int, shares: list[int]
) -> None:
    if not sum(shares):
        with pytest.raises(ValueError, match="more than 0"):
            shared_out(total, shares)
        return
    parts = shared_out(total, shares)
    assert sum(parts) == total
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - total * share / sum(shares)) < 1


def test_of_equal_remainders_the_first_gets_one_more() -> None:
    assert shared_out(3, [50, 50]) == [2, 1]


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_rate_is_a_share_that_few_interviews_hardly_move(complete: int, lost: int) -> None:
    rate = completion_rate(complete, complete + lost)
    assert LEAST_RATE <= rate <= 1
    assert completion_rate(0, 1) > 0.95
    assert completion_rate(900, 1000) == pytest.approx(0.9, abs=0.01)


def test_the_worst_alarm_is_told() -> None:
    told = {
        alarm(target=10, counted=11, is_open=False, admits=False): Alarm.OVER,
        alarm(target=10, counted=10, is_open=False, admits=False): Alarm.CLOSED,
        alarm(target=10, counted=8, is_open=True, admits=False): Alarm.FULL,
        alarm(target=10, counted=9, is_open=True, admits=True): Alarm.NEAR,
        alarm(target=10, counted=8, is_open=True, admits=True): Alarm.NONE,
    }
    assert all(found is wanted for found, wanted in told.items())
    assert len(told) == 5


def test_a_gap_is_told_against_the_share_of_what_is_counted() -> None:
    assert gap(target=22, counted=5, sector_target=85, sector_counted=38) == -5
    assert gap(target=0, counted=0, sector_target=0, sector_counted=0) == 0
