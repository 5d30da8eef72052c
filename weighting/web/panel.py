"""« Nouvel export », beside the list of jobs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import resolve_url

from cati.models import Job, Place, Wave
from cati.web.extend import Panel
from weighting import queries
from weighting.exports.formats import FORMATS


def context(wave: Wave) -> dict[str, Any]:
    """What an export may be made of: formats, runs, and the interviews that it would hold."""
    complete = queries.complete(wave)
    return {
        "formats": FORMATS.items(),
        "runs": list(queries.runs_of(wave)),
        "complete": complete.count(),
        "outside": complete.exclude(place=Place.State.CONFIRMED).count(),
    }


def run_of(job: Job) -> str:
    """The page of the run that a finished calibration has made; '' where it made none."""
    run = job.result.get("run")
    return resolve_url("weighting-run", wave=job.wave.slug, run=run) if run else ""


PANEL = Panel("weighting/export_panel.html", context)
