"""Telephone numbers: what is read as one, what is refused and why, and its key."""

from __future__ import annotations

import pytest

from cati.core.phones import BadPhone, Reason, display, is_mobile, normalise, phone_key


@pytest.mark.parametrize(
    "written",
    ["0199001234", "01 99 00 12 34", "01.99.00.12.34", "01-99-00-12-34", "+33 1 99 00 12 34",
     "0033199001234", "+33 (0)1 99 00 12 34", "  01 99 00 12 34 ", "199001234"],
)  # fmt: skip
def test_one_number_however_it_is_written(written: str) -> None:
    assert normalise(written) == "+33199001234"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", Reason.EMPTY),
        ("   ", Reason.EMPTY),
        ("4,73123E+08", Reason.ROUNDED),
        ("3.3473E10", Reason.ROUNDED),
        ("04 73 AB 12 34", Reason.CHARACTERS),
        ("inconnu", Reason.CHARACTERS),
        ("0473", Reason.TOO_SHORT),
        ("+", Reason.TOO_SHORT),
        ("047312345678", Reason.TOO_LONG),
        ("01 99 00 12 34 / 01 99 00 12 35", Reason.TOO_LONG),
        ("9" * 400, Reason.TOO_LONG),
        ("00 00 00 00 00", Reason.UNASSIGNED),
        ("06 39 98 00 00", Reason.UNASSIGNED),
        ("08 99 12 34 56", Reason.NOT_A_HOME),
        ("08 00 12 34 56", Reason.NOT_A_HOME),
    ],
)
def test_what_is_no_number_to_ring_is_refused_with_its_reason(written: str, reason: Reason) -> None:
    with pytest.raises(BadPhone) as refusal:
        normalise(written)
    assert refusal.value.reason is reason


def test_a_foreign_number_is_read_in_its_own_country() -> None:
    assert normalise("+32 2 555 12 12") == "+3225551212"
    assert normalise("02 555 12 12", region="BE") == "+3225551212"


def test_the_key_depends_on_number_and_secret_and_shows_neither() -> None:
    key = phone_key("+33199001234", "one")
    assert key == phone_key("+33199001234", "one")
    assert len(key) == 64
    assert "99001234" not in key
    assert key != phone_key("+33199001235", "one")
    assert key != phone_key("+33199001234", "two")


def test_a_key_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="secret"):
        phone_key("+33199001234", "")


def test_a_mobile_is_told_by_its_range() -> None:
    assert is_mobile(normalise("06 12 34 56 78"))
    assert not is_mobile(normalise("01 99 00 12 34"))


def test_a_number_is_shown_as_people_write_it() -> None:
    assert display("+33199001234") == "01 99 00 12 34"
    assert display("+3225551212") == "+32 2 555 12 12"
