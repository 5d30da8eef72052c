"""The calls of a wave as a file, one row each: a job, whose file appears when it is whole."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from cati.core.spreadsheets import harmless
from cati.models import Job, User, Wave
from cati.operations import jobs
from cati.queries.attempts import COLUMNS, Cell, attempt_rows, attempts_of

KIND = "attempts"
EVERY = 500


def ask_for_attempts(wave: Wave, by: User | None, now: datetime) -> Job:
    """Enqueue a file of all the calls up to the moment at which it is made."""
    return jobs.enqueue(wave, KIND, {}, by, now)


def build(job: Job, report: jobs.Report) -> jobs.Work:
    """The job: write every call beside the final name of the file."""
    size = attempts_of(job.wave).count()
    draft = jobs.part(job)
    try:
        rows = write(draft, attempt_rows(job.wave), size, report)
    except Exception:
        draft.unlink(missing_ok=True)
        raise
    return jobs.Work(
        lambda: {"rows": rows, "columns": len(COLUMNS)},
        draft,
        f"allo-quartiers-{job.wave.slug}-appels.csv",
    )


def write(path: Path, rows: Iterable[list[Cell]], size: int, report: jobs.Report) -> int:
    """The rows under their heading; how many there are. `size` is what is expected, roughly.

    UTF-8 with its mark, by which a spreadsheet knows it; lines end with \\n everywhere.
    """
    done = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for done, row in enumerate(rows, start=1):
            writer.writerow([harmless(c) if isinstance(c, str) else c for c in row])
            if done % EVERY == 0:
                said = _("%(n)s appels") % {"n": number_format(done, force_grouping=True)}
                # More calls may end while the file is written.
                report(min(done / size, 1) * 0.98, said)
    return done
