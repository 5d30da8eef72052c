"""The OpenAPI description says which refusals each operation may answer, and in which shape."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated


class RefusalSerializer(serializers.Serializer[Any]):
    """Why nothing was read, in a sentence."""

    detail = serializers.CharField()


Direction = Literal["request", "response"]
UNKNOWN_PERSON = OpenApiResponse(RefusalSerializer, "No token, or one that is not valid.")
OTHER_ROLE = OpenApiResponse(RefusalSerializer, "Your role in this wave does not read this.")
NOT_HERE = OpenApiResponse(RefusalSerializer, "No such row or page, or a wave that is not yours.")
BAD_FILTER = OpenApiResponse(dict[str, list[str]], "A filter's value is not valid: why, by field.")


class Schema(AutoSchema):
    """Adds the refusals that follow from a view's permissions, filters and pages."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, refusal in self._refusals().items():
            bodies.setdefault(code, self._get_response_for_code(refusal, code))  # type: ignore[no-untyped-call]
        return bodies

    def _refusals(self) -> dict[str, OpenApiResponse]:
        if IsAuthenticated not in self.view.permission_classes:
            return {}
        refusals = {"401": UNKNOWN_PERSON, "404": NOT_HERE}
        if hasattr(self.view, "roles"):
            refusals["403"] = OTHER_ROLE
        if self._is_list_view() and getattr(self.view, "filterset_class", None):
            refusals["400"] = BAD_FILTER
        return refusals
