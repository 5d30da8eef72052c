"""Reads of the sample: the files that came in, those that wait, the replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from cati.models import Case, Job, Replicate, SampleImport, SampleUpload, Wave

KIND = "sample"


@dataclass(frozen=True)
class Imported:
    """One file that became cases; `job` is the one that did it, with the refused rows if any."""

    record: SampleImport
    job: Job | None


def imports_of(wave: Wave, words: str) -> QuerySet[SampleImport]:
    """The wave's imports, the latest first, whose file or author holds every word."""
    found = SampleImport.objects.filter(wave=wave).select_related("by")
    for word in words.replace("\0", "").split():
        person = Q(by__first_name__icontains=word) | Q(by__last_name__icontains=word)
        found = found.filter(person | Q(filename__icontains=word))
    return found.order_by("-pk")


def with_jobs(wave: Wave, records: Sequence[SampleImport]) -> list[Imported]:
    """Each import with the job that did it; a command's has none."""
    wanted = [record.pk for record in records]
    jobs = Job.objects.filter(wave=wave, kind=KIND, result__import__in=wanted)
    by_import = {job.result["import"]: job for job in jobs}
    return [Imported(record, by_import.get(record.pk)) for record in records]


def waiting_uploads(wave: Wave) -> QuerySet[SampleUpload]:
    """Files that were laid down and not yet imported or given up."""
    return SampleUpload.objects.filter(wave=wave).exclude(stored="").select_related("by")


@dataclass(frozen=True)
class ReplicateFigures:
    """One part of the sample: cases in all, still open, never called. `row` is None for the first
    of a sample without replicates, which needs no release."""

    number: int
    row: Replicate | None
    cases: int
    open: int
    fresh: int

    @property
    def released(self) -> bool:
        return self.row is None or self.row.released_at is not None


def replicates_of(wave: Wave) -> list[ReplicateFigures]:
    """The replicates in their order, with what is left in each."""
    rows = {row.number: row for row in wave.replicates.select_related("released_by")}
    counted = (
        Case.objects.filter(wave=wave)
        .values("replicate")
        .annotate(
            cases=Count("pk"),
            open=Count("pk", filter=Q(state=Case.State.OPEN)),
            fresh=Count("pk", filter=Q(state=Case.State.OPEN, attempts=0)),
        )
        .order_by("replicate")
    )
    return [
        ReplicateFigures(
            one["replicate"], rows.get(one["replicate"]), one["cases"], one["open"], one["fresh"]
        )
        for one in counted
    ]
