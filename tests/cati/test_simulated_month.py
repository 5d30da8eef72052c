"""A month on the virtual clock: every filter holds at every call, and the order earns its keep."""

from __future__ import annotations

from datetime import timedelta
from statistics import fmean

import pytest

from cati.core.rules import USUAL
from tests.cati.month import OURS, Month, faults, play

GRACE = timedelta(minutes=OURS.grace)
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def month() -> Month:
    return play("ours", cases=200, team=2)


def test_every_hard_filter_holds_at_every_call(month: Month) -> None:
    assert len(month.log) > 1_000
    assert faults(month) == []


def test_firm_promises_are_kept_within_the_grace(month: Month) -> None:
    assert month.kept(GRACE) >= 0.95


def test_the_judge_of_the_log_sees_what_oldest_first_does() -> None:
    assert faults(play("oldest", cases=200, team=2))


@pytest.mark.bench
def test_a_month_of_five_thousand_cases_against_oldest_first() -> None:
    print("\npolicy   seed  attempts  contacts  completes  spread   kept   by part (M, A, S, W)")
    share: dict[str, list[tuple[float, ...]]] = {"ours": [], "oldest": []}
    for seed in SEEDS:
        for policy, figures in share.items():
            month = play(policy, seed=seed)
            figures.append((month.contacts, month.completes, month.spread))
            parts = [f"{month.parts[n] / len(month.log):.0%}" for n in range(1, 5)]
            print(
                f"{policy:<8} {seed:>4} {len(month.log):>9} {month.contacts:>9.1%}"
                f" {month.completes:>10.1%} {month.spread:>7.1%} {month.kept(GRACE):>6.1%}"
                f"   {', '.join(parts)}"
            )
            if policy == "ours":
                assert faults(month, USUAL) == []
                assert month.kept(GRACE) >= 0.95
    for measure in range(3):
        ours, oldest = (fmean(one[measure] for one in share[name]) for name in ("ours", "oldest"))
        assert ours > oldest
