"""Who may open what: every view of a wave declares its roles here, and a test reads them.

A wave to which somebody does not belong answers 404, as if it did not exist; a wave of hers with
another role answers 403.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from cati.models import Membership, Role, User, Wave

View = Callable[..., HttpResponseBase]


class WaveRequest(HttpRequest):
    """A request inside a wave, by a person who holds a role in it."""

    user: User
    wave: Wave
    membership: Membership


def in_wave(*roles: Role) -> Callable[[View], View]:
    """Let in the members of the wave named in the URL who hold one of `roles`."""

    def guard(view: View) -> View:
        @wraps(view)
        @login_required
        def guarded(request: Any, wave: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = member(request.user, wave)
            if membership.role not in roles:
                raise PermissionDenied
            request.wave, request.membership = membership.wave, membership
            return view(request, *args, **kwargs)

        guarded.roles = frozenset(roles)  # type: ignore[attr-defined]
        return guarded

    return guard


def open_to(who: str) -> Callable[[View], View]:
    """Declare a view outside any wave: `anyone`, or `members` (whoever is logged in)."""

    def declare(view: View) -> View:
        guarded = login_required(view) if who == "members" else view
        guarded.open_to = who  # type: ignore[attr-defined]
        return guarded

    return declare


# Every request asks this. The ORM takes longer to write the join than PostgreSQL to answer it.
WAVE_OF_MEMBER = """
SELECT w.*, m.id AS held_id, m.role AS held_role
FROM cati_membership m JOIN cati_wave w ON w.id = m.wave_id
WHERE m.user_id = %s AND w.slug = %s AND m.active
"""


def member(user: Any, slug: str) -> Membership:
    """Her active membership of the wave; Http404 where there is none."""
    for wave in Wave.objects.raw(WAVE_OF_MEMBER, [user.pk, slug]):
        beside = vars(wave)  # the columns that no wave has
        held = {"pk": beside["held_id"], "role": beside["held_role"], "active": True}
        return Membership(user=user, wave=wave, **held)
    raise Http404
