"""Bars of a chart as coordinates, for SVG and PDF alike; nothing is drawn here.

Every chart has its figures beside it as a table: the picture alone is for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weighting.flash.page import ChartBlock

# In CSS pixels of a page 680 wide: labels, then bars, then figures.
WIDTH, LABELS, FIGURES, LINE, BAR = 680, 190, 52, 20, 12


@dataclass(frozen=True)
class Bar:
    """One line: its label, what is printed, and where its bar ends; width 0 where there is none."""

    label: str
    text: str
    strong: bool
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + BAR / 2 + 4

    @property
    def end(self) -> float:
        return LABELS + self.width + 6


@dataclass(frozen=True)
class Chart:
    title: str
    bars: Sequence[Bar]
    width: int = WIDTH
    left: int = LABELS
    thickness: int = BAR

    @property
    def height(self) -> int:
        return LINE * len(self.bars) + 4


def chart_of(block: ChartBlock) -> Chart:
    """Bars from 0; the scale ends at the next ten above the longest."""
    shares = [share or 0.0 for _label, share, _text, _strong in block.bars]
    full = min(-(-max(shares, default=0.0) * 100 // 10) * 10 + 10, 100) / 100
    room = WIDTH - LABELS - FIGURES
    return Chart(
        block.title,
        [
            Bar(label, text, strong, LINE * place + 4, round((share or 0.0) / full * room, 1))
            for place, (label, share, text, strong) in enumerate(block.bars)
        ],
    )
