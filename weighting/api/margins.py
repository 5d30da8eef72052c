"""Margins: every set that was loaded, whole; and a new one, taken as it is or refused by cell."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cati import clock
from cati.api.access import WaveRows
from cati.api.unsafe import KEY, REFUSALS, sent_once
from cati.models import Role
from cati.operations.idempotency import Reply
from weighting.models import MarginSet
from weighting.operations import margins
from weighting.operations.margin_table import COLUMNS, MOST_IN_A_CELL, MOST_LINES, Line

BAD_LINES = OpenApiResponse(
    dict[str, Any],
    "What is not given or does not fit: why, by field; in lines, by place and field.",
)


class MarginLineSerializer(serializers.Serializer[Line]):
    """One category of one criterion in one sector, as it was given.

    `share` is in percent of the sector's adults, `total` in persons: one of the two.
    """

    sector = serializers.CharField(max_length=MOST_IN_A_CELL)
    criterion = serializers.CharField(max_length=MOST_IN_A_CELL)
    category = serializers.CharField(max_length=MOST_IN_A_CELL)
    label = serializers.CharField(  # type: ignore[assignment]  # a field's own name for its title
        max_length=MOST_IN_A_CELL, allow_blank=True, default=""
    )
    share = serializers.CharField(max_length=MOST_IN_A_CELL, allow_blank=True, default="")
    total = serializers.CharField(max_length=MOST_IN_A_CELL, allow_blank=True, default="")
    unit = serializers.CharField(max_length=MOST_IN_A_CELL, allow_blank=True, default="")
    universe = serializers.CharField(max_length=MOST_IN_A_CELL, allow_blank=True, default="")
    source = serializers.CharField(  # type: ignore[assignment]  # and for where it reads
        max_length=MOST_IN_A_CELL, allow_blank=True, default=""
    )


class SetSerializer(serializers.ModelSerializer[MarginSet]):
    """`current` is the set that the next run takes; `digest` the SHA-256 of its CSV file."""

    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = MarginSet
        fields = ["number", "file", "digest", "current", "by", "at"]


class WholeSetSerializer(SetSerializer):
    """The same with its lines."""

    lines = serializers.SerializerMethodField()

    class Meta(SetSerializer.Meta):
        fields = [*SetSerializer.Meta.fields, "lines"]

    @extend_schema_field(MarginLineSerializer(many=True))
    def get_lines(self, row: MarginSet) -> list[dict[str, str]]:
        return [dict(zip(COLUMNS, cells, strict=True)) for cells in row.lines]


class NewSetSerializer(serializers.Serializer[Any]):
    """`file` names where the lines come from."""

    file = serializers.CharField(max_length=120, allow_blank=True, default="")
    lines = serializers.ListField(
        child=MarginLineSerializer(), allow_empty=False, min_length=1, max_length=MOST_LINES
    )


class LoadedSerializer(serializers.Serializer[Any]):
    """The set that rules from now on."""

    number = serializers.IntegerField()


class MarginSets(WaveRows[MarginSet]):
    """Margins of the wave, the latest set first, by number. For admins."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.ADMIN})
    lookup_field = "number"
    lookup_url_kwarg = "set"
    lookup_value_converter = "int"
    queryset = MarginSet.objects.none()

    def get_serializer_class(self) -> type[SetSerializer]:
        return SetSerializer if self.action == "list" else WholeSetSerializer

    def get_queryset(self) -> QuerySet[MarginSet]:
        of_wave = MarginSet.objects.filter(wave__slug=self.kwargs.get("wave"))
        return of_wave.select_related("by").order_by("-number")

    @extend_schema(
        parameters=[KEY],
        request=NewSetSerializer,
        responses={201: LoadedSerializer} | REFUSALS | {400: BAD_LINES},
    )
    def create(self, request: Request, wave: str) -> Response:
        """Load a set, which rules at once; or refuse it whole, each fault by « line:column ».

        Lines are counted from 1.
        """
        asked = NewSetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        lines = [Line(at, **line) for at, line in enumerate(wanted["lines"], start=1)]

        def act() -> Reply:
            of = self.membership
            loaded = margins.load_lines(of.wave, lines, wanted["file"], of.user, clock.now())
            return Reply(201, {"number": loaded.number})

        body = {"margins": wave, "file": wanted["file"], "lines": [line.cells for line in lines]}
        return sent_once(request, body, act)
