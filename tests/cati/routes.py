"""Every address of the URLconf, with what its view declares about who may open it.

`rows_in_hand` and `rows_of_others` are rows to put into the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny, IsAuthenticated

from cati import clock
from cati.api.access import InWave
from cati.models import (
    Case,
    CaseInterview,
    Job,
    LateAnswer,
    Message,
    QuotaCell,
    Role,
    SampleUpload,
)
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.record import begin_interview
from questionnaire.models import Interview
from tests.world import World
from weighting.models import DeclaredCollapse, MarginSet, WeightingRun

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

SECTOR = {"code": "CN", "label": "Croix-de-Neyrat", "n": 1, "g": [1, 1, 1, 1, 1], "worst": 0}
REPORT = {
    "sectors": [SECTOR | {"weights": [1, 1], "margins": [], "warnings": [], "collapses": []}],
    "total": {"worst": 0},
    "histogram": [[1.0, 1]],
}


class Undeclared(Exception):
    """A view says neither for which roles it is, nor that it is open to all."""


@dataclass(frozen=True)
class Access:
    """Who may open a view. `roles` holds in the wave of the address; None outside any wave."""

    anonymous: bool
    roles: frozenset[Role] | None = None
    programs: bool = False


@dataclass(frozen=True)
class Route:
    """One address, its parameters still open."""

    path: str
    view: Callable[..., Any]

    def __str__(self) -> str:
        return self.path

    @property
    def in_wave(self) -> bool:
        return ":wave>" in self.path

    @property
    def part(self) -> str:
        """What it belongs to: what follows the wave, or begins the address."""
        below = self.path.partition("<slug:wave>/")[2] or self.path.strip("/")
        return ("api/" if self.path.startswith("/api/") else "") + below.partition("/")[0]

    def url(self, **rows: Any) -> str:
        """The address of these rows; `pk` is the row of the list in which it stands."""
        before_pk = self.path.partition("/<int:pk>")[0]
        parameters = rows | {"pk": rows.get(before_pk.rpartition("/")[2])}
        return PARAMETER.sub(lambda found: str(parameters[found[1]]), self.path)


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[Route]:
    """Every address below the resolver; the whole URLconf without one."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        elif isinstance(entry, URLPattern):
            yield Route(path, entry.callback)


def access(route: Route) -> Access:
    """What the view declares. Raises Undeclared."""
    view = route.view
    if hasattr(view, "cls"):
        return _access_of_api(route, view.cls)
    if hasattr(view, "roles") and route.in_wave:
        return Access(anonymous=False, roles=view.roles)
    if getattr(view, "open_to", "") in {"anyone", "members"}:
        return Access(anonymous=view.open_to == "anyone")
    raise Undeclared(route.path)


def _access_of_api(route: Route, view: Any) -> Access:
    permissions = list(view.permission_classes)
    if permissions == [AllowAny]:
        return Access(anonymous=True, programs=True)
    if permissions == [IsAuthenticated, InWave] and route.in_wave:
        return Access(anonymous=False, roles=view.roles, programs=True)
    if permissions == [IsAuthenticated]:
        # The wave itself may be read by all of its members.
        roles = frozenset(Role) if route.in_wave else None
        return Access(anonymous=False, roles=roles, programs=True)
    raise Undeclared(route.path)


def rows_in_hand(world: World) -> dict[str, Any]:
    """Nadia holds a case of the wave and is in its interview."""
    now = clock.now()
    case = next_case(world.wave, world.nadia, now)
    assert case is not None
    dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, now)
    interview = begin_interview(case.pk, world.nadia, case.epoch, now)
    return _rows(case, interview)


def rows_of_others(world: World) -> dict[str, Any]:
    """A case of the other wave, with an interview that nobody works on."""
    now = clock.now()
    sector = world.other_wave.sectors.create(code="CN", label="Croix-de-Neyrat", kind="qpv")
    QuotaCell.objects.create(wave=world.other_wave, sector=sector, target=1)
    case = Case.objects.create(wave=world.other_wave, number=900, frame_sector=sector, due_at=now)
    interview = Interview.objects.create(
        version=world.other_wave.version, started_at=now, last_event_at=now
    )
    CaseInterview.objects.create(case=case, interview=interview)
    return _rows(case, interview)


def _rows(case: Case, interview: Interview) -> dict[str, Any]:
    cell = QuotaCell.objects.get(wave=case.wave, sector=case.frame_sector)
    job = Job.objects.create(wave=case.wave, kind="weights", at=clock.now())
    export = Job.objects.create(wave=case.wave, kind="export", at=job.at)
    run = WeightingRun.objects.create(
        wave=case.wave, job=job, number=1, report=REPORT, interviews=0, at=job.at
    )
    upload = SampleUpload.objects.create(
        wave=case.wave, filename="f.csv", rows=1, header=["tel"], columns=["phone"], at=job.at
    )
    margins = MarginSet.objects.create(wave=case.wave, number=1, digest="")
    collapse = DeclaredCollapse.objects.create(
        wave=case.wave, sector=case.frame_sector, criterion="age", category="5", into="4"
    )
    late = LateAnswer.objects.create(
        uuid=uuid4(), case=case, interview=interview, kind="answer", item="S01", value={"v": 1},
        actor=case.wave.memberships.order_by("pk")[0].user, epoch=1, at=job.at,
    )  # fmt: skip
    author = case.wave.memberships.order_by("pk")[0].user
    message = Message.objects.create(wave=case.wave, author=author, text="Bonjour", at=job.at)
    return {
        "wave": case.wave.slug,
        "late": late.pk,
        "act": "ecarter",
        "upload": upload.pk,
        "message": message.pk,
        "kind": "push",
        "replicate": 1,
        "person": case.wave.memberships.order_by("pk")[0].user_id,
        "number": case.number,
        "item": interview.next_item or "AUCUN",
        "interviews": interview.pk,
        "quotas": cell.pk,
        "cell": cell.pk,
        "sector": cell.sector.code,
        "family": cell.family,
        "job": job.pk,
        "jobs": job.pk,
        "exports": export.pk,
        "run": run.number,
        "set": margins.number,
        "collapse": collapse.pk,
        "form": "csv",
        "theme": "numerique",
    }
