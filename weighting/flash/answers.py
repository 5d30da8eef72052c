"""The weighted answers of a run as tables take them: one row per interview that has a weight.

Decides which weights a table uses: those of the adults, or of the inhabitants, and for a module
that half the sample was asked, weights of its own at the level of groups.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
from django.db.models import Count, Max
from numpy.typing import NDArray

from cati.models import Sector
from questionnaire.core.instrument import Item
from questionnaire.core.program import Program
from weighting import queries
from weighting.core.constraints import constraints_of
from weighting.core.criteria import Rules
from weighting.core.design import Sample
from weighting.core.margins import Collapse, Margin
from weighting.core.modules import by_group, collapses_of_sets
from weighting.core.units import Units
from weighting.exports.columns import Heading, module_weight
from weighting.exports.dataset import NUMBER, Dataset, dataset_of
from weighting.models import WeightingRun

ADULTS, INHABITANTS = "weight", "weight_diffusion"
# Processes keep the answers of the runs that were looked at last: reading them takes a second.
KEPT = 4
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answers:
    """The interviews of a run that have a weight, by number; `weights` is the column they use."""

    run: WeightingRun
    program: Program
    weights: str
    columns: Mapping[str, Heading]
    frame: pl.DataFrame
    units: Units
    _modules: dict[str, tuple[NDArray[np.intp], Sample]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def items(self) -> Mapping[str, Item]:
        return {item.code: item for item in self.program.instrument.items}

    def column(self, name: str) -> pl.Series:
        """A column of the dataset, by its name in the questionnaire."""
        return self.frame[self.columns[name].name]

    @cached_property
    def sectors(self) -> NDArray[np.str_]:
        codes = np.array([*self.units.strata.categories, ""])
        return np.asarray(codes[self.units.strata.codes])

    @cached_property
    def surveyed(self) -> Mapping[str, Sector]:
        return queries.surveyed(self.run.wave)

    @cached_property
    def sample(self) -> Sample:
        """The calibrated sample, rebuilt from the margins that the run froze."""
        tied = constraints_of(self.units, self._margins, self._rules, weights_given=True)
        return Sample.weighted(self.frame[self.weights].to_numpy(), tied.sectors)

    def of_module(self, name: str, asked: Flags) -> tuple[NDArray[np.intp], Sample]:
        """The rows of those who were asked the module, and their sample: the run's own weights of
        the module, by the sets of sectors that it calibrated. A set that it refused has none.
        """
        if name not in self._modules:
            sample = self._to_inhabitants(self._of_module(name, asked), self.sectors[asked])
            self._modules[name] = np.flatnonzero(asked), sample
        return self._modules[name]

    def _of_module(self, name: str, asked: Flags) -> Sample:
        groups = {
            sector: "+".join(its["sectors"])
            for told in self.run.report.get("modules", ()) if told["name"] == name
            for its in told["sets"] for sector in its["sectors"]
        }  # fmt: skip
        if not groups:
            return Sample(np.zeros(int(asked.sum())), ())
        rules = Rules(collapses=collapses_of_sets(self._rules.collapses, groups))
        units, margins = by_group(self.units, self._margins, asked, groups, rules)
        weights = self.frame[module_weight(name)].fill_null(0.0).to_numpy()[asked]
        tied = constraints_of(units, margins, rules, weights_given=True)
        return Sample.weighted(weights, [one for one in tied.sectors if weights[one.rows].all()])

    def _to_inhabitants(self, sample: Sample, sectors: NDArray[np.str_]) -> Sample:
        if self.weights == ADULTS:
            return sample
        factors = {
            code: (one.population or 0) / (one.adults or 1) for code, one in self.surveyed.items()
        }
        weights = sample.weights * np.array([factors[code] for code in sectors])
        own = (replace(sector, weights=weights[sector.rows]) for sector in sample.sectors)
        return Sample(weights, tuple(own))

    @cached_property
    def _margins(self) -> dict[str, list[Margin]]:
        return {
            sector: [
                Margin(its["criterion"], its["totals"], its["unit"], its["universe"], its["source"])
                for its in criteria
            ]
            for sector, criteria in self.run.margins.items()
        }

    @cached_property
    def _rules(self) -> Rules:
        collapses = tuple(
            Collapse(one["criterion"], tuple(one["categories"]), one["sector"], one["reason"])
            for one in self.run.parameters.get("collapses", [])
        )
        return Rules(collapses=collapses, rescale=True)


_kept: OrderedDict[tuple[Any, ...], Answers] = OrderedDict()
_lock = Lock()


def answers_of(run: WeightingRun, weights: str = INHABITANTS) -> Answers:
    """The weighted answers of a run, read again only where an interview has changed."""
    stamp = queries.counted(run.wave).aggregate(n=Count("pk"), last=Max("last_event_at"))
    key = (run.pk, run.digest, weights, stamp["n"], stamp["last"])
    with _lock:
        if (known := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            return known
    found = _read(run, weights)
    with _lock:
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def _read(run: WeightingRun, weights: str) -> Answers:
    dataset: Dataset = dataset_of(run)
    sample = queries.units_of(run.wave)
    place = {interview: row for row, interview in enumerate(sample.ids)}
    frame = dataset.frame.filter(
        pl.col(ADULTS).is_not_null() & pl.col(NUMBER).is_in(list(place))
    ).sort(NUMBER)
    kept = np.zeros(len(sample.ids), np.bool_)
    kept[[place[interview] for interview in frame[NUMBER]]] = True
    program = next(iter(dataset.programs.values()))
    columns = _by_name(dataset.columns)
    return Answers(run, program, weights, columns, frame, sample.units.subset(kept))


def _by_name(columns: Iterable[Heading]) -> Mapping[str, Heading]:
    return {column.full or column.name: column for column in columns}


def codes_in(values: pl.Series) -> Sequence[int]:
    """The codes that somebody has, in order."""
    return sorted(int(code) for code in values.drop_nulls().unique())
