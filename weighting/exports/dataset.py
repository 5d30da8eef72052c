"""The dataset of a run: one definition, from which every format is written.

One row per complete interview of the wave, by number; those outside the quota, or completed since
the run, have empty weights. Rosters are tables of their own, one row per instance. Nothing of the
contact data is read here, or could be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

import polars as pl
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Count, F, Func, OuterRef, QuerySet, Subquery

from cati.models import Attempt, Place, Sector
from cati.queries import SECTOR_FAMILY
from questionnaire.core.program import Program
from questionnaire.models import InstrumentVersion
from questionnaire.queries import program_of
from weighting import queries
from weighting.exports import raw
from weighting.exports.columns import (
    MISSING,
    Cell,
    Column,
    Heading,
    columns_of,
    module_weight,
    named,
    united,
)
from weighting.exports.derived import Derivations
from weighting.exports.names import Cut
from weighting.models import ModuleWeight, Weight, WeightingRun

Progress = Callable[[int, int], None]
NUMBER = "entretien"
HEAD = (
    Heading(NUMBER, "Numéro de l’entretien, pseudonyme", "integer"),
    Heading("secteur_fichier", "Secteur dans l’échantillon", "text"),
    Heading("secteur", "Secteur déclaré, celui des quotas et des poids", "text"),
    Heading("secteur_nom", "Nom du secteur déclaré", "text"),
    Heading("groupes", "Groupes de publication du secteur", "text"),
    Heading("compte", "Compté dans le quota", "boolean", {1: "Oui", 0: "Non, hors quota"}),
    Heading("weight", "Poids ; somme : adultes du secteur", "decimal"),
    Heading("weight_diffusion", "Poids de diffusion ; somme : habitants", "decimal"),
    Heading("g_weight", "Facteur g : poids sur poids moyen du secteur", "decimal"),
)
VERSION = Heading("version", "Version du questionnaire de l’entretien, son numéro", "integer")
PARADATA = (
    Heading("debut", "Début de l’entretien, heure universelle", "text"),
    Heading("fin", "Fin de l’entretien, heure universelle", "text"),
    Heading("duree", "Minutes du début à la fin, interruptions comprises", "decimal"),
    Heading("appels", "Appels de la fiche", "integer"),
    Heading("enqueteur", "Enquêteur du dernier appel, son numéro", "integer"),
)
RANK = Heading("rang", "Rang dans la liste du ménage", "integer")
FIELDS = ("pk", "version_id", "frame", "sector")
TIMES = ("started_at", "ended_at", "attempts", "interviewer")
# Interviews that a job reads in two seconds; a portion costs Python 0.12 s, however small it is.
PORTION = 2_500
TO_SECONDS = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Table:
    """Columns under names that are valid everywhere, and their frame: codes, null if not asked."""

    name: str
    columns: Sequence[Heading]
    frame: pl.DataFrame


class _Beside(NamedTuple):
    """What the first columns say: who counts, weights, names and groups of sectors."""

    counted: pl.DataFrame
    weights: pl.DataFrame
    sectors: Mapping[str, str]
    groups: Mapping[str, str]


@dataclass(frozen=True)
class Dataset:
    """What the export of a run holds. `cuts` are the names that could not be kept whole.

    `programs` by number of version, the latest first. The interviews are read when first asked
    for, at most `rate` bytes a second; `progress`, if given, hears how many have been read.
    """

    run: WeightingRun
    programs: Mapping[int, Program]
    versions: Mapping[int, int]
    size: int
    paradata: bool = False
    progress: Progress = field(default=lambda rows, size: None, compare=False)
    rate: int | None = None
    first: int = 0
    most: int | None = None

    def told(self) -> dict[str, Any]:
        """What a job keeps of it."""
        return {"rows": self.size, "columns": len(self.columns), "dataset": self.digest}

    @property
    def title(self) -> str:
        return f"{self.run.wave.name}, calage n° {self.run.number}"

    @cached_property
    def columns(self) -> Sequence[Heading]:
        return self._named[0]

    @cached_property
    def layout(self) -> Sequence[tuple[str, Sequence[Heading]]]:
        """The name and the columns of each table, without reading a row."""
        rosters = [(name, columns) for name, (columns, _cuts) in self._rosters.items()]
        return [("", self.columns), *rosters]

    @cached_property
    def cuts(self) -> Sequence[Cut]:
        return [
            *self._named[1],
            *(cut for _columns, cuts in self._rosters.values() for cut in cuts),
        ]

    @cached_property
    def tables(self) -> Sequence[Table]:
        """The interviews, then each roster."""
        columns = dict(self.layout)
        parts: dict[str, list[pl.DataFrame]] = {name: [] for name in columns}
        programs = self.programs.values()
        # Read before the interviews, which keep the connection to themselves.
        beside = _Beside(self._counted(), self._weights(), *self._places())
        read = 0
        for shares in self._portions():
            for wide in raw.interviews(shares, self._fields, programs, self.rate):
                for name, part in self._typed(wide, beside):
                    parts[name].append(_fitted(part, columns[name]))
                read += len(wide)
            self.progress(read, self.size)
        return [Table(name, its, _whole(parts[name], its)) for name, its in columns.items()]

    @property
    def frame(self) -> pl.DataFrame:
        """The interviews, in codes."""
        return self.tables[0].frame

    @property
    def rosters(self) -> Sequence[Table]:
        return self.tables[1:]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The interviews, row by row."""
        return self.frame.iter_rows()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the interviews as CSV in codes, raw, without the mark of UTF-8."""
        sha = hashlib.sha256()
        for rank, part in enumerate(parts_of(self.frame)):
            lines = BytesIO()
            part.write_csv(lines, include_header=rank == 0)
            sha.update(lines.getbuffer())
        return sha.hexdigest()

    # --- how it is made

    @cached_property
    def head(self) -> Sequence[Heading]:
        """The columns that come before the questions."""
        modules = [
            Heading(module_weight(name), f"Poids des questions du module {name}", "decimal")
            for name in self.modules
        ]
        return [*HEAD, *modules, VERSION, *(PARADATA if self.paradata else ())]

    @cached_property
    def modules(self) -> Sequence[str]:
        """The modules that a part of the sample is asked, in any version."""
        programs = self.programs.values()
        return sorted(
            {name for one in programs for name, who in one.instrument.modules.items() if who}
        )

    @cached_property
    def _named(self) -> tuple[list[Heading], list[Cut]]:
        versions = [columns_of(program) for program in self.programs.values()]
        return named([*self.head, *united(versions)])

    @cached_property
    def _rosters(self) -> Mapping[str, tuple[list[Heading], list[Cut]]]:
        """{roster: its columns}, over all versions."""
        names = {name: None for program in self.programs.values() for name in program.instances}
        return {
            name: named([HEAD[0], RANK, *united(
                columns_of(program, name, 1)
                for program in self.programs.values() if name in program.instances
            )])
            for name in names
        }  # fmt: skip

    @property
    def _fields(self) -> Sequence[str]:
        return (*FIELDS, *TIMES) if self.paradata else FIELDS

    def _portions(self) -> Iterator[Sequence[QuerySet[Any]]]:
        """The interviews: all at once, and PORTION by PORTION where time is taken over them.

        Between two portions nobody reads, so that a job can say how far it is, or hear that it is
        to stop. Each comes as the shares that are read at the same time.
        """
        if self.rate is None:
            yield self._shares()
            return
        numbers = sorted(queries.complete(self.run.wave).values_list("pk", flat=True))
        for first in range(0, len(numbers), PORTION):
            some = numbers[first : first + PORTION]
            yield [self._rows().filter(pk__range=(some[0], some[-1]))]

    def _shares(self) -> Sequence[QuerySet[Any]]:
        """All interviews in two halves: PostgreSQL takes longer over them than Python does.

        What a transaction has written, and a part of them, are read by one connection.
        """
        rows = self._rows()
        if self.most is not None or connection.in_atomic_block:
            return [rows]
        numbers = queries.complete(self.run.wave).order_by("pk").values_list("pk", flat=True)
        middle = numbers[self.size // 2 :].first()
        if middle is None:
            return [rows]
        return [rows.filter(pk__lt=middle), rows.filter(pk__gte=middle)]

    def _rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = queries.complete(self.run.wave).annotate(
            frame=F("case_link__case__frame_sector__code")
        )
        if self.paradata:
            calls = Attempt.objects.filter(interview=OuterRef("pk")).order_by("-opened_at", "-pk")
            rows = rows.annotate(
                attempts=Count("case_link__case__calls"),
                interviewer=Subquery(calls.values("interviewer")[:1]),
            )
        return rows if self.most is None else rows[self.first : self.first + self.most]

    def _typed(self, wide: pl.DataFrame, beside: _Beside) -> Iterator[tuple[str, pl.DataFrame]]:
        """The table's name, "" for the interviews, and a part of it, version by version."""
        for version in wide["version_id"].unique():
            number = self.versions[int(version)]
            part = wide.filter(pl.col("version_id") == version) if len(self.versions) > 1 else wide
            program = self.programs[number]
            told = self._derivations[number].added(part)
            head = self._head_of(told, number, beside)
            own = _values(told, self._columns_of[number])
            yield "", pl.concat([head, own], how="horizontal")
            for roster, instances in program.instances.items():
                for rank in range(1, len(instances) + 1):
                    yield roster, _instance(told, program, roster, rank)

    @cached_property
    def _derivations(self) -> Mapping[int, Derivations]:
        return {number: Derivations(program) for number, program in self.programs.items()}

    @cached_property
    def _columns_of(self) -> Mapping[int, Sequence[Column]]:
        return {number: columns_of(program) for number, program in self.programs.items()}

    def _head_of(self, part: pl.DataFrame, version: int, beside: _Beside) -> pl.DataFrame:
        sector = pl.col("sector")
        head = part.select(
            pl.col("pk").cast(pl.Int64).alias(NUMBER),
            pl.col("frame").alias("secteur_fichier"),
            sector.alias("secteur"),
            sector.replace_strict(beside.sectors, default=None, return_dtype=pl.String).alias(
                "secteur_nom"
            ),
            sector.replace_strict(beside.groups, default=None, return_dtype=pl.String).alias(
                "groupes"
            ),
            pl.lit(version, pl.Int64).alias("version"),
        )
        for columns in (beside.counted, beside.weights):
            head = head.join(columns, on=NUMBER, how="left", maintain_order="left")
        head = head.with_columns(pl.col("compte").fill_null(0))
        return pl.concat([head, _times(part)], how="horizontal") if self.paradata else head

    def _counted(self) -> pl.DataFrame:
        """The interviews of the wave that hold a place in their sector's quota."""
        held = Place.objects.filter(
            cell__wave=self.run.wave, family=SECTOR_FAMILY, state=Place.State.CONFIRMED
        )
        return _by_interview(held, {}).with_columns(pl.lit(1, pl.Int8).alias("compte"))

    def _weights(self) -> pl.DataFrame:
        weights = _by_interview(
            Weight.objects.filter(run=self.run),
            {"weight": "weight", "weight_diffusion": "diffusion", "g_weight": "g_weight"},
        )
        for module in self.modules:
            its = ModuleWeight.objects.filter(run=self.run, module=module)
            own = _by_interview(its, {module_weight(module): "weight"})
            weights = weights.join(own, on=NUMBER, how="left", maintain_order="left")
        return weights

    def _places(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The name of each sector that is surveyed, and the groups of each."""
        labels = {code: one.label for code, one in queries.surveyed(self.run.wave).items()}
        groups: dict[str, list[str]] = {}
        for group in Sector.objects.filter(wave=self.run.wave).prefetch_related("members"):
            for member in group.members.all():
                groups.setdefault(member.code, []).append(group.code)
        return labels, {code: " ".join(names) for code, names in groups.items()}


def dataset_of(
    run: WeightingRun,
    *,
    paradata: bool = False,
    progress: Progress = lambda rows, size: None,
    rate: int | None = None,
    first: int = 0,
    most: int | None = None,
) -> Dataset:
    """The dataset of a run; of its interviews only `most` after the `first`, where that is given.

    The columns are the same whatever is read.
    """
    complete = queries.complete(run.wave)
    used = InstrumentVersion.objects.filter(
        pk__in=complete.order_by().values("version_id")
    ).order_by("-number")
    versions = {version.pk: version.number for version in used}
    programs = {version.number: program_of(version) for version in used}
    if not programs and run.wave.version is not None:
        programs = {run.wave.version.number: program_of(run.wave.version)}
    return Dataset(run, programs, versions, complete.count(), paradata, progress, rate, first, most)


def parts_of(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The frame in parts that are cheap to write; one empty part where there are no rows."""
    yield from frame.iter_slices(25_000) if len(frame) else iter([frame])


def _by_interview(rows: QuerySet[Any], fields: Mapping[str, str]) -> pl.DataFrame:
    """{column: field} by interview, in 15 significant digits, as NUMERIC has them: what every
    format keeps. Each column comes as one array: row by row, Python would be in the way."""
    digits = "(%(expressions)s)::numeric::float8"
    told = rows.order_by().aggregate(
        numbers=ArrayAgg("interview_id", default=[]),
        **{
            f"of_{field}": ArrayAgg(Func(field, template=digits), default=[])
            for field in fields.values()
        },
    )
    columns = [pl.Series(NUMBER, told["numbers"], pl.Int64)]
    columns += [pl.Series(name, told[f"of_{field}"], pl.Float64) for name, field in fields.items()]
    return pl.DataFrame(columns)


def _instance(told: pl.DataFrame, program: Program, roster: str, rank: int) -> pl.DataFrame:
    """The interviews in which that instance of the roster lives, with its answers."""
    living = told.filter(pl.col(raw.living(roster, rank)) == "true")
    key = living.select(
        pl.col("pk").cast(pl.Int64).alias(NUMBER), pl.lit(rank, pl.Int64).alias(RANK.name)
    )
    own = _values(living, columns_of(program, roster, rank))
    return pl.concat([key, own], how="horizontal")


def _values(told: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """What the columns take from a raw frame, in their order.

    Where several columns take the same (a multiple's list and choices), they are worked out once
    for each distinct answer, which are few.
    """
    sources: dict[tuple[str, ...], list[pl.Expr]] = {}
    for column in columns:
        roots = tuple(sorted(set(column.values.meta.root_names())))
        sources.setdefault(roots, []).append(column.values.alias(column.name))
    parts = [told.select(its[0] for its in sources.values() if len(its) == 1)]
    for roots, its in sources.items():
        if len(its) > 1:
            distinct = told.select(roots).unique()
            worked_out = distinct.hstack(distinct.select(its))
            joined = told.select(roots).join(
                worked_out, on=roots, how="left", nulls_equal=True, maintain_order="left"
            )
            parts.append(joined.drop(roots))
    return pl.concat(parts, how="horizontal").select(column.name for column in columns)


def _fitted(part: pl.DataFrame, columns: Sequence[Heading]) -> pl.DataFrame:
    """A part under the columns' names, null in what its version does not have."""
    there = set(part.columns)
    return part.select(
        (pl.col(one.full) if one.full in there else pl.lit(None)).cast(one.dtype).alias(one.name)
        for one in columns
    )


def _whole(parts: Iterable[pl.DataFrame], columns: Sequence[Heading]) -> pl.DataFrame:
    """All parts, by number, and by rank in a roster."""
    empty = pl.DataFrame(schema={column.name: column.dtype for column in columns})
    # Parts of two shares come in turn; in their order they need not be sorted row by row.
    filled = sorted((part for part in parts if len(part)), key=lambda part: part[NUMBER][0])
    frame = pl.concat([empty, *filled])
    by = [name for name in (NUMBER, RANK.name) if name in frame.columns]
    return frame if frame[NUMBER].is_sorted() and len(by) == 1 else frame.sort(by)


def _times(part: pl.DataFrame) -> pl.DataFrame:
    start, end = (
        pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_zone="UTC", strict=False)
        for name in ("started_at", "ended_at")
    )
    return part.select(
        start.dt.strftime(TO_SECONDS).alias("debut"),
        end.dt.strftime(TO_SECONDS).alias("fin"),
        ((end - start).dt.total_seconds() / 60).round(1).alias("duree"),
        pl.col("attempts").cast(pl.Int64).alias("appels"),
        pl.col("interviewer").cast(pl.Int64).alias("enqueteur"),
    )


def dictionary(layout: Sequence[tuple[str, Sequence[Heading]]]) -> Iterator[list[Cell]]:
    """One line per column and code: what it is called, means, and whether it is a missing value.

    `nom_complet` is the name in the questionnaire where it could not be kept; `table` the roster.
    """
    yield [
        "variable", "libelle", "type", "code", "modalite", "manquante", "nom_complet", "table"
    ]  # fmt: skip
    for table, columns in layout:
        for column in columns:
            full = column.full if column.full != column.name else None
            yield [column.name, column.label, column.kind, None, None, None, full, table or None]
            for code, label in column.labels.items():
                missing = int(code in MISSING)
                yield [column.name, None, None, code, label, missing, None, table or None]
