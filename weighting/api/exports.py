"""Exports: jobs whose file is the weighted dataset of a run, or what documents it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cati import clock
from cati.api.jobs import Jobs
from cati.api.unsafe import KEY, REFUSALS, sent_once
from cati.models import Job
from cati.operations.idempotency import Reply
from weighting.api.started import StartedSerializer
from weighting.exports.formats import FORMATS
from weighting.exports.job import KIND, OPTIONS, ask_for_export


class NewExportSerializer(serializers.Serializer[Any]):
    """`run` is the number of a run; the official one where it is null.

    `raw` leaves texts that begin a formula as they are (CSV, XLSX); `paradata` adds the times and
    calls of each interview.
    """

    run = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True, default=None)
    format = serializers.ChoiceField(choices=[*FORMATS])
    raw = serializers.BooleanField(default=False)
    paradata = serializers.BooleanField(default=False)


class ExportFilter(filters.FilterSet):  # type: ignore[misc]
    class Meta:
        model = Job
        fields = ["state"]


class Exports(Jobs):
    """Exports of the wave, the latest first. For admins."""

    filterset_class = ExportFilter

    def get_queryset(self) -> QuerySet[Job]:
        return super().get_queryset().filter(kind=KIND)

    @extend_schema(
        parameters=[KEY],
        request=NewExportSerializer,
        responses={202: StartedSerializer} | REFUSALS,
    )
    def create(self, request: Request, wave: str) -> Response:
        """Start one; its file is whole when the job is done."""
        asked = NewExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        options = {name: wanted[name] for name in OPTIONS}

        def act() -> Reply:
            of = self.membership
            job = ask_for_export(
                of.wave, wanted["run"], wanted["format"], of.user, clock.now(), **options
            )
            return Reply(202, {"job": job.pk})

        return sent_once(request, {"export": wave, **wanted}, act)
