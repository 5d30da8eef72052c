"""The quota cells with their counts, as the board shows them."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from cati.api.access import WaveRows
from cati.core.quotas import FAMILIES, Kind
from cati.models import QuotaCell


class QuotaSerializer(serializers.ModelSerializer[QuotaCell]):
    sector = serializers.CharField(source="sector.code")
    kind = serializers.SerializerMethodField(
        help_text="firm: it screens; soft: it steers the calls; watched: it is only counted."
    )
    missing = serializers.IntegerField(help_text="Interviews still to count in this cell.")

    class Meta:
        model = QuotaCell
        fields = [
            "id",
            "family",
            "kind",
            "sector",
            "category",
            "label",
            "target",
            "allowance",
            "counted",
            "reserved",
            "missing",
            "state",
        ]
        extra_kwargs = {
            "allowance": {
                "help_text": "Interviews counted beyond the target; null where nothing is limited."
            }
        }

    def get_kind(self, cell: QuotaCell) -> Kind:
        return FAMILIES[cell.family].kind


class QuotaFilter(filters.FilterSet):  # type: ignore[misc]
    sector = filters.CharFilter(field_name="sector__code")

    class Meta:
        model = QuotaCell
        fields = ["family", "category", "state"]


class Quotas(WaveRows[QuotaCell]):
    """Quota cells of the wave, by family and sector. For supervisors and admins."""

    serializer_class = QuotaSerializer
    filterset_class = QuotaFilter
    lookup_value_converter = "int"
    queryset = QuotaCell.objects.none()

    def get_queryset(self) -> QuerySet[QuotaCell]:
        of_wave = QuotaCell.objects.filter(wave__slug=self.kwargs.get("wave"))
        return of_wave.select_related("sector").order_by(
            "family", "sector__order", "sector__code", "category"
        )
