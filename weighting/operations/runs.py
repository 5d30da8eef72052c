"""Weighting runs: ask for one, compute it as a job, make one official."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cati.models import Job, Sector, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from weighting import queries
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.methods import Method, method_named
from weighting.core.problems import Problem
from weighting.core.results import Calibration
from weighting.models import ModuleWeight, OfficialChoice, Weight, WeightingRun
from weighting.operations.module_weights import ModuleWeights, module_weights
from weighting.operations.refusals import said
from weighting.operations.report import report_of

KIND = "weights"
METHODS = {
    "raking": gettext_lazy("raking ratio"),
    "linear": gettext_lazy("linéaire"),
    "logit": gettext_lazy("logit borné"),
    "truncated": gettext_lazy("linéaire borné"),
}
BOUNDED = ("logit", "truncated")


def ask_for_run(
    wave: Wave, method: str, bounds: tuple[float, float] | None, by: User | None, now: datetime
) -> Job:
    """Enqueue a run. Refused, by field, for an unknown method or bounds that do not fit it."""
    if faults := faults_of(method, bounds):
        raise Refused(faults)
    params = {"method": method, "bounds": list(bounds) if bounds else None}
    return jobs.enqueue(wave, KIND, params, by, now)


def faults_of(method: str, bounds: tuple[float, float] | None) -> dict[str, str]:
    """What is wrong with a method and its bounds, by field: `method` or `bounds`."""
    try:
        chosen(method, bounds)
    except ValueError:
        return {"bounds" if method in METHODS else "method": _bounds_needed(method)}
    return {}


def chosen(method: str, bounds: tuple[float, float] | None) -> Method:
    """The calibration's method. Raises ValueError."""
    return method_named(method, bounds)


def compute(job: Job, report: jobs.Report) -> jobs.Work:
    """The job: calibrate each sector on its margins; Refusal names all that stands in the way."""
    wave = job.wave
    report(0.05, _("lecture des entretiens"))
    sample = queries.units_of(wave)
    margins, collapses = queries.margins_of(wave), queries.collapses_of(wave)
    if not margins:
        raise jobs.Refusal(_("Aucune marge n’est chargée. Chargez-les avant de calculer."))
    if not sample.ids:
        raise jobs.Refusal(_("Aucun entretien n’est compté. Les poids viennent après le terrain."))
    report(0.3, _("calage de %(n)s entretiens") % {"n": len(sample.ids)})
    bounds = job.params["bounds"]
    method = chosen(job.params["method"], tuple(bounds) if bounds else None)
    # Initial weights of 1 are brought to the sector's adults first: g and its bounds are then
    # relative to the sector's average respondent.
    result = calibrate(sample.units, margins, method, Rules(collapses=collapses, rescale=True))
    sectors = queries.surveyed(wave)
    if not result.converged:
        raise jobs.Refusal("\n".join(_refusals(wave, result, sectors)))
    _refuse_negative(wave, result, sectors)
    report(0.5, _("calage des modules"))
    modules = module_weights(wave, sample.ids, result)
    report(0.8, _("diagnostics"))
    diagnostics = report_of(result, sectors, queries.labels_of(wave))
    diagnostics["modules"] = [module.told for module in modules]
    return jobs.Work(lambda: _write(job, sample.ids, result, sectors, modules, diagnostics))


def make_official(run: WeightingRun, by: User | None, reason: str, now: datetime) -> None:
    """The one run that exports and tables take by themselves; the former one steps back.

    The choice is kept with who, when and why. Refused, by field, without a reason where another
    run was official: figures that were published may rest on it.
    """
    with transaction.atomic():
        Wave.objects.select_for_update(no_key=True).get(pk=run.wave_id)
        of_wave = WeightingRun.objects.filter(wave=run.wave_id)
        former = of_wave.filter(official=True).first()
        if former == run:
            return
        if former is not None and not reason.strip():
            said = _("Le calage n° %(number)s est officiel. Dites pourquoi celui-ci le remplace.")
            raise Refused({"reason": said % {"number": former.number}})
        of_wave.filter(official=True).update(official=False)
        of_wave.filter(pk=run.pk).update(official=True)
        OfficialChoice.objects.create(run=run, by=by, reason=reason.strip()[:250], at=now)


def title(job: Job) -> str:
    method = str(METHODS.get(job.params.get("method", ""), ""))
    bounds = job.params.get("bounds")
    if not bounds:
        return _("Calage, %(method)s") % {"method": method}
    low, high = (number_format(Decimal(f"{bound:g}")) for bound in bounds)
    between = {"low": low, "high": high}
    return _("Calage, %(method)s entre %(low)s et %(high)s") % {"method": method, **between}


def _bounds_needed(method: str) -> str:
    if method not in METHODS:
        return _("Choisissez une méthode de la liste.")
    if method in BOUNDED:
        return _("Cette méthode a deux bornes, l’une sous 1 et l’autre au-dessus : 0,3 et 3.")
    return _("Cette méthode n’a pas de bornes. Laissez-les vides, ou choisissez « logit ».")


def _refusals(wave: Wave, result: Calibration, sectors: Mapping[str, Sector]) -> list[str]:
    refusing = [problem for problem in result.problems if problem.severity == "refusal"]
    names = {code: sector.label for code, sector in sectors.items()}
    return said(refusing, names, queries.labels_of(wave))


def _refuse_negative(wave: Wave, result: Calibration, sectors: Mapping[str, Sector]) -> None:
    """A linear calibration may give somebody a negative weight, with which no table can be made."""
    strata = result.units.strata
    below = [strata.categories[code] for code in np.unique(strata.codes[result.weights <= 0])]
    if below:
        names = {code: sector.label for code, sector in sectors.items()}
        problems = [Problem("negative_weights", "weights below zero", code) for code in below]
        raise jobs.Refusal("\n".join(said(problems, names, queries.labels_of(wave))))


def _write(
    job: Job,
    ids: Any,
    result: Calibration,
    sectors: Mapping[str, Sector],
    modules: Iterable[ModuleWeights],
    diagnostics: dict[str, Any],
) -> dict[str, Any]:
    """The run and its weights, in the transaction in which the job ends."""
    Wave.objects.select_for_update(no_key=True).get(pk=job.wave_id)
    earlier = WeightingRun.objects.filter(wave=job.wave_id).aggregate(last=Max("number"))["last"]
    run = WeightingRun.objects.create(
        wave=job.wave,
        job=job,
        number=(earlier or 0) + 1,
        method=job.params["method"],
        parameters=_parameters(job, result),
        margins=_frozen(result),
        report=diagnostics,
        digest=result.digest,
        interviews=len(ids),
        by=job.by,
        at=job.at,
    )
    strata = result.units.strata
    codes = [strata.categories[code] for code in strata.codes]
    factors = {code: _to_inhabitants(sector) for code, sector in sectors.items()}
    Weight.objects.bulk_create(
        (
            Weight(
                run=run,
                interview_id=interview,
                sector=code,
                weight=float(weight),
                g_weight=float(g),
                diffusion=float(weight) * factors[code],
            )
            for interview, code, weight, g in zip(ids, codes, result.weights, result.g, strict=True)
        ),
        batch_size=1000,
    )
    ModuleWeight.objects.bulk_create(
        (row for module in modules for row in module.rows(run)), batch_size=1000
    )
    return {"run": run.number}


def _to_inhabitants(sector: Sector) -> float:
    return (sector.population or 0) / (sector.adults or 1)


def _parameters(job: Job, result: Calibration) -> dict[str, Any]:
    collapses = [
        {
            "sector": collapse.stratum,
            "criterion": collapse.variable,
            "categories": list(collapse.categories),
            "reason": collapse.reason,
        }
        for collapse in result.rules.collapses
    ]
    return {**job.params, "initial_weights": "1", "collapses": collapses}


def _frozen(result: Calibration) -> dict[str, Any]:
    return {
        sector: [
            {
                "criterion": margin.variable,
                "totals": dict(margin.totals),
                "unit": margin.unit,
                "universe": margin.universe,
                "source": margin.source,
            }
            for margin in its
        ]
        for sector, its in result.margins.items()
    }
