"""Where the marks of the small plots stand, in the units of their viewBox; each has its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1000


@dataclass(frozen=True)
class Plot:
    """A bar or box: `left` and `width`; of a spread, its whiskers `low`, `high` and the middle."""

    left: int
    width: int
    low: int = 0
    high: int = 0
    middle: int = 0

    @property
    def reach(self) -> int:
        return self.high - self.low


def spreads(sectors: Sequence[dict[str, Any]]) -> list[Plot]:
    """Min, quartiles and max of g by sector, on one scale from 0 to the greatest of all."""
    top: float = max(one["g"][-1] for one in sectors)

    def at(g: float) -> int:
        return round(WIDTH * g / top)

    return [
        Plot(at(low_q), at(high_q) - at(low_q), at(low), at(high), at(middle))
        for low, low_q, middle, high_q, high in (one["g"] for one in sectors)
    ]


def deviations(margins: Sequence[dict[str, Any]]) -> list[Plot]:
    """What the sample had too much (right of the middle) or too little of, in one scale."""
    gaps = [margin["before"] - margin["target"] for margin in margins]
    top = max(map(abs, gaps), default=0.0) or 1.0
    half = WIDTH // 2
    widths = [max(round(half * abs(gap) / top), 8) for gap in gaps]
    return [
        Plot(half if gap >= 0 else half - width, width)
        for gap, width in zip(gaps, widths, strict=True)
    ]


@dataclass(frozen=True)
class Bar:
    """One class of g, [low, high): its respondents, and where its bar stands in 1000 × 200."""

    low: float
    high: float
    count: int
    left: int
    width: int
    top: int
    height: int


def bars(histogram: Sequence[Sequence[float]]) -> list[Bar]:
    """The classes of the histogram, the fullest as high as the plot."""
    most = max((count for _low, count in histogram), default=1) or 1
    width = WIDTH // max(len(histogram), 1)
    return [
        Bar(
            low=low,
            high=round(low + 0.1, 1),
            count=int(count),
            left=rank * width,
            width=max(width - 2, 1),
            top=200 - round(200 * count / most),
            height=round(200 * count / most),
        )
        for rank, (low, count) in enumerate(histogram)
    ]
