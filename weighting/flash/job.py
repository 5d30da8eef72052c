"""All questions as tables by sector, in one workbook, made by a job that says how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from cati.models import Job, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from weighting.core.tables import PRESETS
from weighting.exports.job import run_of, stem_of
from weighting.flash import workbook
from weighting.flash.answers import ADULTS, INHABITANTS, Answers, answers_of
from weighting.flash.build import Ask, Made, made
from weighting.flash.questions import catalogue

KIND = "tables"
WEIGHTS = (INHABITANTS, ADULTS)


def ask_for_tables(
    wave: Wave, run: str, preset: str, weights: str, by: User | None, now: datetime
) -> Job:
    """Enqueue the workbook of all tables. Refused, by field, for what does not exist."""
    chosen = run_of(wave, run)
    if chosen is None:
        raise Refused({"run": _("Choisissez un calage. S’il n’y en a pas, lancez-en un.")})
    if preset not in PRESETS:
        raise Refused({"preset": _("Choisissez une présentation de la liste.")})
    if weights not in WEIGHTS:
        raise Refused({"weights": _("Choisissez des poids de la liste.")})
    params: dict[str, Any] = {"run": chosen.number, "preset": preset, "weights": weights}
    return jobs.enqueue(wave, KIND, params, by, now)


def all_tables(answers: Answers, preset: str) -> Iterator[Made]:
    """Every question by sector, in the order of the questionnaire."""
    for entry in catalogue(answers):
        yield made(answers, Ask(entry.code, preset=preset))


def build(job: Job, report: jobs.Report) -> jobs.Work:
    """The job: read the answers, then one table after the other."""
    run = run_of(job.wave, job.params["run"])
    if run is None:
        raise jobs.Refusal(_("Ce calage n’existe plus."))
    report(0.02, _("lecture des entretiens"))
    answers = answers_of(run, job.params["weights"])
    count = sum(1 for _entry in catalogue(answers))

    def progress(done: int, code: str) -> None:
        if done % 10 == 0 or done == count:
            told = _("%(done)s tableaux sur %(count)s, %(code)s")
            share = 0.1 + 0.85 * done / max(count, 1)
            report(share, told % {"done": done, "count": count, "code": code})

    part = jobs.part(job)
    workbook.write(part, all_tables(answers, job.params["preset"]), progress)
    name = f"{stem_of(job.wave, run)}-tableaux.xlsx"
    return jobs.Work(lambda: {"tables": count}, part, name)


def title(job: Job) -> str:
    return _("Tous les tableaux, calage n° %(run)s") % {"run": job.params.get("run", "")}
