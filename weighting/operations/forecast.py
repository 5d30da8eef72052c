"""What the weights would cost if one calibrated now, and which interviews would mend it most.

Nothing is written: the counted interviews are calibrated by raking, as a run would do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from cati.models import Sector, Wave
from weighting import queries
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.diagnostics import MarginRow, kish
from weighting.core.margins import Margins
from weighting.core.methods import Raking
from weighting.core.problems import Problem
from weighting.core.results import Calibration, StratumResult
from weighting.core.units import Floats, Units
from weighting.operations.refusals import Categories, category_label, said

MORE = 10


@dataclass(frozen=True)
class Cell:
    """One category of a criterion: shares of the sector in percent, in the sample and wanted."""

    criterion: str
    label: str
    n: int
    sample: float
    target: float

    @property
    def name(self) -> str:
        """« Âge : 18-24 ans »."""
        return _("%(criterion)s : %(label)s") % {"criterion": self.criterion, "label": self.label}

    @property
    def cost(self) -> float:
        """About what it adds to the sector's design effect: (target − sample)²/sample."""
        return (self.target - self.sample) ** 2 / (100 * self.sample)


@dataclass(frozen=True)
class Gain:
    """What MORE interviews of one category would add to the sector's effective n."""

    cell: Cell
    n_eff: float


@dataclass(frozen=True)
class SectorForecast:
    """One sector; `reasons` say why it cannot be calibrated yet, and then the figures are None.

    `usual` is what MORE interviews like the present ones would add; `gains` the best first.
    """

    code: str
    label: str
    n: int
    reasons: Sequence[str] = ()
    deff: float | None = None
    n_eff: float | None = None
    usual: float | None = None
    worst: Cell | None = None
    gains: Sequence[Gain] = ()


@dataclass(frozen=True)
class Forecast:
    """All surveyed sectors in their order; the totals are over those that can be calibrated."""

    sectors: Sequence[SectorForecast]
    n: int
    deff: float | None
    n_eff: float | None

    @property
    def ready(self) -> int:
        return sum(sector.deff is not None for sector in self.sectors)

    @property
    def worst(self) -> tuple[SectorForecast, Cell] | None:
        """The sector and cell that cost most."""
        found = [(sector, sector.worst) for sector in self.sectors if sector.worst]
        return max(found, key=lambda pair: pair[1].cost, default=None)

    @property
    def best(self) -> list[tuple[SectorForecast, Gain]]:
        """The best profile of each sector, the greatest gain first."""
        found = [(sector, sector.gains[0]) for sector in self.sectors if sector.gains]
        return sorted(found, key=lambda pair: -pair[1].n_eff)


def forecast_of(wave: Wave, *, with_gains: bool) -> Forecast:
    """The forecast of the interviews counted so far. Gains take one calibration per category."""
    sample, margins = queries.units_of(wave), queries.margins_of(wave)
    rules = Rules(collapses=queries.collapses_of(wave), rescale=True)
    sectors, labels = queries.surveyed(wave), queries.labels_of(wave)
    result = calibrate(sample.units, margins, Raking(), rules)
    by_code = {stratum.name: stratum for stratum in result.strata}
    told = [_sector(sector, by_code.get(code), labels) for code, sector in sectors.items()]
    if with_gains:
        told = [
            replace(one, gains=list(_gains(one, by_code[one.code], result, labels)))
            if one.deff
            else one
            for one in told
        ]
    done = result.weights[~np.isnan(result.weights)]
    if not len(done):
        return Forecast(told, len(sample.ids), None, None)
    design = kish(done)
    return Forecast(told, len(sample.ids), design.deff, design.n_eff)


def _sector(sector: Sector, stratum: StratumResult | None, labels: Categories) -> SectorForecast:
    names = {sector.code: ""}  # the line already has it
    if stratum is None:
        # Neither interviews nor margins: the calibration does not know of it.
        missing = Problem("no_margins", "no margins", sector.code)
        return SectorForecast(sector.code, sector.label, 0, said([missing], names, labels))
    if not stratum.converged:
        refusals = [problem for problem in stratum.problems if problem.severity == "refusal"]
        reasons = said(refusals, names, labels)
        return SectorForecast(sector.code, sector.label, stratum.n, reasons)
    cells = [_cell(row, stratum, labels) for row in stratum.margins]
    return SectorForecast(
        sector.code,
        sector.label,
        stratum.n,
        deff=stratum.deff,
        n_eff=stratum.n_eff,
        usual=MORE / stratum.deff,
        worst=max(cells, key=lambda cell: cell.cost, default=None),
    )


def _cell(row: MarginRow, stratum: StratumResult, labels: Categories) -> Cell:
    return Cell(
        str(queries.CRITERIA.get(row.variable, row.variable)),
        category_label(labels, row.variable, row.category),
        row.n,
        100 * row.before / stratum.population,
        100 * row.target / stratum.population,
    )


def _gains(
    told: SectorForecast, stratum: StratumResult, result: Calibration, labels: Categories
) -> Iterator[Gain]:
    """Each category with MORE interviews in it, spread as its present ones are; the best first."""
    strata = result.units.strata
    units = result.units.subset(strata.codes == strata.categories.index(told.code))
    margins = {told.code: result.margins[told.code]}
    found = []
    for row in stratum.margins:
        n_eff = _with_more(units, row, margins, result.rules)
        if n_eff is not None and told.n_eff is not None:
            found.append(Gain(_cell(row, stratum, labels), n_eff - told.n_eff))
    yield from sorted(found, key=lambda gain: -gain.n_eff)


def _with_more(units: Units, row: MarginRow, margins: Margins, rules: Rules) -> float | None:
    """The effective n with MORE interviews in that category; None where it cannot be had."""
    there = _in_category(units, row)
    counts = np.where(there, 1.0 + MORE / max(int(there.sum()), 1), 1.0)
    result = calibrate(replace(units, weights=counts), margins, Raking(), rules)
    return _effective(result.weights, counts) if result.converged else None


def _in_category(units: Units, row: MarginRow) -> NDArray[np.bool_]:
    """The respondents of a category; « 3+4 » is what a collapse merged."""
    column = units.variables[row.variable]
    wanted = [
        code for code, name in enumerate(column.categories) if name in row.category.split("+")
    ]
    return np.isin(column.codes, wanted)


def _effective(weights: Floats, counts: Floats) -> float:
    """(Σw)²/Σw² where each row stands for `counts` interviews that share its weight."""
    return float(weights.sum() ** 2 / (weights**2 / counts).sum())
