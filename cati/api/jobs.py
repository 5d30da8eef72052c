"""Long work: what runs, what came out of it, and the file."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from cati import clock
from cati.api.access import WaveRows
from cati.api.schema import RefusalSerializer
from cati.models import Job, Role
from cati.operations import jobs


class JobSerializer(serializers.ModelSerializer[Job]):
    """`progress` is a share of 1; `file` is its name once it is whole, '' before and afterwards."""

    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "params",
            "state",
            "progress",
            "step",
            "attempts",
            "error",
            "result",
            "file",
            "size",
            "digest",
            "by",
            "at",
            "started_at",
            "ended_at",
            "expires_at",
        ]


class JobFilter(filters.FilterSet):  # type: ignore[misc]
    class Meta:
        model = Job
        fields = ["kind", "state"]


class Gone(APIException):
    """The job has no file: not yet, not any more, or never."""

    status_code = 410


class AnyAccept(BaseContentNegotiation):
    """The file comes as it is, a refusal as JSON, whatever the request accepts."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class Jobs(WaveRows[Job]):
    """Jobs of the wave, the latest first. For admins."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.ADMIN})
    serializer_class = JobSerializer
    filterset_class = JobFilter
    lookup_value_converter = "int"
    queryset = Job.objects.none()

    def get_queryset(self) -> QuerySet[Job]:
        of_wave = Job.objects.filter(wave__slug=self.kwargs.get("wave"))
        return of_wave.select_related("by").order_by("-pk")

    @extend_schema(
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            410: OpenApiResponse(RefusalSerializer, "No file: not yet, or not any more."),
        }
    )
    @action(detail=True, content_negotiation_class=AnyAccept, filterset_class=None)
    def file(self, request: Request, wave: str, pk: int) -> FileResponse:
        """The file, once the job is done and while it is kept; the download is logged."""
        job = self.get_object()
        try:
            path = jobs.downloaded(job, request.user, clock.now())  # type: ignore[arg-type]
        except FileNotFoundError as error:
            raise Gone(str(error)) from error
        return FileResponse(path.open("rb"), as_attachment=True, filename=job.file)
