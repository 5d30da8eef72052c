"""The Flash as HTML: what a template needs of it, and one file that stands alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.formats import number_format
from django.utils.safestring import SafeString

from weighting.flash import words
from weighting.flash.build import Made
from weighting.flash.charts import chart_of
from weighting.flash.page import LANGUAGE, Block, ChartBlock, Page, TableBlock
from weighting.flash.rows import RowHead

STYLE, FONT = "weighting/flash.css", "cati/fonts/source-sans-3-latin.woff2"
# In the style sheet the font lies beside the static files; in a file it is inside.
FONT_URL = "../cati/fonts/source-sans-3-latin.woff2"


@dataclass(frozen=True)
class Cell:
    """What is printed, the interval and the gap for those who ask for them, whether it is far."""

    text: str
    interval: str = ""
    gap: str = ""
    far: bool = False


@dataclass(frozen=True)
class Line:
    head: RowHead
    cells: Sequence[Cell]
    n: str
    weighted: float | None


def lines(made: Made) -> list[Line]:
    """The rows of a table as they are shown."""
    table = made.table
    return [
        Line(
            row,
            [_cell(made, r, c) for c in range(len(table.heads))],
            _grouped(table.n[r]) if table.states[r] != "hidden" else f"< {table.preset.hide_below}",
            float(table.weighted[r]) if table.printed[r] else None,
        )
        for r, row in enumerate(made.rows)
    ]


def _grouped(n: int) -> str:
    return str(number_format(int(n), force_grouping=True))


def _cell(made: Made, r: int, c: int) -> Cell:
    table, gaps = made.table, made.table.gaps
    if not table.printed[r]:
        return Cell(words.cell(made, r, c))
    interval = "" if table.mean else f"{100 * table.low[r, c]:.0f}–{100 * table.high[r, c]:.0f}"
    if gaps is None or gaps.values[r, c] != gaps.values[r, c] or table.mean:
        return Cell(words.cell(made, r, c), interval)
    far = bool(gaps.holm[r, c] < words.LEVEL)
    gap = words.points(gaps.values[r, c])
    return Cell(words.cell(made, r, c), interval, gap, far)


def sheets(page: Page) -> SafeString:
    """The sheets as they are shown and printed. A Flash is in French, whoever looks at it."""
    told = [
        {"blocks": [_block(block) for block in sheet], "notes": notes}
        for sheet, notes in zip(page.sheets, page.notes, strict=True)
    ]
    context = {"flash": page, "sheets": told, "count": len(told)}
    with translation.override(LANGUAGE):
        return render_to_string("weighting/flash_sheets.html", context)


def standalone(page: Page, path: Path) -> Path:
    """One file with its styles and its font, to print or to send."""
    style = Path(str(finders.find(STYLE))).read_text(encoding="utf-8")
    font = base64.b64encode(Path(str(finders.find(FONT))).read_bytes()).decode()
    style = style.replace(FONT_URL, f"data:font/woff2;base64,{font}")
    context = {"flash": page, "body": sheets(page), "style": style}
    with translation.override(LANGUAGE):
        path.write_text(render_to_string("weighting/flash_file.html", context), encoding="utf-8")
    return path


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, TableBlock):
        made = block.made
        return {"kind": "table", "title": block.title, "made": made, "lines": lines(made)}
    if isinstance(block, ChartBlock):
        return {"kind": "chart", "title": block.title, "chart": chart_of(block)}
    return {"kind": "text", "text": block.text}
