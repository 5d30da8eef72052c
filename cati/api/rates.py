"""The outcome rates of a wave, with the counts and the outcomes behind them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cati.api.access import READERS, InWave
from cati.api.schema import BAD_FILTER
from cati.core.rates import CLASSES, NAMES, Counts, Rates, Share
from cati.core.rates_text import Mistyped, read_share
from cati.models import Membership, Role
from cati.queries.rates import BREAKDOWNS, Indicators, Line, Outcome, indicators

_Field = serializers.Field[Any, Any, Any, Any]
SHARE = {
    "oneOf": [
        {"type": "number"},
        {"type": "object", "additionalProperties": {"type": "number"}},
    ]
}


@extend_schema_field(SHARE)
class ShareField(serializers.Field[Share, str, Share, Any]):
    """A share of the cases of unknown eligibility: one number, or one by class."""

    def to_representation(self, value: Share) -> Share:
        return value


class CountsSerializer(serializers.Serializer[Counts]):
    """Cases by class, under the letters of the standard."""

    def get_fields(self) -> dict[str, _Field]:
        return {name: serializers.IntegerField() for name in CLASSES}


class RatesSerializer(serializers.Serializer[Rates]):
    """Shares in [0, 1]; null where nothing is divided by. `e` is the share that was applied."""

    def get_fields(self) -> dict[str, _Field]:
        e: _Field = ShareField(allow_null=True)
        return {"e": e} | {name: serializers.FloatField(allow_null=True) for name in NAMES}


class OutcomeSerializer(serializers.Serializer[Outcome]):
    """`code` is the one that interviewers type; `aapor` and `category` are the standard's."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    aapor = serializers.CharField()
    category = serializers.ChoiceField(choices=CLASSES)
    cases = serializers.IntegerField()


class LineSerializer(serializers.Serializer[Line]):
    """`quota`: cases that met a full quota, in no count and no rate.

    `transformation`: complete interviews over the cases that were `reached`.
    """

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    cases = serializers.IntegerField()
    quota = serializers.IntegerField()
    reached = serializers.IntegerField()
    transformation = serializers.FloatField(allow_null=True)
    counts = CountsSerializer()
    rates = RatesSerializer()
    outcomes = OutcomeSerializer(many=True)


class IndicatorsSerializer(serializers.Serializer[Indicators]):
    """`e_with_quota`: e, were those who met a full quota counted as not eligible."""

    e_with_quota = serializers.FloatField(allow_null=True)
    total = LineSerializer()
    lines = LineSerializer(many=True)


class AskedSerializer(serializers.Serializer[Any]):
    """`e`: a number such as 0.9, or by class such as UH=0.4,UR=0.9; computed where it is absent."""

    by = serializers.ChoiceField(choices=BREAKDOWNS, required=False)
    e = serializers.CharField(required=False)

    def validate_e(self, text: str) -> Share:
        try:
            return read_share(text)
        except Mistyped as slip:
            raise serializers.ValidationError(str(slip)) from slip


class RatesView(APIView):
    """AAPOR outcome rates: under quotas, fieldwork indicators. For supervisors and admins."""

    permission_classes = [IsAuthenticated, InWave]
    roles: ClassVar[frozenset[Role]] = READERS
    membership: Membership

    @extend_schema(
        operation_id="waves_rates",
        parameters=[AskedSerializer],
        responses={200: IndicatorsSerializer, 400: BAD_FILTER},
    )
    def get(self, request: Request, wave: str) -> Response:
        """The rates now: of the whole wave, and of its sectors, replicates or interviewers."""
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        by, e = asked.validated_data.get("by", ""), asked.validated_data.get("e")
        return Response(IndicatorsSerializer(indicators(self.membership.wave, by, e)).data)
