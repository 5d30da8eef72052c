"""Decides what would have been estimated from other samples: replicates, each calibrated again.
Never counts a replicate that did not converge, and always tells how many did not, by sector.
Theory: Wolter (2007), ch. 4 (jackknife); Rubin (1981), Annals of Statistics 9 (Bayesian bootstrap).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from weighting.core.constraints import constraints_of
from weighting.core.design import Factor, Sample, SectorDesign
from weighting.core.estimation import Estimates, estimate
from weighting.core.linearised import Linearised
from weighting.core.recalibration import Recalibration
from weighting.core.results import Calibration
from weighting.core.units import Floats, Ints

# A replicate has a weight for every respondent, so a jackknife grows with the square of n: this
# many take half a gigabyte while they are solved.
MOST_WEIGHTS = 16_000_000
ALL_SECTORS = -1

Statistic = Callable[[Sample], Linearised]


@dataclass(frozen=True, eq=False)
class Replicates:
    """R sets of calibrated weights (R, n), zero for a respondent left out.

    scales (R,): the variance of θ is Σ scales·(θᵣ − θ)²; strata (R,): the sector, by its place in
    `sample.sectors`, that a replicate disturbs, −1 for all; drawn, failed {sector: how many
    replicates were made and did not converge}: those are left out, and the scales allow for it.
    """

    method: Literal["jackknife", "bootstrap"]
    sample: Sample
    weights: Floats
    scales: Floats
    strata: Ints
    drawn: Mapping[str, int]
    failed: Mapping[str, int]

    def estimate(self, statistic: Statistic, factor: Factor = "residual") -> Estimates:
        """The statistic with the errors of the replicates, and the linearised degrees of freedom.

        Deviations are from the full estimate; a jackknife with factor "r" takes them from the
        mean of its sector's replicates, as R's JK1 does unless told otherwise.
        """
        full = estimate(self.sample, statistic(self.sample), factor)
        found = np.stack(
            [statistic(self.sample.reweighted(weights)).values for weights in self.weights]
        )
        deviations = found - full.values
        if self.method == "jackknife" and factor == "r":
            for stratum in np.unique(self.strata):
                mine = self.strata == stratum
                deviations[mine] -= deviations[mine].mean(axis=0)
        return replace(full, se=np.sqrt(self.scales @ deviations**2))


def jackknife(result: Calibration) -> Replicates:
    """One replicate for each respondent of the sectors that converged: everybody but them.

    The sector's others get d·n/(n − 1) and are calibrated again. Raises ValueError for a sample so
    large that its replicates do not fit in memory, and where none of a sector converges.
    """
    sample, solvers = _solvers(result)
    _check_room(sum(sector.n for sector in sample.sectors), sample)
    weights, scales, strata, failed = [], [], [], {}
    for place, (sector, solver) in enumerate(zip(sample.sectors, solvers, strict=True)):
        n = sector.n
        found, converged = solver.weights(sector.initial * (1.0 - np.eye(n)) * (n / max(n - 1, 1)))
        kept = int(converged.sum())
        if not kept:
            raise ValueError(f"{sector.name}: no replicate converged")
        block = np.tile(sample.weights, (kept, 1))
        block[:, sector.rows] = found[converged]
        weights.append(block)
        scales.append(np.full(kept, (n - 1) / kept))
        strata.append(np.full(kept, place))
        failed[sector.name] = n - kept
    return Replicates(
        "jackknife",
        sample,
        np.concatenate(weights),
        np.concatenate(scales),
        np.concatenate(strata),
        {sector.name: sector.n for sector in sample.sectors},
        failed,
    )


def bootstrap(result: Calibration, replicates: int = 500, seed: int = 0) -> Replicates:
    """Initial weights multiplied by exponential draws of mean 1 in each sector, calibrated again.

    Nobody's weight becomes 0, so what the full sample meets every replicate can meet. One that
    fails in any sector is left out. Raises ValueError as the jackknife does.
    """
    sample, solvers = _solvers(result)
    _check_room(replicates, sample)
    stretches = [_stretch(sector) for sector in sample.sectors]
    weights = np.tile(sample.weights, (replicates, 1))
    every, failed = np.ones(replicates, np.bool_), {}
    for place, (sector, solver) in enumerate(zip(sample.sectors, solvers, strict=True)):
        draws = np.random.default_rng([seed, place]).exponential(size=(replicates, sector.n))
        found, converged = solver.weights(sector.initial * draws / draws.mean(axis=1)[:, None])
        # At most 1, so that a mean of two sets of positive weights stays positive.
        share = stretches[place] / max(stretches)
        weights[:, sector.rows] += share * (found - sector.weights)
        every &= converged
        failed[sector.name] = int((~converged).sum())
    kept = int(every.sum())
    if not kept:
        raise ValueError("no replicate converged in every sector")
    return Replicates(
        "bootstrap",
        sample,
        weights[every],
        np.full(kept, max(stretches) ** 2 / kept),
        np.full(kept, ALL_SECTORS),
        {sector.name: replicates for sector in sample.sectors},
        failed,
    )


def _stretch(sector: SectorDesign) -> float:
    """What brings the deviations of a bootstrap to those of samples, for n respondents, rank p.

    Exponential draws around their mean vary by (n − 1)/(n + 1) instead of 1. Calibrated again, they
    lose a share p/n of the variance (skewness takes 4p/n, the second order gives 3p/n back), and
    residuals another: a factor n/(n − p) twice in the variance, once in a deviation.
    """
    n, free = sector.n, sector.freedom("residual")
    if free <= 0:
        raise ValueError(f"{sector.name}: as many constraints as respondents, nothing varies")
    return float(np.sqrt((n + 1) / (n - 1)) * n / free)


def _check_room(replicates: int, sample: Sample) -> None:
    n = len(sample.weights)
    if replicates * n > MOST_WEIGHTS:
        said = f"{replicates} replicates of {n} respondents do not fit in memory"
        raise ValueError(f"{said}: take a bootstrap of fewer, or the linearised variance")


def _solvers(result: Calibration) -> tuple[Sample, list[Recalibration]]:
    tied = constraints_of(result.units, result.margins, result.rules)
    kept = [constraints for constraints in tied.sectors if result[constraints.name].converged]
    return Sample.weighted(result.weights, kept), [
        Recalibration(constraints, result[constraints.name], result.method) for constraints in kept
    ]
