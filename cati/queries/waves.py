"""Reads of the waves: who works in which, and what stands ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from cati.models import Case, Membership, QuotaCell, Role, Sector, Wave
from cati.queries.board import SECTOR_FAMILY
from questionnaire.core.instrument import from_json
from questionnaire.models import InstrumentVersion


def current_memberships(user: Any) -> QuerySet[Membership]:
    """Her roles in the waves that are not closed, the latest wave first."""
    return (
        Membership.objects.filter(user=user, active=True, wave__practice_for=None)
        .exclude(wave__state=Wave.State.CLOSED)
        .select_related("wave")
        .order_by("-wave__year", "-wave__created_at")
    )


def latest_open_wave() -> Wave | None:
    real = Wave.objects.filter(practice_for=None)
    return real.filter(state=Wave.State.OPEN).order_by("-year", "-created_at").first()


def versions_in_the_field() -> list[int]:
    """The questionnaires that interviews may be begun on today."""
    open_waves = Wave.objects.filter(state=Wave.State.OPEN, version__isnull=False)
    return list(open_waves.values_list("version", flat=True).distinct())


@dataclass(frozen=True)
class WaveFacts:
    """What stands ready in a wave, counted. `people` by role, `cases` by sector in their order."""

    themes: int
    questions: int
    sectors: int
    groups: int
    population: int
    cases: Sequence[tuple[str, int]]
    refused_lines: int
    cells: int
    target: int
    counted: int
    people: dict[str, int]

    @property
    def sample(self) -> int:
        return sum(count for _label, count in self.cases)


def wave_facts(wave: Wave) -> WaveFacts:
    """The facts that decide whether the wave can be called."""
    surveyed = wave.sectors.exclude(kind=Sector.Kind.GROUP)
    targets = QuotaCell.objects.filter(wave=wave, family=SECTOR_FAMILY).aggregate(
        cells=Count("pk"), target=Sum("target", default=0), counted=Sum("counted", default=0)
    )
    held = Membership.objects.filter(wave=wave, active=True, user__is_active=True)
    by_role = dict(held.values_list("role").annotate(n=Count("pk")))
    cases = Case.objects.filter(wave=wave).values_list("frame_sector__label")
    instrument = from_json(wave.version.content) if wave.version else None
    return WaveFacts(
        themes=sum(one.kind == "theme" for one in instrument.themes) if instrument else 0,
        questions=sum(item.type != "info" for item in instrument.items) if instrument else 0,
        sectors=surveyed.count(),
        groups=wave.sectors.filter(kind=Sector.Kind.GROUP).count(),
        population=surveyed.aggregate(n=Sum("population", default=0))["n"],
        cases=list(
            cases.annotate(n=Count("pk")).order_by("frame_sector__order", "frame_sector__code")
        ),
        refused_lines=wave.imports.aggregate(n=Sum("refused", default=0))["n"],
        people={role: by_role.get(role, 0) for role in Role.values},
        **targets,
    )


def versions_of(wave: Wave) -> QuerySet[InstrumentVersion]:
    """Every version of the wave's questionnaire, the latest first, without its content.

    `begun` and `complete` count the interviews of the wave on it.
    """
    here = Q(interviews__case_link__case__wave=wave)
    return (
        InstrumentVersion.objects.filter(name=wave.version.name if wave.version else "")
        .annotate(
            begun=Count("interviews", filter=here),
            complete=Count("interviews", filter=here & Q(interviews__outcome="complete")),
        )
        .select_related("published_by")
        .defer("content")
        .order_by("-number")
    )
