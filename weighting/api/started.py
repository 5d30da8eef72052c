"""What starting long work answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StartedSerializer(serializers.Serializer[Any]):
    """The job to follow under `jobs/`."""

    job = serializers.IntegerField()
