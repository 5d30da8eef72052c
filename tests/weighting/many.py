"""A wave of a hundred thousand interviews, copied by the database from a few whole ones.

Each copy answers as its model; its number and its weight are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from cati.models import Case, CaseInterview, Job, Place, QuotaCell, Wave
from questionnaire.models import Interview
from tests.world import NOW
from weighting.models import WeightingRun

COPIES = """
    INSERT INTO questionnaire_interview (version_id, answers, seq, sector, outcome, next_item,
        started_at, last_event_at, ended_at)
    SELECT version_id, answers, 0, sector, outcome, '', started_at, last_event_at, ended_at
    FROM generate_series(0, %s) g JOIN (
        SELECT i.*, row_number() OVER (ORDER BY id) - 1 AS rank
        FROM questionnaire_interview i WHERE id = ANY(%s)
    ) model ON model.rank = g %% %s
    RETURNING id, sector
"""
WEIGHTS = """
    INSERT INTO weighting_weight (run_id, interview_id, sector, weight, g_weight, diffusion)
    SELECT %s, id, sector, 1 + id %% 97 / 31.0, 1, 1.25 FROM questionnaire_interview
"""


def multiplied(wave: Wave, models: Sequence[Interview], size: int) -> WeightingRun:
    """As many complete, counted and weighted interviews in all, and the run that weighs them."""
    with connection.cursor() as cursor:
        numbers = [model.pk for model in models]
        cursor.execute(COPIES, [size - len(models) - 1, numbers, len(models)])
        copies = cursor.fetchall()
    _placed(wave, copies)
    job = Job.objects.create(wave=wave, kind="weights", at=NOW, state=Job.State.DONE)
    run = WeightingRun.objects.create(
        wave=wave, job=job, number=1, method="raking", interviews=size, official=True, at=NOW
    )
    with connection.cursor() as cursor:
        cursor.execute(WEIGHTS, [run.pk])
        # As a database is some time after its last interview.
        cursor.execute("VACUUM ANALYZE")
    return run


def _placed(wave: Wave, copies: Sequence[tuple[int, str]]) -> None:
    """A case and a counted place for each."""
    cells = {cell.sector.code: cell for cell in QuotaCell.objects.filter(wave=wave)}
    cases = Case.objects.bulk_create(
        (
            Case(
                wave=wave, number=1_000_000 + number, frame_sector=cells[sector].sector,
                state=Case.State.CLOSED, due_at=NOW,
            )
            for number, sector in copies
        ),
        batch_size=5_000,
    )  # fmt: skip
    CaseInterview.objects.bulk_create(
        (
            CaseInterview(case=case, interview_id=number)
            for case, (number, _sector) in zip(cases, copies, strict=True)
        ),
        batch_size=5_000,
    )
    Place.objects.bulk_create(
        (
            Place(interview_id=number, cell=cells[sector], state="confirmed", since=NOW)
            for number, sector in copies
        ),
        batch_size=5_000,
    )
