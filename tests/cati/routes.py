"""Every address of the URLconf, with what its view declares about who may open it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny, IsAuthenticated

from cati.api.access import InWave
from cati.models import Role

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Undeclared(Exception):
    """A view says neither for which roles it is, nor that it is open to all."""


@dataclass(frozen=True)
class Access:
    """Who may open a view. `roles` holds in the wave of the address; None outside any wave."""

    anonymous: bool
    roles: frozenset[Role] | None = None
    programs: bool = False


@dataclass(frozen=True)
class Route:
    """One address, its parameters still open."""

    path: str
    view: Callable[..., Any]

    def __str__(self) -> str:
        return self.path

    @property
    def in_wave(self) -> bool:
        return ":wave>" in self.path

    def url(self, **parameters: Any) -> str:
        return PARAMETER.sub(lambda found: str(parameters[found[1]]), self.path)


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[Route]:
    """Every address below the resolver; the whole URLconf without one."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        elif isinstance(entry, URLPattern):
            yield Route(path, entry.callback)


def access(route: Route) -> Access:
    """What the view declares. Raises Undeclared."""
    view = route.view
    if hasattr(view, "cls"):
        return _access_of_api(route, view.cls)
    if hasattr(view, "roles") and route.in_wave:
        return Access(anonymous=False, roles=view.roles)
    if getattr(view, "open_to", "") in {"anyone", "members"}:
        return Access(anonymous=view.open_to == "anyone")
    raise Undeclared(route.path)


def _access_of_api(route: Route, view: Any) -> Access:
    permissions = list(view.permission_classes)
    if permissions == [AllowAny]:
        return Access(anonymous=True, programs=True)
    if permissions == [IsAuthenticated, InWave] and route.in_wave:
        return Access(anonymous=False, roles=view.roles, programs=True)
    if permissions == [IsAuthenticated]:
        # The wave itself may be read by all of its members.
        roles = frozenset(Role) if route.in_wave else None
        return Access(anonymous=False, roles=roles, programs=True)
    raise Undeclared(route.path)
