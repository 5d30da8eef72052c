"""An export as a job: of one run, in one format, to one file that appears when it is whole."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cati.models import Job, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from weighting import queries
from weighting.exports import files
from weighting.exports.dataset import Dataset, dataset_of
from weighting.models import WeightingRun

KIND = "export"
EVERY = 50
# Measured on the whole questionnaire: a row takes 2 to 6 kB; twice that for XLSX's own drafts.
BYTES_A_ROW = 12_000


@dataclass(frozen=True)
class Format:
    """One way to write the dataset."""

    label: str | Promise
    suffix: str
    write: files.Write


FORMATS = {
    "xlsx": Format(gettext_lazy("Excel, données et dictionnaire (.xlsx)"), ".xlsx", files.xlsx),
    "csv-codes": Format(gettext_lazy("CSV, en codes (.csv)"), "-codes.csv", files.csv_codes),
    "csv-labels": Format(
        gettext_lazy("CSV, en libellés (.csv)"), "-libelles.csv", files.csv_labels
    ),
    "csv-dictionary": Format(
        gettext_lazy("Dictionnaire des variables (.csv)"), "-dictionnaire.csv", files.csv_dictionary
    ),
}


def ask_for_export(
    wave: Wave, run: str | int | None, form: str, by: User | None, now: datetime
) -> Job:
    """Enqueue an export of the run with that number. Refused, by field, for what does not exist."""
    if form not in FORMATS:
        raise Refused({"format": _("Choisissez un format de la liste.")})
    chosen = run_of(wave, run)
    if chosen is None:
        message = _("Choisissez un calage. S’il n’y en a pas, lancez-en un dans « Redressement ».")
        raise Refused({"run": message})
    return jobs.enqueue(wave, KIND, {"run": chosen.number, "format": form}, by, now)


def run_of(wave: Wave, number: str | int | None) -> WeightingRun | None:
    """The run with that number; the official one where none is named."""
    if number in (None, ""):
        return queries.official(wave)
    if not str(number).isdecimal() or len(str(number)) > 9:
        return None
    return WeightingRun.objects.filter(wave=wave, number=int(number)).first()


def file_name(run: WeightingRun, form: str) -> str:
    """« allo-quartiers-2026-calage-3-codes.csv »."""
    return f"allo-quartiers-{run.wave.slug}-calage-{run.number}{FORMATS[form].suffix}"


def build(job: Job, report: jobs.Report) -> jobs.Work:
    """The job: write the file beside its final name; Refusal where the disk is full."""
    form = job.params["format"]
    run = run_of(job.wave, job.params["run"])
    if run is None:
        raise jobs.Refusal(_("Ce calage n’existe plus."))
    dataset = dataset_of(run)
    draft = jobs.part(job)
    _leave_room(draft.parent, dataset.size * BYTES_A_ROW)
    try:
        FORMATS[form].write(dataset, draft, _progress(dataset, report))
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            _leave_room(draft.parent, dataset.size * BYTES_A_ROW, full=True)
        raise
    except jobs.Cancelled:
        draft.unlink(missing_ok=True)
        raise
    return jobs.Work(
        lambda: {"rows": dataset.size, "columns": len(dataset.columns)},
        draft,
        file_name(run, form),
    )


def title(job: Job) -> str:
    form = FORMATS.get(job.params.get("format", ""))
    words = {"format": form.label if form else "", "run": job.params.get("run", "")}
    return _("Données pondérées, calage n° %(run)s, %(format)s") % words


def _progress(dataset: Dataset, report: jobs.Report) -> files.Progress:
    def progress(rows: int) -> None:
        if rows % EVERY == 0 or rows == dataset.size:
            shown = [number_format(n, force_grouping=True) for n in (rows, dataset.size)]
            said = _("%(n)s sur %(size)s lignes") % dict(zip(("n", "size"), shown, strict=True))
            report(0.98 * rows / max(dataset.size, 1), said)

    return progress


def _leave_room(folder: Path, needed: int, *, full: bool = False) -> None:
    free = shutil.disk_usage(folder).free
    if full or free < needed:
        said = _(
            "Le disque est plein : %(free)s Mo libres, il en faut %(needed)s."
            " Libérez de la place, puis relancez ; rien n’a été publié."
        )
        raise jobs.Refusal(said % {"free": free // 10**6, "needed": -(-needed // 10**6)})
