"""The sample as pseudonymous cases: where each one stands, never whom it is about."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from cati.api.access import WaveRows
from cati.api.filters import InstantFilter
from cati.models import Case


class CaseSerializer(serializers.ModelSerializer[Case]):
    frame_sector = serializers.CharField(source="frame_sector.code")
    held = serializers.SerializerMethodField(help_text="Somebody works on it now.")

    class Meta:
        model = Case
        fields = [
            "number",
            "frame_sector",
            "replicate",
            "state",
            "disposition",
            "tier",
            "due_at",
            "attempts",
            "screened",
            "held",
        ]

    def get_held(self, case: Case) -> bool:
        return case.holder_id is not None


class CaseFilter(filters.FilterSet):  # type: ignore[misc]
    frame_sector = filters.CharFilter(field_name="frame_sector__code")
    due_before = InstantFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = Case
        fields = ["state", "disposition", "tier", "attempts", "screened"]


class Cases(WaveRows[Case]):
    """Cases of the wave, by number. For supervisors and admins."""

    serializer_class = CaseSerializer
    filterset_class = CaseFilter
    lookup_field = "number"
    lookup_value_converter = "int"
    queryset = Case.objects.none()

    def get_queryset(self) -> QuerySet[Case]:
        of_wave = Case.objects.filter(wave__slug=self.kwargs.get("wave"))
        return of_wave.select_related("frame_sector").order_by("number")
