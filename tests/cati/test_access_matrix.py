"""Who may open what: every address × every person × her own and another wave, really asked for.

What is expected follows from what each view declares; a view that declares nothing fails.

1. Without a login: to the login page, or 401 for a program.
2. A wave in which somebody has no role does not exist: 404.
3. Another role of hers than the view's: 403.
4. Whoever may is let in: the wave's membership stands on the request.
5. Each of these answers, refusals included, carries the headers that every page has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from cati.models import Membership, User
from tests.cati.routes import (
    Access,
    Route,
    Undeclared,
    access,
    routes,
    rows_in_hand,
    rows_of_others,
)
from tests.cati.test_headers import carries_the_policy
from tests.world import World

ROUTES = list(routes())
# One world answers for all addresses of a part: what is asked leaves nothing.
PARTS = sorted({route.part for route in ROUTES})
PEOPLE = ("anonymous", "nadia", "claire", "alain", "oscar")
METHODS = ("GET", "POST")


def expected(declared: Access, user: User | None, role: str | None) -> str:
    if declared.anonymous:
        return "in"
    if user is None:
        return "401" if declared.programs else "login"
    if declared.roles is None:
        return "in"
    if role is None:
        return "404"
    return "in" if role in declared.roles else "403"


def seen(response: HttpResponse, declared: Access) -> str:
    if response.headers.get("Location", "").startswith("/connexion/?next="):
        return "login"
    if response.status_code == 401:
        return "401"
    # A view that lets somebody in may still answer 404, for a question that does not exist.
    let_in = hasattr(response.wsgi_request, "membership")  # type: ignore[attr-defined]
    if response.status_code in {403, 404} and not let_in:
        return str(response.status_code)
    if declared.roles is not None and not declared.programs and not let_in:
        return "no membership"
    return "in"


@dataclass(frozen=True)
class Visitor:
    """One of the people with her browser, logged in, and her roles by wave."""

    name: str
    user: User | None
    client: Client
    roles: dict[str, str]


def visitors(world: World) -> list[Visitor]:
    roles: dict[str, dict[str, str]] = defaultdict(dict)
    members = Membership.objects.values_list("user__username", "wave__slug", "role")
    for name, slug, role in members:
        roles[name][slug] = role
    people: dict[str, User | None] = {name: getattr(world, name, None) for name in PEOPLE}
    return [
        Visitor(name, user, world.client(user) if user else Client(), roles[name])
        for name, user in people.items()
    ]


def ask(client: Client, url: str, method: str) -> HttpResponse:
    """One request, of which nothing stays: neither rows nor cookies."""
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    saved = transaction.savepoint()
    response = client.generic(method, url)
    transaction.savepoint_rollback(saved)
    client.cookies.clear()
    client.cookies.load(cookies)
    return response  # type: ignore[return-value]


@pytest.mark.parametrize("part", PARTS)
def test_every_address_lets_in_whom_it_declares_and_nobody_else(world: World, part: str) -> None:
    waves, people = [rows_in_hand(world), rows_of_others(world)], visitors(world)
    for route in ROUTES:
        if route.part == part:
            asked = waves if route.in_wave else waves[:1]
            answered = {method for rows in asked for method in answers(route, rows, people)}
            assert answered, f"{route} answers to no method"


def answers(route: Route, rows: dict[str, Any], people: list[Visitor]) -> Iterator[str]:
    """The methods to which it answers, each as every person sees it."""
    declared, url = access(route), route.url(**rows)
    for visitor in people:
        for method in METHODS:
            response = ask(visitor.client, url, method)
            carries_the_policy(response)
            if response.status_code == 405:
                continue
            yield method
            assert response.status_code < 500, (method, url, visitor.name)
            wanted = expected(declared, visitor.user, visitor.roles.get(rows["wave"]))
            assert seen(response, declared) == wanted, (method, url, visitor.name)


def test_a_role_that_was_withdrawn_opens_nothing(world: World) -> None:
    Membership.objects.filter(user=world.claire).update(active=False)
    client = world.client(world.claire)
    for url in ("/v/2026/terrain/", "/api/v1/waves/2026/", "/api/v1/waves/2026/cases/"):
        assert client.get(url).status_code == 404


def test_the_matrix_knows_every_kind_of_address() -> None:
    paths = {route.path for route in ROUTES}
    assert {"/", "/connexion/", "/readyz", "/api/v1/token/", "/api/docs/"} <= paths
    assert {"/v/<slug:wave>/terrain/", "/api/v1/waves/<slug:wave>/cases/"} <= paths


def test_a_view_that_declares_nothing_fails() -> None:
    def view(request: Any) -> HttpResponse:
        return HttpResponse()

    entry = path("oubli/", view)
    with pytest.raises(Undeclared, match="oubli"):
        access(Route("/oubli/", entry.callback))


def test_roles_without_a_wave_in_the_address_fail() -> None:
    wave_view = next(route.view for route in ROUTES if route.path.endswith("/terrain/"))
    with pytest.raises(Undeclared):
        access(Route("/terrain/", wave_view))
