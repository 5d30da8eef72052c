"""Reads of the fieldwork that more than one screen needs."""

from cati.queries.board import SECTOR_FAMILY, Board, BoardRow, board
from cati.queries.cards import (
    BESIDE,
    PLACES_BESIDE,
    Beside,
    CaseCard,
    beside,
    case_card,
    current_interview,
    held_case,
    kept_with_contact,
)
from cati.queries.cases import CaseFile, Moment, calls_of, case_file, found_cases, search_cases
from cati.queries.days import DayFigures, Figures, appointments_today, day_figures, local_midnight
from cati.queries.oppositions import Opposed, oppositions, with_cases
from cati.queries.people import callers_of, interviewers_of, people_of
from cati.queries.quarantine import kept_late, late_answer, quarantine_of, waiting_in
from cati.queries.quotas import (
    CellRow,
    SectorRows,
    alarms_of,
    quota_acts,
    quota_cells,
    quota_sectors,
)
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
    "BESIDE",
    "PLACES_BESIDE",
    "SECTOR_FAMILY",
    "Beside",
    "Board",
    "BoardRow",
    "CaseCard",
    "CaseFile",
    "CellRow",
    "DayFigures",
    "Figures",
    "Imported",
    "Moment",
    "Opposed",
    "ReplicateFigures",
    "SectorRows",
    "WaveFacts",
    "alarms_of",
    "appointments_today",
    "beside",
    "board",
    "callers_of",
    "calls_of",
    "case_card",
    "case_file",
    "current_interview",
    "current_memberships",
    "day_figures",
    "found_cases",
    "held_case",
    "imports_of",
    "interviewers_of",
    "kept_late",
    "kept_with_contact",
    "late_answer",
    "latest_open_wave",
    "local_midnight",
    "oppositions",
    "people_of",
    "quarantine_of",
    "quota_acts",
    "quota_cells",
    "quota_sectors",
    "replicates_of",
    "search_cases",
    "versions_of",
    "waiting_in",
    "waiting_uploads",
    "wave_facts",
    "with_cases",
    "with_jobs",
]
