"""Decides what the demo margins are in persons: shares of the adults of each sector.
Never invents a figure: it reads margins_demo.csv, sectors_demo.csv and collapses_demo.csv.
Their `status` column says which figures are plausible inventions.
"""

from decimal import Decimal
from pathlib import Path

import polars as pl

from weighting.core.margins import Collapse, Margin

DEMO = Path(__file__).parent.parent / "demo"


def demo_adults() -> dict[str, int]:
    """{sector: persons of 18 and over}."""
    table = pl.read_csv(DEMO / "sectors_demo.csv")
    return dict(zip(table["sector"], table["pop_18plus_demo"], strict=True))


def demo_margins() -> dict[str, list[Margin]]:
    """{sector: five criteria}, totals in persons by category code, summing to its adults."""
    adults = demo_adults()
    table = pl.read_csv(DEMO / "margins_demo.csv", infer_schema_length=0)
    margins: dict[str, list[Margin]] = {}
    for (sector, criterion), rows in table.group_by(["sector", "criterion"], maintain_order=True):
        totals = {
            row["category_code"]: float(Decimal(row["pct"]) * adults[str(sector)] / 100)
            for row in rows.iter_rows(named=True)
        }
        unit, universe, source = rows.row(0)[-3:]
        margins.setdefault(str(sector), []).append(
            Margin(str(criterion), totals, unit, universe, source)
        )
    return margins


def demo_collapses() -> tuple[Collapse, ...]:
    """The collapses declared before fieldwork: a category into its neighbour."""
    table = pl.read_csv(DEMO / "collapses_demo.csv", infer_schema_length=0)
    return tuple(
        Collapse(
            row["criterion"],
            (row["into_code"], row["category_code"]),
            row["sector"],
            row["reason"],
        )
        for row in table.iter_rows(named=True)
    )
