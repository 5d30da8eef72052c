"""Decides the invented population of each demo sector: demo margins, answers as published in 2017.
Never invents a share: margins come from margins_demo.csv, answers from the two published tables.
Secteur témoin 2 was not published: it takes the shares of secteur témoin 1.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from cati.core.encounters import Sampling
from cati.core.population import CRITERIA, Population, Profile, population
from weighting.core.demo import DEMO, demo_collapses, demo_margins

TABLES = {
    "NUM02": "internet_domicile_2017_wide.csv",
    "NUM03": "aise_outils_services_publics_2017_wide.csv",
}
STANDS_IN = {"T2": "T1"}


def published_shares(item: str) -> dict[str, tuple[float, ...]]:
    """{sector: shares of NUM02 or NUM03 in the published order of answers}, each summing to 1.

    The printed percentages are rounded: some rows add up to 99 or 101.
    """
    table = pl.read_csv(DEMO / TABLES[item], infer_schema_length=0)
    answers = [name for name in table.columns if name not in ("sector", "sector_label", "row_sum")]
    shares = {row["sector"]: _shares([row[name] for name in answers]) for row in table.to_dicts()}
    return shares | {sector: shares[other] for sector, other in STANDS_IN.items()}


def demo_populations() -> dict[str, Population]:
    """{sector: its invented adults}."""
    answers = {item: published_shares(item) for item in TABLES}
    merged = _merged()
    return {
        sector: population(
            {margin.variable: list(margin.totals.values()) for margin in margins}
            | {item: shares[sector] for item, shares in answers.items()},
            merged.get(sector, {}),
        )
        for sector, margins in demo_margins().items()
    }


def demo_sampling(targets: Mapping[str, int], seed: str) -> Sampling:
    """Samples as large as each sector's target, a new one for every round."""
    populations = demo_populations()

    def sample(sector: str, turn: int) -> list[Profile]:
        return populations[sector].sample(targets.get(sector, 0) or 1, f"{seed}:{sector}:{turn}")

    return sample


def _shares(cells: Sequence[str]) -> tuple[float, ...]:
    figures = [float(cell.rstrip("*")) for cell in cells]
    return tuple(figure / sum(figures) for figure in figures)


def _merged() -> dict[str, dict[str, dict[int, int]]]:
    """The declared collapses, by indices of categories."""
    merged: dict[str, dict[str, dict[int, int]]] = {}
    for collapse in demo_collapses():
        assert collapse.variable in CRITERIA
        into, category = (int(code) - 1 for code in collapse.categories)
        of_sector = merged.setdefault(collapse.stratum or "", {})
        of_sector.setdefault(collapse.variable, {})[category] = into
    return merged
