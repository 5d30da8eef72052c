"""Workbooks for tests: ordinary ones, and those that somebody made to do harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from openpyxl import Workbook

MEGABYTE = 1024 * 1024
INDEX = (
    '<workbook xmlns:r="r"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
RELATIONS = '<Relationships><Relationship Id="rId1" Target="worksheets/a.xml"/></Relationships>'


def workbook(rows: Iterable[Sequence[Any]], *, hidden_first: bool = False) -> bytes:
    """The rows in the first visible sheet, as a spreadsheet saves them."""
    book = Workbook()
    sheet = book.worksheets[0]
    if hidden_first:
        sheet["A1"] = "not this one"
        sheet.sheet_state = "hidden"
        sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parts(sheet: str, **others: str) -> bytes:
    """A workbook of one sheet, whose XML is written by hand; `others` are entries of xl/."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", INDEX)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/a.xml", sheet)
        for name, text in others.items():
            archive.writestr(f"xl/{name}.xml", text)
    return out.getvalue()


@cache
def bomb(lies: bool = False) -> bytes:
    """Three megabytes at most that unpack to 250; where it lies, it says that they unpack to ten.

    What it hides are spaces inside the sheet, so that only inflating it tells.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", INDEX)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        with archive.open("xl/worksheets/a.xml", "w") as sheet:
            sheet.write(b"<worksheet><sheetData>")
            for _ in range(250):
                sheet.write(b" " * MEGABYTE)
            sheet.write(b"</sheetData></worksheet>")
        if lies:
            archive.getinfo("xl/worksheets/a.xml").file_size = 10 * MEGABYTE
    made = out.getvalue()
    assert len(made) < 3 * MEGABYTE
    return made


@cache
def many_parts() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(1001):
            archive.writestr(f"xl/{number}.xml", "")
    return out.getvalue()
