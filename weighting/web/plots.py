"""Where the marks of the plots stand, in the units of their viewBox; each has its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1000
# The histogram and the cloud have axes with words, so their units are those of the letters.
LEFT, PLOT, TALL = 44, 700, 180
DOTS = 190


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


@dataclass(frozen=True)
class Tick:
    """A mark of an axis and what is written beside it."""

    at: int
    value: float


def spreads(sectors: Sequence[dict[str, Any]]) -> list[Plot]:
    """Min, quartiles and max of g by sector, on one scale from 0 to the greatest of all."""
    top: float = max(one["g"][-1] for one in sectors)

    def at(g: float) -> int:
        return round(WIDTH * g / top)

    return [
        Plot(at(low_q), at(high_q) - at(low_q), at(low), at(high), at(middle))
        for low, low_q, middle, high_q, high in (one["g"] for one in sectors)
    ]


def effects(sectors: Sequence[dict[str, Any]]) -> list[Plot]:
    """The design effect of each sector beyond 1, on one scale from 1 to the greatest of all."""
    beyond = [max(one.get("deff", 1.0) - 1.0, 0.0) for one in sectors]
    top = max(beyond, default=0.0) or 1.0
    return [Plot(0, max(round(WIDTH * one / top), 8)) for one in beyond]


@dataclass(frozen=True)
class Dots:
    """Two shares on one line: the hollow dot is the sample's, the full one what is wanted."""

    sample: int
    target: int

    @property
    def left(self) -> int:
        return min(self.sample, self.target)

    @property
    def width(self) -> int:
        return abs(self.sample - self.target)


def dots(pairs: Iterable[tuple[float, float] | None]) -> list[Dots | None]:
    """(sample, target) shares on one scale from 0 to the greatest; None stays None."""
    pairs = list(pairs)
    top = max((max(pair) for pair in pairs if pair), default=0.0) or 1.0

    def at(share: float) -> int:
        return 5 + round(DOTS * share / top)

    return [pair and Dots(at(pair[0]), at(pair[1])) for pair in pairs]


@dataclass(frozen=True)
class Bar:
    """One class of g, [low, high): its respondents, and where its bar stands."""

    low: float
    high: float
    count: int
    left: float
    width: float
    top: int
    height: int


@dataclass(frozen=True)
class Histogram:
    """The classes of g with their axes; `one` is where g = 1 stands."""

    bars: Sequence[Bar]
    across: Sequence[Tick]
    up: Sequence[Tick]
    one: int


def histogram(classes: Sequence[Sequence[float]]) -> Histogram:
    """[lower bound, respondents] by steps of 0.1 from 0; the fullest is as high as the plot."""
    most = max((int(count) for _low, count in classes), default=1) or 1
    step = PLOT / max(len(classes), 11)

    def x(g: float) -> int:
        return round(LEFT + step * g * 10)

    bars = [
        Bar(
            low=low,
            high=round(low + 0.1, 1),
            count=int(count),
            left=round(LEFT + step * rank, 1),
            width=round(max(step - 1, 1), 1),
            top=TALL - round(TALL * count / most),
            height=round(TALL * count / most),
        )
        for rank, (low, count) in enumerate(classes)
    ]
    halves = range(max(len(classes), 11) // 5 + 1)
    across = [Tick(x(half / 2), half / 2) for half in halves if x(half / 2) <= LEFT + PLOT]
    every = _step(most)
    up = [Tick(TALL - round(TALL * n / most), n) for n in range(0, most + 1, every)]
    return Histogram(bars, across, up, x(1))


def _step(most: int) -> int:
    """A round number of which two to five fit into `most`: 1, 2 or 5 times a power of ten."""
    power = 10 ** (len(str(most)) - 1)
    return next(
        (step for part in (10, 5, 2) if (step := max(power * part // 10, 1)) * 2 <= most), 1
    )


@dataclass(frozen=True)
class Dot:
    """Some interviews of nearly the same two weights; the radius grows with their number."""

    x: int
    y: int
    radius: float


@dataclass(frozen=True)
class Cloud:
    """g of one run across, of another one up, on one scale; the diagonal is where both agree."""

    dots: Sequence[Dot]
    ticks: Sequence[Tick]
    upward: Sequence[Tick]
    side: int


def cloud(pairs: Sequence[tuple[float, float]]) -> Cloud:
    """The g of each interview in both runs, gathered on a grid of 4 units."""
    side = 320
    top = max((max(pair) for pair in pairs), default=0.0) or 1.0

    def at(g: float) -> int:
        return 4 * round(side * g / top / 4)

    met = Counter((at(left), at(right)) for left, right in pairs)
    marks = [half / 2 for half in range(int(2 * top) + 1)]
    if len(marks) > 9:
        marks = [mark for mark in marks if mark == int(mark)]
    return Cloud(
        [
            Dot(LEFT + x, side - y, round(min(1.5 + n**0.5, 9.0), 1))
            for (x, y), n in sorted(met.items())
        ],
        [Tick(LEFT + round(side * mark / top), mark) for mark in marks],
        [Tick(side - round(side * mark / top), mark) for mark in marks],
        side,
    )
