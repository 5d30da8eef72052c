"""The dataset as Parquet, its dictionary within: for R (arrow), Python and what reads columns."""

from __future__ import annotations

import json
from pathlib import Path

from weighting.exports.dataset import Dataset, Table
from weighting.exports.files import Target

# The key under which a file's own metadata hold the dictionary, as JSON.
DICTIONARY = "allo_quartiers"


def parquet(dataset: Dataset, to: Target) -> list[Path]:
    """A .parquet for each table: codes as whole numbers of one byte, null where not asked."""
    written = []
    for table in dataset.tables:
        path = to.path(".parquet", table.name)
        table.frame.write_parquet(path, metadata={DICTIONARY: _dictionary(dataset, table)})
        to.progress(len(table.frame), len(table.frame))
        written.append(path)
    return written


def _dictionary(dataset: Dataset, table: Table) -> str:
    """{"wave", "run", "variables": [{"name", "full_name", "label", "type", "codes", "missing"}]}"""
    variables = [
        {
            "name": column.name,
            "full_name": column.full,
            "label": column.label,
            "type": column.kind,
            "codes": {str(code): label for code, label in column.labels.items()},
            "missing": column.missing,
        }
        for column in table.columns
    ]
    told = {"wave": dataset.run.wave.slug, "run": dataset.run.number, "variables": variables}
    return json.dumps(told, ensure_ascii=False)
