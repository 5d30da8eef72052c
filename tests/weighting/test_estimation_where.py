"""What an expression keeps of a file's rows, and what a column of answers is read as."""

from pathlib import Path

import numpy as np
import pytest

from weighting.core.questions import question_of
from weighting.core.sheet import Sheet, Unreadable, read_sheet
from weighting.core.where import rows_where

ROWS = """id,AGE,Q,CODE,WORDS,AMOUNT
a,18,1,01,yes,10.5
b,40,2,02,no,20
c,75,dk,03,,30
d,,refused,01,yes,
e,33,,02,no,40
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    path = tmp_path / "units.csv"
    path.write_text(ROWS)
    return read_sheet(path, ["id"])


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("Q == 1", "a"),
        ("Q == '1'", "a"),
        ("Q in ['1', \"2\"]", "ab"),
        ("Q == 2 or dk(Q)", "bc"),
        ("Q != 1", "b"),
        ("refused(Q)", "d"),
        ("answered(Q)", "ab"),
        ("not answered(Q)", "cde"),
        ("AGE >= 33", "bce"),
        ("AGE >= 33 or refused(Q)", "bcde"),
        ("band(AGE, [25, 60]) == 2", "be"),
        ("CODE == '01'", "ad"),
        ("WORDS == 'yes' and AMOUNT < 11", "a"),
        ("AMOUNT > 10", "abce"),
        ("id in ['a', 'e']", "ae"),
    ],
)
def test_it_keeps_those_for_whom_it_is_true(sheet: Sheet, expression: str, kept: str) -> None:
    assert "".join(np.array(list("abcde"))[rows_where(expression, sheet)]) == kept


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("QQ == 1", "Did you mean Q?"),
        ("WORDS == 1", "WORDS holds texts: write 1 for a number and '1' for a text."),
        ("WORDS == '1' and Q == 'x'", "Q holds numbers"),
        ("AGE", "a yes or no is needed here"),
        ("Q = 1", "    Q = 1\n      ^"),
        ("__import__('os')", "--where:"),
        ("AGE.real == 1", "an attribute (.)"),
    ],
)
def test_a_mistake_is_shown_with_how_to_mend_it(sheet: Sheet, expression: str, says: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        rows_where(expression, sheet)
    assert says in str(refusal.value)


def test_codes_are_categories_in_their_order_and_words_come_last(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("id,V\na,10\nb,2\nc,dk\nd,1\ne,NA\n")

    question = question_of(read_sheet(path, ["V"]), "V")

    assert question.categories == ("1", "2", "10", "dk")
    assert question.codes.tolist() == [2, 1, 3, 0, -1]
    assert question.numbers is None


def test_amounts_are_numbers_and_specials_have_none(sheet: Sheet) -> None:
    amounts, ages = question_of(sheet, "AMOUNT"), question_of(sheet, "AGE", "number")

    np.testing.assert_array_equal(amounts.numbers, [10.5, 20, 30, np.nan, 40])
    np.testing.assert_array_equal(ages.numbers, [18, 40, 75, np.nan, 33])
    assert amounts.answered.tolist() == [True, True, True, False, True]
    assert question_of(sheet, "AMOUNT", "categories").categories == ("10.5", "20", "30", "40")


def test_more_values_than_a_list_of_choices_has_are_a_number(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("few,many\n" + "".join(f"{i % 20},{i}\n" for i in range(21)))
    sheet = read_sheet(path, ["few"])

    assert question_of(sheet, "few").numbers is None
    assert question_of(sheet, "many").numbers is not None


def test_a_text_among_wanted_numbers_is_shown_with_its_line(sheet: Sheet) -> None:
    with pytest.raises(Unreadable, match="line 2: WORDS = 'yes' is not a number"):
        question_of(sheet, "WORDS", "number")
