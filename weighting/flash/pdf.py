"""The Flash as PDF, laid out by reportlab: wheels alone, no system library and no browser.

The same sheets, order, words and figures as the HTML; fonts are embedded. A sheet that is too long
goes on to another page, a table and its title stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from weighting.flash.build import Made
from weighting.flash.charts import Chart, chart_of
from weighting.flash.html import Cell, lines
from weighting.flash.page import LANGUAGE, Block, Card, ChartBlock, Page, TableBlock

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "SourceSans3", "SourceSans3-Semibold"
# CSS pixels, in which the sheets are designed, as points.
PX = 0.75
MARGIN, TOP, FOOT = 57 * PX, 74 * PX, 56 * PX
WIDTH = A4[0] - 2 * MARGIN
INK, SOFT, HAIR, LIGHT = (HexColor(one) for one in ("#000000", "#333333", "#888888", "#cccccc"))
LONG = 40
PUBLISHER = "Observatoire urbain et social (NOUS), Agence d’urbanisme Clermont Métropole"


def write(page: Page, path: Path) -> Path:
    """The file at `path`."""
    with translation.override(LANGUAGE):
        _build(page, path)
    return path


def _build(page: Page, path: Path) -> None:
    _fonts()
    document = BaseDocTemplate(
        str(path),
        pagesize=A4,
        title=f"{page.title} · {page.subtitle}",
        author=PUBLISHER,
        lang="fr",
        invariant=1,  # the same page gives the same bytes
    )
    none = {f"{side}Padding": 0 for side in ("left", "right", "top", "bottom")}
    frame = Frame(MARGIN, FOOT, WIDTH, A4[1] - TOP - FOOT, **none)
    document.addPageTemplates([PageTemplate(frames=[frame])])

    def numbered(*args: Any, **options: Any) -> _Numbered:
        return _Numbered(page, *args, **options)

    document.build(list(_story(page)), canvasmaker=numbered)


class _Numbered(Canvas):  # type: ignore[misc]
    """Draws head and foot once it is known how many pages there are."""

    def __init__(self, page: Page, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.flash = page
        self.pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self.pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, state in enumerate(self.pages, start=1):
            self.__dict__.update(state)
            self._frame(number, len(self.pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, count: int) -> None:
        right, top = A4[0] - MARGIN, A4[1] - 52 * PX
        self.setFillColor(INK)
        self.setFont(BOLD, 20 * PX)
        self.drawString(MARGIN, top, "Flash")
        self.setFont(PLAIN, 15 * PX)
        self.drawRightString(right, top, self.flash.subtitle)
        self.setLineWidth(1.5)
        self.line(MARGIN, top - 9, right, top - 9)
        self.setLineWidth(0.5)
        self.setStrokeColor(HAIR)
        self.line(MARGIN, 44 * PX, right, 44 * PX)
        self.setFont(PLAIN, 13 * PX)
        self.drawString(MARGIN, 28 * PX, PUBLISHER)
        self.drawRightString(right, 28 * PX, f"{number} / {count}")


class _Bars(Flowable):  # type: ignore[misc]
    """A chart; its figures stand at the end of each bar, so that it is its own table."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart, self.width, self.height = chart, WIDTH, chart.height * PX

    def draw(self) -> None:
        scale = WIDTH / self.chart.width
        for bar in self.chart.bars:
            self.canv.setFont(BOLD if bar.strong else PLAIN, 13.5 * PX)
            self.canv.setFillColor(INK)
            baseline = self.height - bar.middle * PX
            self.canv.drawString(0, baseline, bar.label)
            self.canv.drawString(bar.end * scale, baseline, bar.text)
            self.canv.setFillColor(HexColor("#222222" if bar.strong else "#666666"))
            thick = self.chart.thickness * PX
            y = self.height - bar.y * PX - thick
            self.canv.rect(self.chart.left * scale, y, bar.width * scale, thick, stroke=0, fill=1)


def _story(page: Page) -> Iterator[Any]:
    yield Paragraph(_safe(page.title), _style(BOLD, 29, 36))
    yield Spacer(1, 4)
    if page.text:
        yield Paragraph(_safe(page.text), _style(PLAIN, 16, 21))
        yield Spacer(1, 8)
    if page.cards:
        yield _cards(page.cards)
    for place, (sheet, notes) in enumerate(zip(page.sheets, page.notes, strict=True)):
        if place:
            yield PageBreak()
        for block in sheet:
            yield from _block(block)
        yield Spacer(1, 6)
        told = [*notes, " ".join(_origin(page))]
        yield KeepTogether([Paragraph(_safe(note), _style(PLAIN, 13, 17, SOFT)) for note in told])


def _origin(page: Page) -> Iterator[str]:
    if page.source:
        yield page.source
    if page.wave.is_demo:
        yield _("Vague de démonstration : les entretiens sont synthétiques.")


def _block(block: Block) -> Iterator[Any]:
    title = _style(BOLD, 15, 20)
    if isinstance(block, TableBlock):
        heading = Paragraph(_safe(block.title), title)
        table = _table(block.made)
        _wide, high = table.wrap(WIDTH, A4[1])
        yield Spacer(1, 8)
        yield CondPageBreak(min(high + 40, A4[1] / 2))
        yield heading
        yield Spacer(1, 2)
        yield table
    elif isinstance(block, ChartBlock):
        heading = Paragraph(_safe(block.title), title)
        yield KeepTogether([Spacer(1, 8), heading, Spacer(1, 2), _Bars(chart_of(block))])
    else:
        yield Spacer(1, 8)
        yield Paragraph(_safe(block.text), _style(PLAIN, 15, 21))


def _cards(cards: Sequence[Card]) -> Table:
    large, plain = _style(BOLD, 27, 32), _style(PLAIN, 13.5, 18)
    small = _style(PLAIN, 13, 18, SOFT)
    cells = [
        [
            Paragraph(_safe(card.large), large),
            Paragraph(_safe(card.words), plain),
            Paragraph(_safe(card.small), small),
        ]
        for card in cards
    ]
    rules = [("LINEABOVE", (0, 0), (-1, 0), 0.5, HAIR), ("LINEBELOW", (0, 0), (-1, 0), 0.5, HAIR)]
    return Table(
        [cells],
        colWidths=[WIDTH / len(cells)] * len(cells),
        style=[
            *rules,
            *_padding(5),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("RIGHTPADDING", (0, 0), (-1, -1), 16),
        ],
    )


def _table(made: Made) -> Table:
    heads = made.table.heads
    first = WIDTH * (0.40 if len(heads) <= 4 else 0.28 if len(heads) <= 6 else 0.2)
    widths = [first, *[(WIDTH - first) / len(heads)] * len(heads)]
    above = _style(BOLD, 13, 15, align=TA_RIGHT)
    cells: list[list[Any]] = [["", *(Paragraph(_safe(head.label), above) for head in heads)]]
    style: list[tuple[Any, ...]] = [
        *_padding(0.6),
        ("LEFTPADDING", (1, 0), (-1, -1), 7),
        ("FONT", (0, 0), (-1, -1), PLAIN, 13.5 * PX, 12),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LIGHT),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, HAIR),
    ]
    for line in lines(made):
        row = line.head
        if row.block:
            style += _strong(len(cells))
            cells.append([row.block])
        if row.strong:
            style += _strong(len(cells))
        cells.append([_label(row.label), *(_figure(cell, row.strong) for cell in line.cells)])
    return Table(cells, colWidths=widths, style=style, repeatRows=1)


def _strong(row: int) -> list[tuple[Any, ...]]:
    whole = ((0, row), (-1, row))
    return [("FONT", *whole, BOLD, 13.5 * PX, 12), ("LINEBELOW", *whole, 0.6, HAIR)]


def _figure(cell: Cell, strong: bool) -> Any:
    """A figure, and the gap to the reference below it where there is one."""
    if not cell.gap:
        return cell.text
    gap = f"<b>{cell.gap}</b>" if cell.far else cell.gap
    below = f'<br/><font size="{13 * PX}" color="#333333">{gap}</font>'
    text = f"<b>{_safe(cell.text)}</b>" if strong else _safe(cell.text)
    return Paragraph(text + below, _style(PLAIN, 13.5, 15, align=TA_RIGHT))


def _label(text: str) -> Any:
    """A long label, such as an answer, goes over several lines."""
    return text if len(text) < LONG else Paragraph(_safe(text), _style(PLAIN, 13.5, 15))


def _padding(above: float) -> list[tuple[Any, ...]]:
    whole = ((0, 0), (-1, -1))
    return [
        ("LEFTPADDING", *whole, 0), ("RIGHTPADDING", *whole, 0),
        ("TOPPADDING", *whole, above), ("BOTTOMPADDING", *whole, above + 1.2),
    ]  # fmt: skip


def _style(font: str, size: float, line: float, color: Any = INK, align: int = 0) -> ParagraphStyle:
    return ParagraphStyle(
        font, fontName=font, fontSize=size * PX, leading=line * PX, textColor=color,
        alignment=align,
    )  # fmt: skip


def _safe(text: str) -> str:
    """Paragraphs read a little markup; what people wrote is no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@cache
def _fonts() -> None:
    pdfmetrics.registerFont(TTFont(PLAIN, FONTS / "source-sans-3-regular.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, FONTS / "source-sans-3-semibold.ttf"))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD)
