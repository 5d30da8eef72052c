"""Decides how a g-weight answers to the dual variable u = x'λ: one value per distance function.
Never solves anything and never sees a margin: the solver does.
Theory: Deville & Särndal (1992), "Calibration estimators in survey sampling", JASA 87, table 1.
"""

from dataclasses import dataclass
from math import inf, isfinite, log
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Response(NamedTuple):
    """A method at u, elementwise: `integral` = Φ(u), `g` = F(u) = Φ'(u), `slope` = F'(u)."""

    integral: Floats
    g: Floats
    slope: Floats


class Method(Protocol):
    """A calibration method as a value. `bounds` are those of g, open where g only tends to them."""

    @property
    def name(self) -> str: ...

    @property
    def bounds(self) -> tuple[float, float]: ...

    def at(self, u: Floats) -> Response: ...

    def inverse(self, g: float) -> float:
        """The u for which F(u) = g; `g` lies strictly inside the bounds."""
        ...


@dataclass(frozen=True)
class Linear:
    """F(u) = 1 + u: the generalised regression estimator. Weights may be negative."""

    name = "linear"
    bounds = (-inf, inf)

    def at(self, u: Floats) -> Response:
        return Response(u + 0.5 * u * u, 1.0 + u, np.ones_like(u))

    def inverse(self, g: float) -> float:
        return g - 1.0


@dataclass(frozen=True)
class Raking:
    """F(u) = exp(u): the raking ratio. Weights are positive and unbounded above."""

    name = "raking"
    bounds = (0.0, inf)

    def at(self, u: Floats) -> Response:
        g = np.exp(u)
        return Response(g - 1.0, g, g)

    def inverse(self, g: float) -> float:
        return log(g)


@dataclass(frozen=True)
class _Bounded:
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < 1.0 < self.high):
            raise ValueError(f"bounds must satisfy L < 1 < U, got {self.low:g} and {self.high:g}")

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True)
class Logit(_Bounded):
    """F(u) = [L(U−1) + U(1−L)eᴬᵘ] / [(U−1) + (1−L)eᴬᵘ], A = (U−L)/((1−L)(U−1)): L < g < U."""

    name = "logit"

    def at(self, u: Floats) -> Response:
        below, above, width = 1.0 - self.low, self.high - 1.0, self.high - self.low
        rate = width / (below * above)
        log_odds = rate * u + log(below / above)
        # log(1 + eˣ) without overflow; the share of the way from L to U is its derivative.
        softplus = np.logaddexp(0.0, log_odds)
        share = np.exp(log_odds - softplus)
        integral = self.low * u + below * above * (softplus - log(width / above))
        return Response(integral, self.low + width * share, width * rate * share * (1.0 - share))

    def inverse(self, g: float) -> float:
        below, above, width = 1.0 - self.low, self.high - 1.0, self.high - self.low
        return below * above / width * log((g - self.low) * above / ((self.high - g) * below))


@dataclass(frozen=True)
class Truncated(_Bounded):
    """F(u) = min(max(1 + u, L), U): linear, cut at the bounds. L ≤ g ≤ U."""

    name = "truncated"

    def at(self, u: Floats) -> Response:
        g = np.clip(1.0 + u, self.low, self.high)
        inside = g - 1.0  # the last u at which F still moved
        integral = inside + 0.5 * inside * inside + g * (u - inside)
        return Response(integral, g, ((g > self.low) & (g < self.high)).astype(np.float64))

    def inverse(self, g: float) -> float:
        return g - 1.0


def method_named(name: str, bounds: tuple[float, float] | None = None) -> Method:
    """The method of that name. Raises ValueError: unknown name, or bounds missing or unwanted."""
    free: dict[str, Method] = {"linear": Linear(), "raking": Raking()}
    bounded: dict[str, type[Logit] | type[Truncated]] = {"logit": Logit, "truncated": Truncated}
    if name in free:
        if bounds is not None:
            raise ValueError(f"the {name} method takes no bounds; use logit or truncated")
        return free[name]
    if name not in bounded:
        raise ValueError(f"unknown method {name!r}: linear, raking, logit or truncated")
    if bounds is None:
        raise ValueError(f"the {name} method needs bounds, such as 0.3 and 3")
    return bounded[name](*bounds)
