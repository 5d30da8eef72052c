"""Jobs that cannot be lost: the row is the truth, Celery is only told a number.

A job runs under a session's advisory lock of PostgreSQL: a worker that is killed loses its
connection and with it the lock, so the sweep sees at once that nobody works on it and tells
Celery again. A kind computes outside any transaction, then writes everything in one with the
row's `done`: however often it runs, it ends once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cati.models import Download, Job, User, Wave

# Namespace of the advisory locks, so that a job's number never meets another use of them.
LOCK = 0x4A4F42
MOST_ATTEMPTS = 5
KEPT = timedelta(days=30)
TELL_AGAIN = timedelta(seconds=10)
Clock = Callable[[], datetime]


class Refusal(Exception):
    """A kind's clear refusal (a margin that cannot be met, …): shown, and not tried again."""


class Cancelled(Exception):
    """Somebody asked the running job to stop."""


class Report(Protocol):
    def __call__(self, share: float, step: str) -> None:
        """Record progress in [0, 1]; raises Cancelled when somebody asked to stop."""


@dataclass(frozen=True)
class Work:
    """What a kind hands back: rows to write with the job's end, and the file it made, if any."""

    write: Callable[[], dict[str, Any]] = field(default=dict)
    file: Path | None = None
    name: str = ""


@dataclass(frozen=True)
class Kind:
    """One sort of job: its code, what people call it, and the function that does it.

    `describe` names one job of the kind, from its parameters; the label stands where it is absent.
    """

    code: str
    label: str | Promise
    run: Callable[[Job, Report], Work]
    describe: Callable[[Job], str] | None = None

    def title(self, job: Job) -> str:
        return self.describe(job) if self.describe else str(self.label)


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    KINDS[kind.code] = kind


def folder() -> Path:
    path: Path = settings.DATA_DIR / "jobs"
    path.mkdir(parents=True, exist_ok=True)
    return path


def enqueue(wave: Wave, kind: str, params: dict[str, Any], by: User | None, now: datetime) -> Job:
    """Write the outbox row, in the caller's transaction; the edge tells Celery after the commit."""
    if kind not in KINDS:
        raise KeyError(f"unknown kind of job {kind!r}; registered: {sorted(KINDS)}")
    return Job.objects.create(wave=wave, kind=kind, params=params, by=by, at=now)


def untold(now: datetime) -> list[int]:
    """Unfinished jobs that nobody works on: lost by Redis, or their worker was killed."""
    waiting = Job.objects.filter(
        Q(told_at__isnull=True) | Q(told_at__lt=now - TELL_AGAIN),
        state__in=[Job.State.QUEUED, Job.State.RUNNING],
    )
    numbers = list(waiting.order_by("pk").values_list("pk", flat=True)[:100])
    Job.objects.filter(pk__in=numbers).update(told_at=now)
    return numbers


def run(job_id: int, clock: Clock) -> bool:
    """Do the job unless somebody is doing it or it has ended; True when this call did it."""
    with _alone(job_id) as mine:
        if not mine or not _start(job_id, clock()):
            return False
        job = Job.objects.select_related("wave", "by").get(pk=job_id)
        try:
            work = KINDS[job.kind].run(job, _reporter(job_id))
            _finish(job, work, clock())
        except Cancelled:
            _end(job_id, Job.State.CANCELLED, clock())
        except Refusal as refusal:
            _end(job_id, Job.State.FAILED, clock(), error=str(refusal))
        except Exception:
            _end(job_id, Job.State.FAILED, clock(), error=traceback.format_exc(limit=-3))
    return True


def cancel(job: Job, now: datetime) -> None:
    """Stop a job: at once when it waits, at its next report when it runs."""
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if not waiting.update(state=Job.State.CANCELLED, ended_at=now):
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_asked=True)


def retry(job: Job) -> bool:
    """Put a failed or cancelled job back in the queue; False when it is neither."""
    ended = Job.objects.filter(pk=job.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED])
    return bool(
        ended.update(
            state=Job.State.QUEUED,
            progress=0,
            step="",
            error="",
            attempts=0,
            cancel_asked=False,
            told_at=None,
            ended_at=None,
        )
    )


def downloaded(job: Job, by: User, now: datetime) -> Path:
    """The published file, with the download logged; FileNotFoundError once it has expired."""
    path = folder() / job.file
    if job.state != Job.State.DONE or not job.file or not path.is_file():
        raise FileNotFoundError(_("Ce fichier n’est plus gardé. Relancez l’export."))
    Download.objects.create(job=job, by=by, at=now)
    return path


def remove_expired(now: datetime) -> int:
    """Delete the files whose time is over, and the leftovers of killed runs."""
    expired = list(Job.objects.filter(expires_at__lt=now).exclude(file=""))
    for job in expired:
        (folder() / job.file).unlink(missing_ok=True)
        Job.objects.filter(pk=job.pk).update(file="", size=0)
    day_ago = now.timestamp() - 86400
    for part in folder().glob("*.part"):
        if part.stat().st_mtime < day_ago:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
    return len(expired)


def part(job: Job) -> Path:
    """A file of this run's own to write into; a killed run leaves it and nobody lists it."""
    return folder() / f"{job.pk}-{uuid4().hex}.part"


@contextmanager
def _alone(job_id: int) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, job_id])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, job_id])


def _start(job_id: int, now: datetime) -> bool:
    unfinished = Job.objects.filter(pk=job_id, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    if unfinished.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=Job.State.FAILED,
        ended_at=now,
        error=_("Arrêté cinq fois en cours de route. Voyez le journal du serveur."),
    ):
        return False
    return bool(
        unfinished.update(
            state=Job.State.RUNNING, started_at=now, attempts=F("attempts") + 1, progress=0
        )
    )


def _reporter(job_id: int) -> Report:
    def report(share: float, step: str) -> None:
        running = Job.objects.filter(pk=job_id, cancel_asked=False)
        if not running.update(progress=min(max(share, 0.0), 1.0), step=step[:200]):
            raise Cancelled

    return report


def _finish(job: Job, work: Work, now: datetime) -> None:
    """Publish the file, then write the rows and the job's end in one transaction.

    A job that was cancelled after its last report leaves neither: what it has read may have been
    erased meanwhile. Raises Cancelled.
    """
    published, size, digest = _publish(job, work)
    try:
        with transaction.atomic():
            result = work.write()
            ended = Job.objects.filter(pk=job.pk, cancel_asked=False).update(
                state=Job.State.DONE,
                progress=1,
                step="",
                error="",
                result=result,
                file=published,
                size=size,
                digest=digest,
                ended_at=now,
                expires_at=now + KEPT if published else None,
            )
            if not ended:
                raise Cancelled
    except Cancelled:
        if published:
            (folder() / published).unlink(missing_ok=True)
        raise


def _publish(job: Job, work: Work) -> tuple[str, int, str]:
    if work.file is None:
        return "", 0, ""
    with work.file.open("rb") as made:
        os.fsync(made.fileno())
        digest = hashlib.file_digest(made, "sha256").hexdigest()
    size = work.file.stat().st_size
    name = f"{job.pk}-{work.name}"
    work.file.replace(folder() / name)
    return name, size, digest


def _end(job_id: int, state: Job.State, now: datetime, error: str = "") -> None:
    Job.objects.filter(pk=job_id).update(state=state, ended_at=now, error=error)
