"""Interviews of the wave as they stand; what was answered, for admins who ask for it."""

from __future__ import annotations

from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from cati.api.access import WaveRows
from cati.api.filters import InstantFilter
from cati.models import Place, Role
from questionnaire.models import Interview

ANSWERS = OpenApiParameter(
    "answers",
    bool,
    description="With `1` or `true`, the answers come too. For admins; 403 for others.",
)


class InterviewSerializer(serializers.ModelSerializer[Interview]):
    """`answers` holds tagged values by item, and never what is kept with the contact data."""

    case = serializers.IntegerField(source="case_number", help_text="The number of its case.")
    version = serializers.IntegerField(source="version.number")
    place = serializers.ChoiceField(
        choices=Place.State.choices,
        allow_null=True,
        help_text="Its place in its sector's quota; null before the sector is known.",
    )
    answers = serializers.DictField(required=False)

    class Meta:
        model = Interview
        fields = [
            "id",
            "case",
            "version",
            "sector",
            "outcome",
            "place",
            "started_at",
            "last_event_at",
            "ended_at",
            "answers",
        ]


class InterviewFilter(filters.FilterSet):  # type: ignore[misc]
    case = filters.NumberFilter(field_name="case_number")
    started_after = InstantFilter(field_name="started_at", lookup_expr="gte")
    place = filters.ChoiceFilter(choices=Place.State.choices)

    class Meta:
        model = Interview
        fields = ["sector", "outcome"]


@extend_schema_view(
    list=extend_schema(parameters=[ANSWERS]), retrieve=extend_schema(parameters=[ANSWERS])
)
class Interviews(WaveRows[Interview]):
    """Interviews of the wave, by id. For supervisors and admins."""

    serializer_class = InterviewSerializer
    filterset_class = InterviewFilter
    lookup_value_converter = "int"
    queryset = Interview.objects.none()

    def get_queryset(self) -> QuerySet[Interview]:
        of_wave = Interview.objects.filter(case_link__case__wave__slug=self.kwargs.get("wave"))
        sector_place = Place.objects.filter(interview=OuterRef("pk"), family="sector")
        rows = of_wave.select_related("version").annotate(
            case_number=F("case_link__case__number"),
            place=Subquery(sector_place.values("state")[:1]),
        )
        return (rows if self.with_answers() else rows.defer("answers")).order_by("pk")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        if not self.with_answers():
            row: Any = getattr(serializer, "child", serializer)
            row.fields.pop("answers")
        return serializer

    def with_answers(self) -> bool:
        """Whether answers are asked for; PermissionDenied for whoever may not have them."""
        asked = self.request.query_params.get("answers", "").lower() in {"1", "true"}
        if asked and self.membership.role != Role.ADMIN:
            raise PermissionDenied
        return asked
