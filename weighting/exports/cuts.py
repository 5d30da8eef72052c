"""The list of what a format could not keep whole, beside its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from weighting.exports.columns import Cell
from weighting.exports.files import Target, lines_csv
from weighting.exports.names import Cut


def cuts_csv(cuts: Sequence[Cut], to: Target) -> list[Path]:
    """« …-coupures.csv », each shortened name or label with the full one; none where none was."""
    if not cuts:
        return []
    path = to.path("-coupures.csv")
    lines: list[list[Cell]] = [[cut.variable, cut.code, cut.kept, cut.full] for cut in cuts]
    lines_csv(path, [["variable", "code", "retenu", "complet"], *lines], to)
    return [path]
