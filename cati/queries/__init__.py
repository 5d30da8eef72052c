"""Reads of the fieldwork that more than one screen needs."""

from cati.queries.board import SECTOR_FAMILY, Board, BoardRow, board, sector_cell
from cati.queries.cards import CaseCard, case_card, held_case, question_card
from cati.queries.days import DayFigures, Figures, appointments_today, day_figures, local_midnight
from cati.queries.samples import (
    Imported,
    ReplicateFigures,
    imports_of,
    replicates_of,
    waiting_uploads,
    with_jobs,
)
from cati.queries.waves import (
    WaveFacts,
    current_memberships,
    latest_open_wave,
    versions_of,
    wave_facts,
)

__all__ = [
    "SECTOR_FAMILY",
    "Board",
    "BoardRow",
    "CaseCard",
    "DayFigures",
    "Figures",
    "Imported",
    "ReplicateFigures",
    "WaveFacts",
    "appointments_today",
    "board",
    "case_card",
    "current_memberships",
    "day_figures",
    "held_case",
    "imports_of",
    "latest_open_wave",
    "local_midnight",
    "question_card",
    "replicates_of",
    "sector_cell",
    "versions_of",
    "waiting_uploads",
    "wave_facts",
    "with_jobs",
]
