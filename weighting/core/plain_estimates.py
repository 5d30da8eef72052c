"""Decides what a file of weights means beside its respondents, and how estimates are written.
Never calibrates and never estimates; weights that do not fit their respondents are refused.
Formats: docs/estimation.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from weighting.core.estimation import Estimates
from weighting.core.intervals import Interval
from weighting.core.replicates import ALL_SECTORS, Replicates
from weighting.core.sheet import Unreadable, read_sheet
from weighting.core.units import Floats, Units

# Weights that were rounded in a file still agree with those calibrated again to this share.
ROUNDED = 1e-4


def read_weights(path: Path, units: Units, id_column: str) -> Floats:
    """Weights (n,) of the respondents, NaN for those of the sectors that the file leaves out.

    Columns: id (or what the respondents' file calls it) and weight; others are not read. Raises
    Unreadable for a weight that nobody has, and for a sector of which only some have weights.
    """
    sheet = read_sheet(path, ["weight"])
    column = next((name for name in ("id", id_column) if name in sheet), None)
    if column is None:
        raise Unreadable(f"{path.name}: no column id, nor {id_column}")
    place = {name: row for row, name in enumerate(units.ids or [])}
    if len(place) < len(units):
        repeated = next(name for name in place if list(units.ids or []).count(name) > 1)
        raise Unreadable(f"respondents: {id_column} = {repeated!r} is given twice; keep one row")
    weights = np.full(len(units), np.nan)
    for row, (name, weight) in enumerate(
        zip(sheet.texts(column), sheet.numbers("weight").tolist(), strict=True)
    ):
        if name not in place:
            said = f"id {name!r} is not among the respondents; give the file that was calibrated"
            raise Unreadable(sheet.at(row, said))
        if not isfinite(weight):
            raise Unreadable(sheet.at(row, f"the weight of {name} is missing or not finite"))
        if isfinite(weights[place[name]]):
            raise Unreadable(sheet.at(row, f"id {name!r} is given twice; keep one row"))
        weights[place[name]] = weight
    _check_whole_sectors(path, units, weights)
    return weights


def _check_whole_sectors(path: Path, units: Units, weights: Floats) -> None:
    """A variance is that of a whole sector: part of one would look like a smaller sample."""
    without = np.isnan(weights)
    if without.all():
        raise Unreadable(f"{path.name}: no weights")
    for code, sector in enumerate(units.strata.categories):
        mine = units.strata.codes == code
        lacking = np.flatnonzero(mine & without)
        if 0 < len(lacking) < mine.sum():
            first = (units.ids or [])[lacking[0]]
            said = f"{sector}: {len(lacking)} of {mine.sum()} respondents have no weight"
            mend = "give all, and narrow the base with --where"
            raise Unreadable(f"{path.name}: {said}, first: {first}; {mend}")


def check_same(units: Units, given: Floats, again: Floats) -> None:
    """Replicates vary around the weights calibrated again, so these must be the given ones."""
    apart = np.abs(again - given) > ROUNDED * np.maximum(np.abs(given), np.abs(again))
    rows = np.flatnonzero(apart | np.isnan(again))
    if len(rows):
        first = int(rows[0])
        name = (units.ids or [])[first]
        raise Unreadable(
            f"{len(rows)} weights are not those of this calibration, first: {name} has "
            f"{given[first]:.6g}, calibrating again gives {again[first]:.6g}; say how they were "
            "made with --calibration, --bounds, --missing, --rule, --rescale and --collapse"
        )


@dataclass(frozen=True, eq=False)
class Group:
    """A domain of the table: its name, and who belongs to it (n,)."""

    name: str
    members: NDArray[np.bool_]


def groups_of(units: Units, by: str | None, unions: Mapping[str, Sequence[str]]) -> list[Group]:
    """The sectors, the unions of sectors that were asked for, and "all". Raises Unreadable."""
    strata = units.strata
    groups = []
    if by:
        there = np.unique(strata.codes[strata.codes >= 0]).tolist()
        groups = [Group(strata.categories[code], strata.codes == code) for code in there]
    sectors = {group.name: group for group in groups}
    for name, members in unions.items():
        absent = [member for member in members if member not in sectors]
        if absent:
            known = ", ".join(sectors) or "none without --by"
            raise Unreadable(f"--group {name}: no sector {absent[0]}; sectors: {known}")
        together = np.any([sectors[member].members for member in members], axis=0)
        groups.append(Group(name, together))
    groups.append(Group("all", np.ones(len(units), np.bool_)))
    names = [group.name for group in groups]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise Unreadable(f"two domains are called {repeated[0]!r}; rename the sector or the group")
    return groups


def write_estimates(
    path: Path,
    domains: Sequence[str],
    categories: Sequence[str],
    estimates: Estimates,
    interval: Interval,
) -> None:
    """One row for each domain and category; a figure that does not exist is an empty cell."""
    table = {
        "domain": [domain for domain in domains for _ in categories],
        "category": [category or None for category in categories] * len(domains),
        "n": estimates.n,
        "n_eff": estimates.n_eff,
        "estimate": estimates.values,
        "se": estimates.se,
        "low": interval.low,
        "high": interval.high,
    }
    frame = pl.DataFrame(table, schema_overrides={"domain": pl.String, "category": pl.String})
    frame.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(path)


def write_replicates(path: Path, scales: Path, units: Units, replicates: Replicates) -> None:
    """Weights by respondent (id, weight, rep_1, …), and what each replicate counts for.

    scales has replicate, stratum (empty where a replicate disturbs all) and scale: the variance of
    an estimate is the sum of scale × (replicate's estimate − estimate)².
    """
    names = [f"rep_{number}" for number in range(1, len(replicates.weights) + 1)]
    columns: dict[str, Any] = {"id": list(units.ids or []), "weight": replicates.sample.weights}
    columns |= dict(zip(names, replicates.weights, strict=True))
    pl.DataFrame(columns, schema_overrides={"id": pl.String}).write_csv(path)
    sectors = [sector.name for sector in replicates.sample.sectors]
    strata = [None if place == ALL_SECTORS else sectors[place] for place in replicates.strata]
    pl.DataFrame(
        {"replicate": names, "stratum": strata, "scale": replicates.scales},
        schema_overrides={"stratum": pl.String},
    ).write_csv(scales)
