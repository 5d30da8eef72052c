"""The dataset of a run in pages: the same rows, columns and codes as its files."""

from __future__ import annotations

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cati.api.access import InWave
from cati.api.schema import BAD_FILTER
from cati.models import Membership, Role
from weighting.exports.columns import Heading
from weighting.exports.dataset import Dataset, dataset_of
from weighting.models import WeightingRun

TO_A_PAGE, AT_MOST = 100, 1000


class ColumnSerializer(serializers.Serializer[Heading]):
    """`labels` says the codes in words; `missing` which of them are no answer."""

    name = serializers.CharField()
    full_name = serializers.CharField(source="full")
    wording = serializers.CharField(source="label")
    kind = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.IntegerField())


class DatasetSerializer(serializers.Serializer[Any]):
    """`results` has one list per interview, in the order of `columns`; null where not asked.

    `next` is the number of the page that follows, null at the end.
    """

    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)
    columns = ColumnSerializer(many=True)
    results = serializers.ListField(child=serializers.ListField())


class PageSerializer(serializers.Serializer[Any]):
    page = serializers.IntegerField(min_value=1, max_value=10**6, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=AT_MOST, default=TO_A_PAGE)
    paradata = serializers.BooleanField(default=False)


class DatasetPages(APIView):
    """The dataset of a run, its interviews by number. For admins."""

    permission_classes = [IsAuthenticated, InWave]
    roles: ClassVar[frozenset[Role]] = frozenset({Role.ADMIN})
    membership: Membership

    @extend_schema(
        parameters=[
            OpenApiParameter("page", OpenApiTypes.INT),
            OpenApiParameter("page_size", OpenApiTypes.INT),
            OpenApiParameter("paradata", OpenApiTypes.BOOL),
        ],
        responses={200: DatasetSerializer, 400: BAD_FILTER},
    )
    def get(self, request: Request, wave: str, run: int) -> Response:
        """One page of interviews, in codes, with what the columns mean."""
        asked = PageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        page, size = asked.validated_data["page"], asked.validated_data["page_size"]
        row = get_object_or_404(WeightingRun, wave=self.membership.wave, number=run)
        dataset = dataset_of(
            row, paradata=asked.validated_data["paradata"], first=(page - 1) * size, most=size
        )
        return Response(_page(dataset, page, size))


def _page(dataset: Dataset, page: int, size: int) -> dict[str, Any]:
    return {
        "count": dataset.size,
        "next": page + 1 if page * size < dataset.size else None,
        "columns": [ColumnSerializer(column).data for column in dataset.columns],
        "results": list(dataset.rows()),
    }
