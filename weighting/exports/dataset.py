"""The weighted dataset of a run, row by row: who, where, what weight, what was answered.

One row per complete interview of the wave, by number; those outside the quota, or completed since
the run, have empty weights. Nothing of the contact data is read here, or could be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from cati.models import Place, Sector
from questionnaire.core.program import Program
from questionnaire.models import InstrumentVersion
from questionnaire.queries import program_of
from weighting import queries
from weighting.exports.columns import Cell, Column, Heading, Reading, columns_of
from weighting.models import Weight, WeightingRun

AT_A_TIME = 200
HEAD = (
    Heading("entretien", "Numéro de l’entretien, pseudonyme", "integer"),
    Heading("secteur_fichier", "Secteur dans l’échantillon", "text"),
    Heading("secteur", "Secteur déclaré, celui des quotas et des poids", "text"),
    Heading("secteur_nom", "Nom du secteur déclaré", "text"),
    Heading("groupes", "Groupes de publication du secteur", "text"),
    Heading("compte", "Compté dans le quota", "boolean", {1: "Oui", 0: "Non, hors quota"}),
    Heading("weight", "Poids ; somme : adultes du secteur", "decimal"),
    Heading("weight_diffusion", "Poids de diffusion ; somme : habitants", "decimal"),
    Heading("g_weight", "Facteur g : poids sur poids moyen du secteur", "decimal"),
    Heading("version", "Version du questionnaire de l’entretien, son numéro", "integer"),
)


@dataclass(frozen=True)
class Dataset:
    """Its columns, how many rows it will have, and the rows: codes, None where not asked."""

    run: WeightingRun
    items: Sequence[Column]
    size: int
    programs: Mapping[int, Program]
    numbers: Mapping[int, int]
    weights: Mapping[int, tuple[float, float, float]]
    sectors: Mapping[str, Sector]
    groups: Mapping[str, str]

    def rows(self) -> Iterator[list[Cell]]:
        wanted = queries.complete(self.run.wave).annotate(
            frame=F("case_link__case__frame_sector__code")
        )
        for interview in wanted.iterator(chunk_size=AT_A_TIME):
            reading = Reading(self.programs[interview.version_id], interview.answers)
            yield [*self._head(interview), *(column.read(reading) for column in self.items)]

    @property
    def columns(self) -> Sequence[Heading]:
        return [*HEAD, *self.items]

    def _head(self, interview: Any) -> Iterator[Cell]:
        sector = self.sectors.get(interview.sector)
        weight, diffusion, g = self.weights.get(interview.pk, (None, None, None))
        yield interview.pk
        yield interview.frame
        yield interview.sector
        yield sector.label if sector else None
        yield self.groups.get(interview.sector)
        yield int(interview.place == Place.State.CONFIRMED)
        yield weight
        yield diffusion
        yield g
        yield self.numbers[interview.version_id]


def dataset_of(run: WeightingRun) -> Dataset:
    """What the export of a run holds; the rows are read as they are written."""
    complete = queries.complete(run.wave)
    used = InstrumentVersion.objects.filter(
        pk__in=complete.order_by().values("version_id")
    ).order_by("-number")
    programs = {version.pk: program_of(version) for version in used}
    weights = Weight.objects.filter(run=run)
    groups: dict[str, list[str]] = {}
    for sector in Sector.objects.filter(wave=run.wave).prefetch_related("members"):
        for member in sector.members.all():
            groups.setdefault(member.code, []).append(sector.code)
    return Dataset(
        run=run,
        items=columns_of(programs.values()),
        size=complete.count(),
        programs=programs,
        numbers={version.pk: version.number for version in used},
        weights={
            interview: (_written(weight), _written(diffusion), _written(g))
            for interview, weight, diffusion, g in weights.values_list(
                "interview_id", "weight", "diffusion", "g_weight"
            )
        },
        sectors=queries.surveyed(run.wave),
        groups={code: " ".join(names) for code, names in groups.items()},
    )


def _written(number: float) -> float:
    """15 significant digits: what every format keeps, far beyond what a margin is met to."""
    return float(f"{number:.15g}")


def dictionary(columns: Sequence[Heading]) -> Iterator[list[Cell]]:
    """One line per column and code: variable, label, type, code, what the code means."""
    yield ["variable", "libelle", "type", "code", "modalite"]
    for column in columns:
        yield [column.name, column.label, column.kind, None, None]
        for code, label in column.labels.items():
            yield [column.name, None, None, code, label]
