"""What a table keeps back, and whether a reader can work it out.

1. A base under 20 is hidden, from 20 to 49 in parentheses; both limits are parameters.
2. No combination of what is printed gives a hidden row away, nor a set of sectors under 20.
3. Where half the sample was asked, a single sector is never shown, and never worked out.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighting.core.suppression import states_of
from weighting.core.tables import FLASH_2017, PRINTED, STANDARD, Preset

# Seven small sectors, three of them in a group of their own, a control, and the whole.
MEMBERS = np.vstack(
    [np.eye(8, dtype=bool), [1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0], [1] * 8]
).astype(bool)
LEVELS = [0] * 8 + [2, 2, 1]


def states(sizes: list[int], preset: Preset = STANDARD, **given: np.ndarray) -> list[str]:
    return list(states_of(MEMBERS, np.array(sizes), preset, level=LEVELS, **given))


def worked_out(printed: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """The least-norm totals of the sectors that agree with every printed row."""
    return np.asarray(np.linalg.pinv(MEMBERS[printed].astype(float)) @ totals[printed])


def test_small_bases_are_hidden_and_middling_ones_in_parentheses() -> None:
    assert states([60, 20, 49, 50, 0, 60, 60, 400])[:8] == [
        "shown", "frail", "frail", "shown", "empty", "shown", "shown", "shown",
    ]  # fmt: skip
    assert states([19] + [60] * 7)[0] == "hidden"
    assert states([19] + [60] * 7, Preset(hide_below=10, frail_below=15))[0] == "shown"


def test_the_agency_s_own_preset_prints_everything() -> None:
    assert set(states([1, 2, 3, 4, 5, 6, 7, 8], FLASH_2017)) == {"shown"}


def test_a_group_less_its_parts_does_not_reveal_the_hidden_one() -> None:
    found = states([19, 30, 60, 80, 80, 80, 80, 400])
    assert found[0] == "hidden" and found[1] == "secondary"
    assert all(state in PRINTED for state in found[2:])


def test_two_hidden_ones_that_are_few_together_are_not_revealed_together() -> None:
    found = states([5, 6, 70, 60, 80, 80, 80, 400])
    assert found[:2] == ["hidden", "hidden"]
    # Their sum, 11, would follow from the group: something more is given up.
    assert "secondary" in found


@given(sizes=st.lists(st.integers(0, 60), min_size=8, max_size=8))
@settings(max_examples=150, deadline=None)
def test_nobody_can_work_out_a_small_set_of_sectors_from_what_is_printed(sizes: list[int]) -> None:
    found = states(sizes)
    printed = np.array([state in PRINTED for state in found])
    draw = np.random.default_rng(sum(sizes))
    there = np.array(sizes) > 0
    truth = np.where(there, draw.normal(size=8), 0.0)
    free = MEMBERS[printed][:, there].astype(float)
    # Another world that prints the same: secrets must differ between the two.
    noise = draw.normal(size=int(there.sum()))
    if len(free):
        noise -= np.linalg.pinv(free) @ (free @ noise)
    other = truth.copy()
    other[there] += noise
    np.testing.assert_allclose(MEMBERS[printed] @ other, MEMBERS[printed] @ truth, atol=1e-8)
    for chosen in product((0, 1), repeat=8):
        base = int(np.dot(chosen, sizes))
        if 0 < base < 20:
            assert abs(np.dot(chosen, other) - np.dot(chosen, truth)) > 1e-9


def test_the_attack_succeeds_where_only_the_small_base_is_hidden() -> None:
    """The test above is no empty one: without the second rule the hidden total is found."""
    sizes, truth = np.array([19, 30, 60, 80, 80, 80, 80, 400]), np.arange(8.0)
    only_primary = MEMBERS @ sizes >= 20
    assert worked_out(only_primary, MEMBERS @ truth)[0] == pytest.approx(truth[0], abs=1e-9)
    protected = np.array([state in PRINTED for state in states(sizes.tolist())])
    assert worked_out(protected, MEMBERS @ (truth + 1))[0] != pytest.approx(1.0, abs=1e-6)


def test_a_sector_of_a_module_is_neither_shown_nor_worked_out() -> None:
    every = np.ones(8, bool)
    found = states([50, 50, 50, 50, 50, 50, 50, 200], forbidden=every)
    assert found[:8] == ["module"] * 8
    # The whole less the priority neighbourhoods would be the control sector.
    assert found[8:] == ["shown", "shown", "secondary"]
