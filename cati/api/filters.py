"""A filter by an instant, for any instant that somebody may write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField


class InstantField(IsoDateTimeField):  # type: ignore[misc]
    """Reads ISO 8601 with any offset as UTC: PostgreSQL refuses offsets beyond 15:59."""

    def clean(self, value: Any) -> datetime | None:
        instant = super().clean(value)
        try:
            return instant.astimezone(UTC) if instant else None
        except OverflowError as error:
            raise ValidationError(_("Cette date est hors du calendrier.")) from error


class InstantFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = InstantField
