"""Whatever bytes a file holds, reading it ends in rows or in faults, never in an exception."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from cati.core.sample_faults import BadFile, Fault
from cati.core.sample_file import examine, read_lines
from cati.core.sample_rows import Expected, Row, read_row

SECTORS = ("CN", "T1")
HEADER = "telephone,nom,adresse,secteur,telephone2\n"
cells = st.text(st.characters(codec="utf-8"), max_size=30)


def read(content: bytes) -> list[Row | list[Fault]] | tuple[Fault, ...]:
    source = io.BytesIO(content)
    try:
        layout = examine(source)
        return [read_row(line, layout, Expected(SECTORS)) for line in read_lines(source, layout)]
    except BadFile as bad:
        return bad.faults


@settings(max_examples=200)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda raw: HEADER.encode() + raw))
def test_any_bytes_end_in_rows_or_faults(content: bytes) -> None:
    assert all(read(content))


@settings(max_examples=100)
@given(st.text(max_size=300))
def test_any_text_after_a_good_header_ends_in_rows_or_faults(text: str) -> None:
    assert all(read((HEADER + text).encode("utf-8", "replace")))


@settings(max_examples=100)
@given(
    st.lists(st.tuples(cells, cells, cells, cells, cells), min_size=1, max_size=5),
    st.sampled_from(",;\t"),
)
def test_every_row_that_a_spreadsheet_writes_is_read_or_refused(
    written: list[tuple[str, ...]], separator: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([HEADER.strip().split(","), *written])
    found = read(text.getvalue().encode())
    filled = [row for row in written if any(cell.strip() for cell in row)]
    if isinstance(found, list):
        assert len(found) == len(filled)
