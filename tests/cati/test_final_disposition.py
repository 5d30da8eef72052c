"""What became of a case in the end, from all of its calls.

1. Every outcome has its place in the precedence, and its code and class by the stage reached.
2. What tells more is never overwritten by what tells less, whatever comes last.
3. A dead number speaks for itself alone.
4. A case known to be eligible is never counted as unknown again.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cati.core.dispositions import DISPOSITIONS, UnknownDisposition, aapor
from cati.core.final_disposition import (
    NON_CONTACT,
    NOT_ATTEMPTED,
    TELLS,
    Call,
    Final,
    Tells,
    final_disposition,
    was_screened,
)

CODES = [row.code for row in DISPOSITIONS]
calls = st.builds(
    Call, st.sampled_from(CODES), screened=st.booleans(), number=st.sampled_from([None, 1, 2])
)
histories = st.lists(calls, max_size=8)


def final(*codes: str, screened: bool = False, number_left: bool = False) -> Final:
    """What became of a case with one number, called with these outcomes."""
    history = [Call(code, screened, number=1) for code in codes]
    return final_disposition(history, number_left=number_left)


def classed(*codes: str, screened: bool = False) -> tuple[str, str]:
    found = final(*codes, screened=screened)
    return found.aapor, found.category


# ------------------------------------------------------------------------------- 1. one call


def test_every_outcome_has_its_place_in_the_precedence() -> None:
    assert TELLS.keys() == set(CODES)


@pytest.mark.parametrize("code", [code for code in CODES if code != NOT_ATTEMPTED])
def test_one_call_that_did_not_establish_eligibility_has_the_code_of_its_outcome(code: str) -> None:
    found = final(code)
    assert (found.code, (found.aapor, found.category), found.call) == (code, aapor(code, False), 0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("10", ("1.1", "I")), ("11", ("1.2", "P")), ("12", ("2.12", "R")), ("13", ("2.12", "R")),
        ("20", ("2.21", "NC")), ("21", ("2.21", "NC")), ("22", ("2.21", "NC")),
        ("23", ("2.11", "R")), ("24", ("2.22", "NC")),
        ("40", ("2.111", "R")), ("41", ("2.112", "R")), ("42", ("2.112", "R")),
        ("31", NON_CONTACT), ("32", NON_CONTACT), ("33", NON_CONTACT), ("37", NON_CONTACT),
        ("53", NON_CONTACT), ("54", NON_CONTACT),
        ("34", NON_CONTACT), ("35", NON_CONTACT), ("36", NON_CONTACT), ("61", NON_CONTACT),
        ("60", ("4.10", "NE")), ("62", ("4.50", "NE")), ("63", ("4.70", "NE")),
        ("64", ("4.80", "NE")),
        ("50", ("2.33", "O")), ("51", ("2.32", "O")), ("52", ("2.31", "O")),
        ("00", NON_CONTACT),
    ],
)  # fmt: skip
def test_one_call_of_an_eligible_case_is_of_known_eligibility(
    code: str, expected: tuple[str, str]
) -> None:
    assert classed(code, screened=True) == expected


def test_a_case_that_nobody_called_is_not_attempted() -> None:
    assert final() == Final("00", "3.11", "UH", call=None, reached=False)


def test_calls_that_were_left_without_an_outcome_decide_nothing() -> None:
    assert final("00", "00") == final()
    assert final("32", "00").code == "32"


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(UnknownDisposition):
        final("99")


# ------------------------------------------------------------------------------- 2. precedence


def test_a_refusal_is_never_overwritten_by_the_calls_that_reach_the_maximum() -> None:
    assert classed("40", *["32", "33", "31"] * 10, screened=True) == ("2.111", "R")
    assert classed("40", *["32"] * 30) == ("3.20", "UR")
    assert final("42", "34").code == "42"


def test_an_appointment_that_nobody_keeps_stays_a_household_that_was_reached() -> None:
    assert classed("20", "32", "33") == ("3.20", "UR")
    assert classed("20", "32", "33", screened=True) == ("2.21", "NC")


def test_a_converted_refusal_is_an_interview_whatever_was_said_before() -> None:
    assert classed("40", "32", "10", screened=True) == ("1.1", "I")
    assert classed("12", "13", "11", screened=True) == ("1.2", "P")


def test_a_refusal_outlives_the_appointment_of_its_conversion() -> None:
    assert classed("40", "20", "32", screened=True) == ("2.111", "R")


def test_of_a_refusal_and_an_impediment_the_last_one_decides() -> None:
    assert classed("40", "52") == ("2.31", "O")
    assert classed("50", "41") == ("2.112", "R")


def test_a_cut_line_gives_way_to_what_was_agreed_afterwards() -> None:
    assert classed("13", "32", screened=True) == ("2.12", "R")
    assert classed("13", "20", screened=True) == ("2.21", "NC")


def test_out_of_the_target_outlives_a_refusal() -> None:
    assert classed("40", "62", "32") == ("4.50", "NE")


@given(histories, calls)
def test_one_more_call_never_makes_the_end_tell_less(history: list[Call], more: Call) -> None:
    before, after = final_disposition(history), final_disposition([*history, more])
    if TELLS[before.code] is Tells.SILENCE:
        # The one exception: a number that is found dead takes its silence back.
        assert TELLS[after.code] <= Tells.DEAD_NUMBER
    else:
        assert TELLS[after.code] <= TELLS[before.code]


@given(histories)
def test_the_deciding_call_is_the_last_of_its_outcome_and_no_other_tells_more(
    history: list[Call],
) -> None:
    found = final_disposition(history)
    if found.call is not None:
        assert history[found.call].code == found.code
        later = history[found.call + 1 :]
        assert all(TELLS[call.code] > TELLS[found.code] for call in later)


@given(histories)
def test_somebody_was_reached_where_a_call_says_so(history: list[Call]) -> None:
    spoken = any(TELLS[call.code] <= Tells.CONTACT for call in history)
    assert final_disposition(history).reached == (spoken or any(call.screened for call in history))


# ------------------------------------------------------------------------------- 3. numbers


def test_a_dead_number_takes_back_its_earlier_silence() -> None:
    assert classed("32", "33", "34") == ("4.31", "NE")


def test_a_number_that_rings_again_was_not_dead() -> None:
    assert classed("34", "32") == ("3.13", "UH")


def test_a_dead_number_does_not_speak_for_another_that_only_rang() -> None:
    history = [Call("32", number=1), Call("34", number=2)]
    assert final_disposition(history).code == "32"


def test_a_case_with_another_number_to_ring_is_not_known_to_be_ineligible() -> None:
    found = final("34", number_left=True)
    assert (found.code, found.aapor, found.category, found.call) == ("00", "3.11", "UH", 0)
    assert final("32", number_left=True).code == "32"
    assert final("60", number_left=True).category == "NE"


# ------------------------------------------------------------------------------- 4. eligibility


@given(histories, st.booleans())
def test_a_case_that_was_screened_is_never_of_unknown_eligibility(
    history: list[Call], number_left: bool
) -> None:
    found = final_disposition(history, number_left=number_left)
    if any(call.screened for call in history):
        assert not found.category.startswith("U")


def test_what_is_learnt_later_classes_an_earlier_refusal() -> None:
    history = [Call("40", screened=False), Call("20", screened=True), Call("32", screened=False)]
    found = final_disposition(history)
    assert (found.code, found.aapor, found.category) == ("40", "2.111", "R")


@pytest.mark.parametrize(
    ("code", "recorded", "sector", "screened"),
    [
        ("40", "2.111", "", True),
        # The interview went on to a sector on a later call.
        ("40", "3.20", "CN", False),
        ("12", "2.12", "CN", True),
        ("12", "2.12", "", False),
        ("", "", "CN", True),
        ("32", "3.13", "", False),
    ],
)
def test_the_stage_of_a_call_is_read_from_what_was_kept_of_it(
    code: str, recorded: str, sector: str, screened: bool
) -> None:
    assert was_screened(code, recorded, sector) is screened
