"""A workbook is read as a person reads it, within limits that hold whatever it says of itself.

1. The first visible sheet: numbers, days, formulas, shared and inline texts.
2. Limits on what it unpacks to, on columns, on a row; memory stays bounded.
3. Whatever bytes it has, reading ends in rows or in a fault.
"""

from __future__ import annotations

import io
import tracemalloc
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cati.core.sample_faults import BadFile, Kind
from cati.core.sample_file import MAX_COLUMNS, examine, read_lines
from cati.core.sample_workbook import workbook_records
from tests.cati.workbooks import bomb, parts, workbook


def records(content: bytes) -> list[tuple[int, tuple[str, ...]]]:
    return list(workbook_records(io.BytesIO(content), MAX_COLUMNS))


def cells(xml: str, **others: str) -> tuple[str, ...]:
    """The cells of a sheet of one row, whose XML is given."""
    rows = records(
        parts(f'<worksheet><sheetData><row r="1">{xml}</row></sheetData></worksheet>', **others)
    )
    return rows[0][1]


def fault(content: bytes) -> Kind | Any:
    with pytest.raises(BadFile) as bad:
        examine(io.BytesIO(content))
    return bad.value.faults[0].kind


# 1. What it says.


def test_numbers_days_and_blank_rows_read_as_people_see_them() -> None:
    made = workbook(
        [
            ["tel", "nom", None, "depuis"],
            [],
            [473112233, "Zoé", None, date(2020, 1, 2)],
            [33473112233, "  ", 1.5, datetime(2020, 1, 2, 15, 30)],
        ]
    )
    assert records(made) == [
        (1, ("tel", "nom", "", "depuis")),
        (3, ("473112233", "Zoé", "", "2020-01-02")),
        (4, ("33473112233", "", "1.5", "2020-01-02 15:30")),
    ]


def test_a_hidden_sheet_is_passed_over() -> None:
    assert records(workbook([["tel"]], hidden_first=True)) == [(1, ("tel",))]


def test_texts_are_found_wherever_they_are_kept() -> None:
    shared = (
        "<sst><si><t>un</t></si><si><r><t>de</t></r><r><t>ux</t></r><rPh><t>x</t></rPh></si></sst>"
    )
    xml = (
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
        '<c t="inlineStr"><is><t>tr</t><t>ois</t></is></c>'
        '<c t="str"><f>1+1</f><v>quatre</v></c><c r="AA1"><v>4.7311E8</v></c>'
    )
    found = cells(xml, sharedStrings=shared)
    assert found[:4] == ("un", "deux", "trois", "quatre")
    assert found[26:] == ("473110000",)


def test_a_rounded_number_stays_rounded_and_is_refused_as_such() -> None:
    assert cells("<c><v>3.3473E+20</v></c>") == ("3.3473E+20",)


def test_the_layout_names_no_encoding_and_reads_the_lines_after_the_heading() -> None:
    source = io.BytesIO(workbook([["Tél", "Nom"], ["0199000001", "A"], ["0199000002", "B"]]))
    layout = examine(source)
    assert (layout.encoding, layout.rows, layout.fields) == ("xlsx", 2, ("phone", "name"))
    assert [line.number for line in read_lines(source, layout)] == [2, 3]


# 2. Limits.


@pytest.mark.parametrize("lies", [False, True])
def test_three_megabytes_that_unpack_to_250_are_refused_in_bounded_memory(lies: bool) -> None:
    made = bomb(lies)
    tracemalloc.start()
    kind = fault(made)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kind is Kind.UNPACKED
    assert peak < 8_000_000


def test_a_cell_far_to_the_right_is_refused_and_one_far_below_costs_nothing() -> None:
    wide = parts('<worksheet><row r="1"><c r="XFD1"><v>1</v></c></row></worksheet>')
    assert fault(wide) is Kind.TOO_MANY_COLUMNS
    deep = (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row>'
    )
    assert records(parts(f"<worksheet>{deep}</worksheet>")) == [(1, ("1",)), (1048576, ("2",))]


def test_a_long_text_repeated_in_a_row_is_refused() -> None:
    shared = f"<sst><si><t>{'x' * 9000}</t></si></sst>"
    row = '<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>'
    assert fault(parts(f"<worksheet>{row}</worksheet>", sharedStrings=shared)) is Kind.LINE_TOO_LONG


def test_entities_are_not_unfolded() -> None:
    declared = (
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><row><c><v>&a;</v></c></row></worksheet>'
    )
    assert fault(parts(declared)) is Kind.BAD_WORKBOOK


@pytest.mark.parametrize(
    "sheet",
    [
        "<worksheet><row><c>",
        '<worksheet><row r="x"><c><v>1</v></c></row></worksheet>',
        '<worksheet><row><c r="1A"><v>1</v></c></row></worksheet>',
        '<worksheet><row><c t="s"><v>7</v></c></row></worksheet>',
    ],
)
def test_a_sheet_that_contradicts_itself_is_refused(sheet: str) -> None:
    assert fault(parts(sheet)) is Kind.BAD_WORKBOOK


def test_a_workbook_without_rows_says_so() -> None:
    assert fault(workbook([])) is Kind.EMPTY
    assert fault(workbook([["tel", "nom"]])) is Kind.NO_ROWS


# 3. Any bytes.


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_ends_in_rows_or_in_a_fault(at: int, damage: bytes) -> None:
    made = bytearray(GOOD)
    made[at % len(made) : at % len(made) + len(damage)] = damage
    source = io.BytesIO(bytes(made))
    try:
        assert list(read_lines(source, examine(source)))
    except BadFile as bad:
        assert bad.faults


GOOD = workbook([["tel", "nom"], [473112233, "Zoé"], ["0199000002", "B"]])
