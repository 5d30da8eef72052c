"""Reads of the weighting: who is weighted, on which criteria, against which margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from cati.models import Place, Sector, Wave
from questionnaire.core.expressions import compile_expression
from questionnaire.core.kleene import Run
from questionnaire.core.program import Program
from questionnaire.models import Interview
from questionnaire.queries import program_of, walker_of
from weighting.core.margins import Collapse
from weighting.core.margins import Margin as CoreMargin
from weighting.core.units import Column, Units
from weighting.models import (
    DeclaredCollapse,
    Margin,
    MarginSet,
    OfficialChoice,
    Weight,
    WeightingRun,
)

# The margins' names of the criteria, and the roles by which an instrument says who plays them.
ROLES = {
    "sexe": "sex",
    "age": "age",
    "emploi": "employment",
    "statut_occupation": "tenure",
    "composition_familiale": "household",
}
CRITERIA = {
    "sexe": _("Sexe"),
    "age": _("Âge"),
    "emploi": _("Emploi"),
    "statut_occupation": _("Occupation"),
    "composition_familiale": _("Composition"),
}
COMPLETE = "complete"


@dataclass(frozen=True)
class Sample:
    """The counted interviews, in the order of `ids`, as the calibration takes them."""

    ids: Sequence[int]
    units: Units


def complete(wave: Wave) -> QuerySet[Any]:
    """The wave's complete interviews by id, with `place`: the state of theirs, or None."""
    of_wave = Interview.objects.filter(case_link__case__wave=wave, outcome=COMPLETE)
    sector_place = Place.objects.filter(interview=OuterRef("pk"), family="sector")
    return of_wave.annotate(place=Subquery(sector_place.values("state")[:1])).order_by("pk")


def counted(wave: Wave) -> QuerySet[Any]:
    """Those that hold a place in their sector's quota: the ones that are weighted."""
    return complete(wave).filter(place=Place.State.CONFIRMED)


def units_of(wave: Wave) -> Sample:
    """The counted interviews with their sector and five criteria; initial weights are 1 (quotas).

    A criterion that was not answered is None in its column.
    """
    found = counted(wave).annotate(roles=F("answers__roles"))
    rows = list(found.values_list("pk", "sector", "roles"))
    ids = [pk for pk, _sector, _roles in rows]
    variables = {
        criterion: Column.of([_category(roles, role) for _pk, _sector, roles in rows])
        for criterion, role in ROLES.items()
    }
    return Sample(
        ids,
        Units(
            strata=Column.of([sector or None for _pk, sector, _roles in rows]),
            weights=np.ones(len(rows)),
            variables=variables,
            ids=[str(pk) for pk in ids],
        ),
    )


def _category(roles: Mapping[str, object] | None, role: str) -> str | None:
    value = (roles or {}).get(role)
    return None if value is None else str(value)


def asked_modules(ids: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
    """{module: which of the interviews were asked it, (n,)}, of the modules of their versions."""
    rank = {interview: at for at, interview in enumerate(ids)}
    conditions: dict[int, dict[str, Run]] = {}
    asked: dict[str, NDArray[np.bool_]] = {}
    for interview in Interview.objects.filter(pk__in=ids).iterator():
        walker = walker_of(interview)
        if interview.version_id not in conditions:
            conditions[interview.version_id] = _conditions(walker.program)
        for module, condition in conditions[interview.version_id].items():
            rows = asked.setdefault(module, np.zeros(len(ids), np.bool_))
            rows[rank[interview.pk]] = condition(walker.values, walker.tags) is True
    return dict(sorted(asked.items()))


def _conditions(program: Program) -> dict[str, Run]:
    """{module: who is asked it}."""
    return {
        module: compile_expression(text, program.scope).run
        for module, text in program.instrument.modules.items()
        if text
    }


def groups_of(wave: Wave) -> dict[str, list[str]]:
    """{published group of sectors: its members}."""
    groups = wave.sectors.filter(kind=Sector.Kind.GROUP).prefetch_related("members")
    return {group.code: [member.code for member in group.members.all()] for group in groups}


def margins_of(wave: Wave) -> dict[str, list[CoreMargin]]:
    """{sector: its criteria}, as the calibration takes them; empty where none are loaded."""
    told = [*ROLES]
    rows = sorted(
        Margin.objects.ruling(wave).select_related("sector"),
        # In the order in which the criteria are always told; sorting keeps that of categories.
        key=lambda row: told.index(row.criterion) if row.criterion in told else len(told),
    )
    margins: dict[str, dict[str, list[Margin]]] = {}
    for row in rows:
        margins.setdefault(row.sector.code, {}).setdefault(row.criterion, []).append(row)
    return {
        sector: [
            CoreMargin(
                criterion,
                {row.category: row.total for row in its},
                "household" if its[0].unit == Margin.Unit.HOUSEHOLD else "person",
                its[0].universe,
                its[0].source,
            )
            for criterion, its in criteria.items()
        ]
        for sector, criteria in margins.items()
    }


def collapses_of(wave: Wave) -> tuple[Collapse, ...]:
    """The collapses declared before fieldwork, each into its neighbour."""
    declared = DeclaredCollapse.objects.filter(wave=wave).select_related("sector").order_by("pk")
    return tuple(
        Collapse(row.criterion, (row.into, row.category), row.sector.code, row.reason)
        for row in declared
    )


def labels_of(wave: Wave) -> dict[tuple[str, str], str]:
    """The label of each (criterion, category)."""
    rows = Margin.objects.ruling(wave).order_by("pk")
    return {
        (criterion, category): label
        for criterion, category, label in rows.values_list("criterion", "category", "label")
    }


def categories_of(wave: Wave) -> dict[str, tuple[str, ...]]:
    """{criterion: its codes in order}, as the wave's questionnaire can give them.

    A criterion whose role the questionnaire does not give, or whose codes cannot be listed, is
    left out.
    """
    if wave.version is None:
        return {}
    program = program_of(wave.version)
    roles = program.instrument.roles
    symbols = {
        criterion: program.names.get(roles.get(role, "")) for criterion, role in ROLES.items()
    }
    return {
        criterion: tuple(str(code) for code in sorted(symbol.type.domain))
        for criterion, symbol in symbols.items()
        if symbol is not None and symbol.type.domain
    }


def categories_there(wave: Wave, sector: str, criterion: str) -> list[str]:
    """The codes of a criterion in a sector: of its margins, and of the questionnaire's."""
    margins = Margin.objects.ruling(wave).filter(sector__code=sector, criterion=criterion)
    there = list(margins.order_by("order").values_list("category", flat=True))
    return there or list(categories_of(wave).get(criterion, ()))


def ruling_set(wave: Wave) -> MarginSet | None:
    """The margins that the next run takes."""
    return MarginSet.objects.filter(wave=wave, current=True).select_related("by").first()


def sets_of(wave: Wave) -> QuerySet[MarginSet]:
    """Every set that was ever loaded, the latest first."""
    return MarginSet.objects.filter(wave=wave).select_related("by").defer("lines")


def declared(wave: Wave) -> QuerySet[DeclaredCollapse]:
    """The declared collapses in the order of the sectors."""
    collapses = DeclaredCollapse.objects.filter(wave=wave).select_related("sector", "by")
    return collapses.order_by("sector__order", "criterion", "category")


def surveyed(wave: Wave) -> dict[str, Sector]:
    """The sectors that are surveyed, by code, in their order."""
    return {sector.code: sector for sector in wave.sectors.exclude(kind=Sector.Kind.GROUP)}


def official(wave: Wave) -> WeightingRun | None:
    return WeightingRun.objects.filter(wave=wave, official=True).first()


def official_choices(wave: Wave) -> QuerySet[OfficialChoice]:
    """Every run that was ever made official, the latest choice first."""
    return OfficialChoice.objects.filter(run__wave=wave).select_related("run", "by")


def runs_of(wave: Wave) -> QuerySet[WeightingRun]:
    """The wave's runs, the latest first."""
    return WeightingRun.objects.filter(wave=wave).select_related("by").order_by("-number")


def people_of(run: WeightingRun) -> set[int]:
    """The interviews that the run weighs."""
    return set(Weight.objects.filter(run=run).values_list("interview_id", flat=True))


def both_g(left: WeightingRun, right: WeightingRun) -> list[tuple[float, float]]:
    """The g of every interview that both runs weigh."""
    ours = dict(Weight.objects.filter(run=left).values_list("interview_id", "g_weight"))
    theirs = Weight.objects.filter(run=right).values_list("interview_id", "g_weight")
    return [(ours[interview], g) for interview, g in theirs if interview in ours]


def weight_ratios(left: WeightingRun, right: WeightingRun) -> dict[str, list[float]]:
    """{sector: least, median and greatest ratio of the right run's weights to the left's}."""
    ours = dict(Weight.objects.filter(run=left).values_list("interview_id", "weight"))
    theirs = Weight.objects.filter(run=right).values_list("interview_id", "sector", "weight")
    ratios: dict[str, list[float]] = {}
    for interview, sector, weight in theirs:
        if interview in ours:
            ratios.setdefault(sector, []).append(weight / ours[interview])
    return {
        sector: [float(value) for value in np.quantile(its, (0, 0.5, 1))]
        for sector, its in ratios.items()
    }


def largest_change(left: WeightingRun, right: WeightingRun) -> float | None:
    """The greatest ratio between the two weights of one interview, at least 1; None without any."""
    ratios = weight_ratios(left, right).values()
    return max((max(high, 1 / low) for low, _middle, high in ratios), default=None)
