"""A sample file from its laying-down to the wave: read, mapped, tried, imported by a job, removed.

The file holds names and numbers: it lies apart from the jobs' files, under a name of its own, and
is gone once it is imported, given up, or a week old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils.formats import number_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from cati.core.sample_columns import chosen
from cati.core.sample_faults import BadFile, Fault, Kind
from cati.core.sample_file import MAX_BYTES, MEGABYTE, examine, read_lines
from cati.models import Job, SampleUpload, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from cati.operations.import_sample import write_sample
from cati.operations.sample_faults import Refusal, in_words
from cati.operations.sample_reading import Reading, declared_preloads, read_sample

KIND = "sample"
KEPT = timedelta(days=7)


def folder() -> Path:
    path: Path = settings.DATA_DIR / "uploads"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def lay_down(
    wave: Wave, pieces: Iterable[bytes], filename: str, by: User | None, now: datetime
) -> SampleUpload:
    """Keep the file, which comes in pieces, and guess its columns.

    Raises Refused where it cannot be read at all; nothing is kept then.
    """
    stored = uuid4().hex
    path = folder() / stored
    try:
        _copy(pieces, path)
        with path.open("rb") as laid:
            layout = examine(laid, list(declared_preloads(wave)))
    except BadFile as bad:
        path.unlink(missing_ok=True)
        raise Refused({"": _in_words(bad)}) from bad
    return SampleUpload.objects.create(
        wave=wave,
        filename=filename[:200],
        stored=stored,
        rows=layout.rows,
        header=layout.header,
        columns=layout.fields,
        at=now,
        by=by,
    )


def choose(upload: SampleUpload, fields: Sequence[str], earlier: str) -> None:
    """Say what each column is, and what becomes of numbers of other waves. Raises Refused."""
    if earlier not in SampleUpload.Earlier.values:
        raise Refused({"": _("Choisissez ce que deviennent les numéros des vagues passées.")})
    try:
        upload.columns = chosen(upload.header, fields, declared_preloads(upload.wave))
    except BadFile as bad:
        raise Refused({"": _in_words(bad)}) from bad
    upload.earlier = earlier
    upload.save(update_fields=["columns", "earlier"])


def ask(upload: SampleUpload, *, write: bool, skip_bad: bool, by: User, now: datetime) -> Job:
    """The job that tries the file, or imports it; Refused where the file is gone or at work."""
    with transaction.atomic():
        upload = SampleUpload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        if not upload.stored:
            raise Refused({"": _("Ce fichier n’est plus gardé. Déposez-le de nouveau.")})
        if jobs_of(upload).filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
            raise Refused({"": _("Ce fichier est déjà en cours de lecture.")})
        params = {"upload": upload.pk, "file": upload.filename}
        params |= {"write": write, "skip_bad": skip_bad}
        return jobs.enqueue(upload.wave, KIND, params, by, now)


def jobs_of(upload: SampleUpload) -> Any:
    """The jobs that have worked on the file, the latest first."""
    return Job.objects.filter(wave=upload.wave_id, kind=KIND, params__upload=upload.pk)


def first_lines(upload: SampleUpload, count: int) -> list[tuple[str, ...]]:
    """The first rows as they are written, each as wide as the heading; none of a file gone."""
    path = folder() / (upload.stored or "-")
    if not path.is_file():
        return []
    with path.open("rb") as source:
        lines = read_lines(source, examine(source))
        rows = [line.cells for _number, line in zip(range(count), lines, strict=False)]
    width = len(upload.header)
    return [(*cells[:width], *[""] * (width - len(cells))) for cells in rows]


def give_up(upload: SampleUpload) -> None:
    """Remove the file; what it brought, if anything, stays."""
    path = folder() / (upload.stored or "-")
    upload.stored = ""
    upload.save(update_fields=["stored"])
    # A worker that still reads it goes on: the name is gone, not what it has open.
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def remove_old(now: datetime) -> None:
    """Remove the files that nobody has imported within a week, and what a crash left."""
    SampleUpload.objects.filter(at__lt=now - KEPT).exclude(stored="").update(stored="")
    kept = set(SampleUpload.objects.exclude(stored="").values_list("stored", flat=True))
    for path in folder().iterdir():
        old = path.stat().st_mtime < (now - KEPT).timestamp()
        if path.name not in kept and old:
            path.unlink(missing_ok=True)


def title(job: Job) -> str:
    """« Import de « fichier.csv » »"""
    said = _("Import de « %(file)s »") if job.params["write"] else _("Essai de « %(file)s »")
    return said % {"file": job.params["file"]}


def run(job: Job, report: jobs.Report) -> jobs.Work:
    """Read the file and judge it; where the job says so, its good rows are written at the end.

    Reading takes most of the time and shows how far it is; the writing is one transaction.
    """
    upload = SampleUpload.objects.select_related("wave").get(pk=job.params["upload"])
    part = jobs.part(job)
    try:
        reading = _read(upload, part, report)
    except BaseException as stopped:
        part.unlink(missing_ok=True)
        if isinstance(stopped, BadFile):
            raise jobs.Refusal(_in_words(stopped)) from stopped
        raise
    name = f"lignes-refusees-{slugify(Path(upload.filename).stem)[:60]}.csv"
    if not reading.refused:
        part.unlink()
    write = _writer(job, upload, reading, jobs.folder() / f"{job.pk}-{name}")
    return jobs.Work(write, part if reading.refused else None, name)


def _read(upload: SampleUpload, part: Path, report: jobs.Report) -> Reading:
    path = folder() / (upload.stored or "-")
    if not path.is_file():
        raise jobs.Refusal(_("Ce fichier n’est plus gardé. Déposez-le de nouveau."))

    def progress(done: int, rows: int) -> None:
        step = _("%(done)s lignes lues sur %(rows)s")
        report(0.9 * done / max(rows, done), step % {"done": _n(done), "rows": _n(rows)})

    # The mark lets spreadsheets read the accents.
    with path.open("rb") as source, part.open("w", encoding="utf-8-sig", newline="") as refused:
        return read_sample(
            upload.wave,
            source,
            fields=upload.columns,
            earlier=upload.earlier,
            refused_to=refused,
            progress=progress,
        )


def _writer(
    job: Job, upload: SampleUpload, reading: Reading, refused: Path
) -> Callable[[], dict[str, Any]]:
    """What ends the job, in its last transaction: the rows where it writes, and what it tells."""

    def write() -> dict[str, Any]:
        with reading:
            told = _told(reading)
            wanted = job.params["write"] and reading.accepted
            if not wanted or (reading.refused and not job.params["skip_bad"]):
                return told
            try:
                record = write_sample(upload.wave, reading, upload.filename, job.by, job.at)
            except BadFile as bad:
                # It was published before the rows: nobody lists it, and it holds numbers.
                refused.unlink(missing_ok=True)
                raise jobs.Refusal(_in_words(bad)) from bad
            give_up(upload)
            return told | {"import": record.pk}

    return write


def _told(reading: Reading) -> dict[str, Any]:
    return {
        "accepted": reading.accepted,
        "refused": reading.refused,
        "refusals": [vars(refusal) for refusal in reading.refusals],
        "replicates": {str(number): n for number, n in sorted(reading.replicates.items())},
    }


def _copy(pieces: Iterable[bytes], path: Path) -> None:
    """Copy within the limit of bytes, for this system's user alone. Raises BadFile."""
    left = MAX_BYTES
    with path.open("xb") as laid:
        path.chmod(0o600)
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                sizes = {"size": MAX_BYTES // MEGABYTE + 1, "most": MAX_BYTES // MEGABYTE}
                raise BadFile(Fault(Kind.TOO_BIG, details=sizes))
            laid.write(piece)


def _in_words(bad: BadFile) -> str:
    told = [in_words(fault) for fault in bad.faults]
    return " ".join(f"{_place(refusal)}{refusal.reason} {refusal.mend}".strip() for refusal in told)


def _place(refusal: Refusal) -> str:
    """« telephone : », « ligne 12 : », or nothing where it is the whole file."""
    if refusal.column:
        return _("%(column)s : ") % {"column": refusal.column}
    return _("ligne %(line)s : ") % {"line": refusal.line} if refusal.line else ""


def _n(count: int) -> str:
    return number_format(count, use_l10n=True, force_grouping=True)
