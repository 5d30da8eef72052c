"""The waves in which somebody holds a role."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.viewsets import ReadOnlyModelViewSet

from cati.models import Membership, Role, Wave


class WaveSerializer(serializers.ModelSerializer[Membership]):
    """A wave as its member sees it, with her role there."""

    slug = serializers.SlugField(source="wave.slug")
    name = serializers.CharField(source="wave.name")
    year = serializers.IntegerField(source="wave.year")
    state = serializers.ChoiceField(source="wave.state", choices=Wave.State.choices)
    ends_on = serializers.DateField(source="wave.ends_on", allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ["slug", "name", "year", "state", "ends_on", "role"]


class Waves(ReadOnlyModelViewSet[Membership]):
    """Waves of the caller, the latest first; those of others do not exist for her."""

    serializer_class = WaveSerializer
    permission_classes = [IsAuthenticated]
    lookup_field = "wave__slug"
    lookup_url_kwarg = "wave"
    lookup_value_converter = "slug"
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        mine = Membership.objects.filter(user_id=self.request.user.pk, active=True)  # type: ignore[misc]
        return mine.select_related("wave").order_by("-wave__year", "-wave__created_at")
