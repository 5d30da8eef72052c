"""The outcome rates of the AAPOR standard.

1. They reproduce published figures.
2. Laws: every rate is a share, and what counts less, or over more, is smaller.
3. e is computed, given for all, or given by class.
4. Counts and shares are read from text, and a slip is pointed at.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cati.core.rates import CLASSES, NAMES, UNKNOWN, Counts, computed_share, rates
from cati.core.rates_text import Mistyped, read_counts, read_share

SAMPLE = Counts(I=4, P=2, R=1, NC=1, O=1, UH=1, UR=1, UO=1, NE=1)
numbers = st.integers(0, 20_000)
counts = st.builds(Counts, **dict.fromkeys(CLASSES, numbers))
shares = st.none() | st.floats(0, 1) | st.dictionaries(st.sampled_from(UNKNOWN), st.floats(0, 1))


# ------------------------------------------------------------------------------- 1. published


def test_the_sample_of_nine_classes() -> None:
    found = asdict(rates(SAMPLE))
    assert {name: round(found[name], 3) for name in ("e", *NAMES)} == {
        "e": 0.9,
        "RR1": 0.333, "RR2": 0.500, "RR3": 0.342, "RR4": 0.513, "RR5": 0.444, "RR6": 0.667,
        "COOP1": 0.500, "COOP2": 0.750, "COOP3": 0.571, "COOP4": 0.857,
        "REF1": 0.083, "REF2": 0.085, "REF3": 0.111,
        "CON1": 0.667, "CON2": 0.684, "CON3": 0.889,
    }  # fmt: skip


def test_the_vignette_of_the_r_package_outcomerate() -> None:
    """« Intro to outcomerate » (Pilliard Hellwig, rOpenSci), data `middleearth`."""
    found = asdict(rates(Counts(I=760, P=339, R=59, NC=288, O=1, UO=173, NE=71)))
    published = {
        "RR1": 0.46913580, "RR2": 0.67839506, "RR3": 0.47149080, "RR4": 0.68180052,
        "RR5": 0.52522460, "RR6": 0.75950242, "COOP1": 0.65573770, "COOP2": 0.94823123,
        "COOP3": 0.65630397, "COOP4": 0.94905009, "REF1": 0.03641975, "REF2": 0.03660258,
        "REF3": 0.04077402, "CON1": 0.71543210, "CON2": 0.71902347, "CON3": 0.80096752,
    }  # fmt: skip
    assert {name: found[name] for name in published} == pytest.approx(published, abs=5e-9)


# ------------------------------------------------------------------------------- 2. laws


@given(counts, shares)
@example(Counts(), None)
@example(Counts(UH=1), 5e-324)
def test_every_rate_is_a_share_or_is_not_defined(counts: Counts, e: Any) -> None:
    found = asdict(rates(counts, e))
    assert all(found[name] is None or 0 <= found[name] <= 1 for name in NAMES)


@given(counts, shares)
def test_fewer_cases_in_the_base_make_the_rate_no_smaller(counts: Counts, e: Any) -> None:
    found = asdict(rates(counts, e))
    chains = [
        ("RR1", "RR3", "RR5"), ("RR2", "RR4", "RR6"), ("REF1", "REF2", "REF3"),
        ("CON1", "CON2", "CON3"), ("COOP1", "COOP3"), ("COOP2", "COOP4"),
    ]  # fmt: skip
    for chain in chains:
        defined = [found[name] for name in chain if found[name] is not None]
        assert defined == sorted(defined)


@given(counts, shares)
def test_partial_interviews_make_the_rate_no_smaller(counts: Counts, e: Any) -> None:
    found = asdict(rates(counts, e))
    pairs = [("RR1", "RR2"), ("RR3", "RR4"), ("RR5", "RR6"), ("COOP1", "COOP2")]
    for less, more in [*pairs, ("COOP3", "COOP4")]:
        assert (found[less] is None) == (found[more] is None)
        assert found[less] is None or found[less] <= found[more]


@given(counts)
def test_a_share_of_one_or_none_leads_to_the_rates_beside(counts: Counts) -> None:
    every, none = asdict(rates(counts, 1.0)), asdict(rates(counts, 0.0))
    for first, second, third in (("RR1", "RR3", "RR5"), ("CON1", "CON2", "CON3")):
        assert every[second] == every[first]
        assert none[second] == none[third]


def test_nothing_is_divided_by_nothing() -> None:
    assert set(asdict(rates(Counts())).values()) == {None}
    only_unknown = rates(Counts(UH=3))
    assert (only_unknown.e, only_unknown.RR1, only_unknown.RR3) == (None, 0.0, None)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="UH=-1"):
        Counts(UH=-1)


# ------------------------------------------------------------------------------- 3. e


def test_one_share_given_by_class_for_all_is_the_share_itself() -> None:
    by_class = rates(SAMPLE, dict.fromkeys(UNKNOWN, 0.9))
    assert pytest.approx(rates(SAMPLE, 0.9).RR3) == by_class.RR3


def test_each_class_has_its_own_share_and_the_others_the_computed_one() -> None:
    found = rates(SAMPLE, {"UH": 0.4})
    assert found.e == {"UH": 0.4, "UR": 0.9, "UO": 0.9}
    assert pytest.approx(4 / (9 + 0.4 + 0.9 + 0.9)) == found.RR3


def test_a_class_without_any_share_leaves_the_estimated_rates_open() -> None:
    assert computed_share(Counts(UH=2, UR=2)) is None
    found = rates(Counts(UH=2, UR=2), {"UH": 0.5})
    assert (found.e, found.RR3) == ({"UH": 0.5}, None)
    assert rates(Counts(UH=2), {"UH": 0.5}).RR3 == 0.0


@pytest.mark.parametrize("e", [-0.1, 1.1, float("nan"), {"UH": 2.0}, {"NE": 0.5}])
def test_what_is_no_share_is_refused(e: Any) -> None:
    with pytest.raises(ValueError, match=r"^e"):
        rates(SAMPLE, e)


# ------------------------------------------------------------------------------- 4. texts


def test_counts_are_read_in_any_order_and_writing() -> None:
    text = "I=4,P=2,R=1,NC=1,O=1,UH=1,UR=1,UO=1,NE=1"
    assert read_counts(text) == SAMPLE
    assert read_counts(" uo = 1; i=4 ,P=2 R=1 nc=1,O=1,UH=1,UR=1,NE=1 ") == SAMPLE
    assert read_counts("I=4") == Counts(I=4)


@given(counts)
def test_counts_that_are_written_are_read_again(counts: Counts) -> None:
    text = ",".join(f"{name}={n}" for name, n in asdict(counts).items())
    assert read_counts(text) == counts


@pytest.mark.parametrize(
    ("text", "share"),
    [("0.9", 0.9), (" 0,9 ", 0.9), ("1", 1.0), (".5", 0.5), ("0", 0.0)],
)
def test_a_share_has_a_point_or_a_comma(text: str, share: float) -> None:
    assert read_share(text) == share


def test_shares_by_class_are_read_as_counts_are() -> None:
    assert read_share("UH=0.4,UR=0,9") == {"UH": 0.4, "UR": 0.9}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 0, "expected here"),
        ("I=4,P=deux", 4, "expected here"),
        ("I=4,X=2", 4, "X is no class; use I, P"),
        ("I=4,I=2", 4, "I comes twice"),
        ("I=4P=2", 0, "expected here"),
        ("I=-4", 0, "expected here"),
        ("I=4.5", 0, "expected here"),
        ("P=1,I=" + 5000 * "9", 4, "expected here"),
    ],
)
def test_a_slip_in_counts_is_pointed_at(text: str, place: int, said: str) -> None:
    with pytest.raises(Mistyped, match=said) as slip:
        read_counts(text)
    assert str(slip.value).endswith(f"\n  {text}\n  {' ' * place}^")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("beaucoup", "a number from 0 to 1"),
        ("90 %", "a number from 0 to 1"),
        ("", "a number from 0 to 1"),
        ("1.4", "1.4 is not a share"),
        ("UH=1.4", "1.4 is not a share"),
        ("NE=0.4", "NE is no class; use UH, UR, UO"),
    ],
)
def test_a_slip_in_a_share_is_pointed_at(text: str, said: str) -> None:
    with pytest.raises(Mistyped, match=said):
        read_share(text)
