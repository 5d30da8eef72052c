"""How often intervals hold the truth: samples drawn from one population, each raked again.

The people of a sector have the demo margins of one sector's five criteria, correlated; whether they
answer depends on age and sex, what they say and whether they are asked on age and tenure. A sample
is raked on the population's own totals from d = 1, as after a fieldwork with quotas. A sample in
which a category is empty is refused by calibration and not counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import special, stats

from weighting.core.calibration import calibrate
from weighting.core.demo import demo_margins
from weighting.core.design import Factor, Sample
from weighting.core.estimation import Estimates, estimate
from weighting.core.intervals import OF_SHARES, Interval, logit
from weighting.core.linearised import domains_of, proportions
from weighting.core.margins import Margin
from weighting.core.replicates import Statistic, bootstrap, jackknife
from weighting.core.results import Calibration
from weighting.core.units import Column, Floats, Ints, Units

SIZES = (85, 100, 150)
QUESTIONS = ("p = 0.44", "p = 0.09", "filtered")
FACTORS: tuple[Factor, Factor] = ("residual", "r")
AT_ONCE = 40
PEOPLE = 400_000


@dataclass(frozen=True, eq=False)
class Population:
    """Criteria and answers (PEOPLE,), −1 where not asked; and who answers the telephone."""

    criteria: Mapping[str, Ints]
    questions: Mapping[str, Ints]
    propensity: Floats

    def truth(self, question: str) -> float:
        answers = self.questions[question]
        return float((answers == 1).sum() / (answers >= 0).sum())

    def margins(self) -> list[Margin]:
        return [
            Margin(name, {str(c): float(n) for c, n in enumerate(np.bincount(codes))})
            for name, codes in self.criteria.items()
        ]


def population(seed: int = 1) -> Population:
    random = np.random.default_rng(seed)
    common = random.normal(size=PEOPLE)
    criteria = {}
    for margin in demo_margins()["CN"]:
        shares = np.array(list(margin.totals.values()))
        if margin.variable == "statut_occupation":  # its last two are merged before fieldwork
            shares = np.append(shares[:-2], shares[-2:].sum())
        ends = stats.norm.ppf(np.cumsum(shares[:-1]) / shares.sum())
        latent = 0.5 * common + 0.75**0.5 * random.normal(size=PEOPLE)
        criteria[margin.variable] = np.searchsorted(ends, latent)
    age = criteria["age"] - criteria["age"].mean()
    tenure = criteria["statut_occupation"] - criteria["statut_occupation"].mean()

    def said(level: float, slope: float) -> Ints:
        odds = level + slope * age - 0.4 * tenure
        return (random.uniform(size=PEOPLE) < special.expit(odds)).astype(int)

    asked, among_them = said(-0.2, 0.5), said(0.3, 0.2)
    return Population(
        criteria,
        {
            "p = 0.44": said(-0.25, 0.4),
            "p = 0.09": said(-2.4, 0.3),
            "filtered": np.where(asked == 1, among_them, -1),
        },
        special.expit(-1.5 + 0.3 * age + 0.3 * criteria["sexe"]),
    )


@dataclass
class Tally:
    """Of one size, question and method: intervals that held the truth, and their half-widths."""

    held: int = 0
    samples: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, interval: Interval, shares: Estimates, truth: float) -> None:
        known = np.isfinite(interval.low)
        self.held += int(((interval.low <= truth) & (truth <= interval.high))[known].sum())
        self.samples += int(known.sum())
        self.widths += interval.margin(shares.values)[known].tolist()

    @property
    def coverage(self) -> float:
        return self.held / self.samples


Tallies = dict[tuple[int, str, str], Tally]


def covered(samples: int, sizes: Iterable[int] = SIZES, *, replicated: int = 0) -> Tallies:
    """Tallies of `samples` samples of each size, by (size, question, method): the intervals of
    `OF_SHARES`, and "r", the logit one with the conventions of R's survey.

    `replicated` others get logit intervals by the jackknife and by 200 bootstrap replicates: one
    at a time, since the cost of replicates grows with the square of what is calibrated together.
    """
    people = population()
    tallies: Tallies = defaultdict(Tally)
    for size in sizes:
        random = np.random.default_rng(size)
        for _ in range(0, samples, AT_ONCE):
            result, drawn = _calibrated(people, size, AT_ONCE, random)
            _tally(tallies, people, size, result, drawn)
        for _ in range(replicated):
            result, drawn = _calibrated(people, size, 1, random)
            if result.converged:
                _tally_replicates(tallies, people, size, result, drawn)
    return tallies


def _calibrated(
    people: Population, size: int, samples: int, random: np.random.Generator
) -> tuple[Calibration, Ints]:
    """Samples as the sectors of one survey, each calibrated on its own; and who was drawn."""
    chance = np.cumsum(people.propensity)
    drawn = np.searchsorted(chance, random.uniform(0, chance[-1], samples * size))
    names = tuple(map(str, range(samples)))
    criteria = {
        name: Column(codes[drawn], tuple(map(str, range(codes.max() + 1))))
        for name, codes in people.criteria.items()
    }
    strata = Column(np.repeat(np.arange(samples), size), names)
    units = Units(strata, np.ones(len(drawn)), criteria)
    return calibrate(units, dict.fromkeys(names, people.margins())), drawn


def _shares(people: Population, question: str, result: Calibration, drawn: Ints) -> Statistic:
    """The share of the answer in each sample that was not refused."""
    sectors = [[place] for place, part in enumerate(result.strata) if part.converged]
    domains = domains_of(result.units.strata.codes, sectors)
    answers, seconds = people.questions[question][drawn], np.kron(np.eye(len(sectors)), [0, 1])
    return lambda sample: proportions(sample, answers, 2, domains).contrast(seconds)


def _tally(
    tallies: Tallies, people: Population, size: int, result: Calibration, drawn: Ints
) -> None:
    sample = Sample.of(result)
    for question in QUESTIONS:
        linearised, truth = _shares(people, question, result, drawn)(sample), people.truth(question)
        shares, by_r = (estimate(sample, linearised, factor) for factor in FACTORS)
        for name, interval in OF_SHARES.items():
            tallies[size, question, name].add(interval(shares, 0.95), shares, truth)
        tallies[size, question, "r"].add(logit(by_r, 0.95), by_r, truth)


def _tally_replicates(
    tallies: Tallies, people: Population, size: int, result: Calibration, drawn: Ints
) -> None:
    for way in (jackknife(result), bootstrap(result, 200)):
        for question in QUESTIONS:
            shares = way.estimate(_shares(people, question, result, drawn))
            found = logit(shares, 0.95)
            tallies[size, question, way.method].add(found, shares, people.truth(question))
