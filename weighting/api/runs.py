"""Weighting runs: what they cost, what they met; and how to start one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cati import clock
from cati.api.access import WaveRows
from cati.api.unsafe import KEY, REFUSALS, sent_once
from cati.models import Role
from cati.operations.idempotency import Reply
from weighting.api.started import StartedSerializer
from weighting.models import WeightingRun
from weighting.operations import runs


class RunSerializer(serializers.ModelSerializer[WeightingRun]):
    """`report` has the diagnostics by sector; `margins` the totals, in persons, as they were."""

    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = WeightingRun
        fields = [
            "number",
            "method",
            "parameters",
            "margins",
            "report",
            "digest",
            "interviews",
            "official",
            "by",
            "at",
        ]


class NewRunSerializer(serializers.Serializer[Any]):
    """`bounds` are those of g, below and above 1, for `logit` and `truncated` only."""

    method = serializers.ChoiceField(choices=[*runs.METHODS], default="raking")
    bounds = serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, allow_null=True, default=None
    )


class Runs(WaveRows[WeightingRun]):
    """Weighting runs of the wave, the latest first, by number. For admins."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.ADMIN})
    serializer_class = RunSerializer
    lookup_field = "number"
    lookup_url_kwarg = "run"
    lookup_value_converter = "int"
    queryset = WeightingRun.objects.none()

    def get_queryset(self) -> QuerySet[WeightingRun]:
        of_wave = WeightingRun.objects.filter(wave__slug=self.kwargs.get("wave"))
        return of_wave.select_related("by").order_by("-number")

    @extend_schema(
        parameters=[KEY], request=NewRunSerializer, responses={202: StartedSerializer} | REFUSALS
    )
    def create(self, request: Request, wave: str) -> Response:
        """Start one; the job tells whether it was refused, and its result the run's number."""
        asked = NewRunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        method, bounds = asked.validated_data["method"], asked.validated_data["bounds"]

        def act() -> Reply:
            between = (bounds[0], bounds[1]) if bounds else None
            of = self.membership
            job = runs.ask_for_run(of.wave, method, between, of.user, clock.now())
            return Reply(202, {"job": job.pk})

        return sent_once(request, {"run": wave, "method": method, "bounds": bounds}, act)
