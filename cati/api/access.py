"""Who may read what of a wave: each view declares its `roles`, as the screens do.

A wave to which somebody does not belong answers 404, another role of hers in it 403.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from django.shortcuts import get_object_or_404
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.viewsets import ReadOnlyModelViewSet

from cati.models import Membership, Role

T = TypeVar("T", bound=Model)
READERS = frozenset({Role.SUPERVISOR, Role.ADMIN})


class InWave(BasePermission):
    """Lets in the members of the wave named in the address who hold one of the view's roles."""

    def has_permission(self, request: Request, view: Any) -> bool:
        memberships = Membership.objects.filter(active=True).select_related("wave")
        view.membership = get_object_or_404(
            memberships, user=request.user, wave__slug=view.kwargs["wave"]
        )
        return view.membership.role in view.roles


class WaveRows(ReadOnlyModelViewSet[T]):
    """Rows of one wave, to list and to read one by one."""

    permission_classes = [IsAuthenticated, InWave]
    roles: ClassVar[frozenset[Role]] = READERS
    membership: Membership
