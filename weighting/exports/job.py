"""An export as a job: of one run, in one format, to one file that appears when it is whole."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from cati.models import Job, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from weighting import queries
from weighting.exports.dataset import Dataset, Progress, dataset_of
from weighting.exports.files import Target
from weighting.exports.formats import FORMATS, Format
from weighting.exports.raw import GENTLY, PLAIN_GENTLY
from weighting.exports.records import Records
from weighting.models import WeightingRun

KIND = "export"
EVERY = 50
# Of the whole work, by what it took: the interviews are read, gently, then the file is written.
READING = 0.7
OPTIONS = ("raw", "paradata")


def ask_for_export(
    wave: Wave,
    run: str | int | None,
    form: str,
    by: User | None,
    now: datetime,
    *,
    raw: bool = False,
    paradata: bool = False,
) -> Job:
    """Enqueue an export of the run with that number. Refused, by field, for what does not exist.

    `raw` leaves texts that begin a formula as they are; `paradata` adds times and calls.
    """
    if form not in FORMATS:
        raise Refused({"format": _("Choisissez un format de la liste.")})
    params: dict[str, Any] = {"format": form}
    if FORMATS[form].of_run:
        chosen = run_of(wave, run)
        if chosen is None:
            message = _(
                "Choisissez un calage. S’il n’y en a pas, lancez-en un dans « Redressement »."
            )
            raise Refused({"run": message})
        params["run"] = chosen.number
    params |= {name: True for name, on in zip(OPTIONS, (raw, paradata), strict=True) if on}
    return jobs.enqueue(wave, KIND, params, by, now)


def run_of(wave: Wave, number: str | int | None) -> WeightingRun | None:
    """The run with that number; the official one where none is named."""
    if number in (None, ""):
        return queries.official(wave)
    if not str(number).isdecimal() or len(str(number)) > 9:
        return None
    return WeightingRun.objects.filter(wave=wave, number=int(number)).first()


def stem_of(wave: Wave, run: WeightingRun | None) -> str:
    """What the names of an export's files begin with: « allo-quartiers-2026-calage-3 »."""
    return f"allo-quartiers-{wave.slug}" + (f"-calage-{run.number}" if run else "")


def build(job: Job, report: jobs.Report) -> jobs.Work:
    """The job: write the files in a folder of its own, then hand back the file, or all in a zip.

    Refusal where the disk is full.
    """
    form = FORMATS[job.params["format"]]
    source = _source(job, form, _progress(report, 0.0, READING))
    with _own_folder(job) as folder:
        needed = source.size * form.bytes_a_row
        _leave_room(folder, needed)
        progress = _progress(report, READING, 0.98)
        to = Target(folder, stem_of(job.wave, source.run), job.params.get("raw", False), progress)
        try:
            paths = form.write(source, to)
            whole, name = _one_file(job, to, job.params["format"], paths)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                _leave_room(folder, needed, full=True)
            raise
    told = source.told()
    return jobs.Work(lambda: told, whole, name)


def title(job: Job) -> str:
    form = FORMATS.get(job.params.get("format", ""))
    words = {"format": form.label if form else "", "run": job.params.get("run", "")}
    if form is not None and not form.of_run:
        return str(form.label)
    return _("Données pondérées, calage n° %(run)s, %(format)s") % words


def _source(job: Job, form: Format, progress: Progress) -> Dataset | Records:
    if form.of_wave is not None:
        return form.of_wave(job.wave, PLAIN_GENTLY)
    run = run_of(job.wave, job.params["run"])
    if run is None:
        raise jobs.Refusal(_("Ce calage n’existe plus."))
    paradata = job.params.get("paradata", False)
    return dataset_of(run, paradata=paradata, progress=progress, rate=GENTLY)


@contextmanager
def _own_folder(job: Job) -> Iterator[Path]:
    """A folder to write into; a killed run leaves it, and the sweep of old parts takes it away."""
    folder = jobs.part(job)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _one_file(job: Job, to: Target, form: str, paths: Sequence[Path]) -> tuple[Path, str]:
    """The file that will be published, and its name: the only one, or a zip of all."""
    whole = jobs.part(job)
    if len(paths) == 1:
        return paths[0].replace(whole), paths[0].name
    zipped(paths, whole)
    return whole, f"{to.stem}-{form}.zip"


def zipped(paths: Sequence[Path], whole: Path) -> None:
    """All files in one, which is the same for the same files: it keeps no time."""
    with ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        for path in paths:
            inside = ZipInfo(path.name)
            inside.compress_type = ZIP_DEFLATED
            with path.open("rb") as file, archive.open(inside, "w", force_zip64=True) as copy:
                shutil.copyfileobj(file, copy, 1 << 20)


def _progress(report: jobs.Report, low: float, high: float) -> Progress:
    """Tells the job's share, between both, and how many rows it is at."""
    heard = 0

    def progress(rows: int, size: int) -> None:
        nonlocal heard
        if rows < heard + EVERY and rows != size:
            return
        heard = rows if rows != size else 0
        shown = [number_format(n, force_grouping=True) for n in (rows, size)]
        said = _("%(n)s sur %(size)s lignes") % dict(zip(("n", "size"), shown, strict=True))
        report(low + (high - low) * min(rows / max(size, 1), 1.0), said)

    return progress


def _leave_room(folder: Path, needed: int, *, full: bool = False) -> None:
    free = shutil.disk_usage(folder).free
    if full or free < needed:
        said = _(
            "Le disque est plein : %(free)s Mo libres, il en faut %(needed)s."
            " Libérez de la place, puis relancez ; rien n’a été publié."
        )
        raise jobs.Refusal(said % {"free": free // 10**6, "needed": -(-needed // 10**6)})
