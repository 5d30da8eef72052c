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
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponseBase

from cati.models import Case, Membership, Role, User, Wave
from questionnaire.rows import Columns

View = Callable[..., HttpResponseBase]


class WaveRequest(HttpRequest):
    """A request inside a wave, by a person who holds a role in it."""

    user: User
    wave: Wave
    membership: Membership
    # Of the views that `cati.web.lease.on_case` guards.
    case: Case | None


def in_wave(*roles: Role) -> Callable[[View], View]:
    """Let in the members of the wave named in the URL who hold one of `roles`."""

    def guard(view: View) -> View:
        @wraps(view)
        @login_required
        def guarded(request: Any, wave: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            number = kwargs.get("number") if getattr(view, "on_case", False) else None
            membership, case = member(request.user, wave, number)
            if membership.role not in roles:
                raise PermissionDenied
            request.wave, request.membership = membership.wave, membership
            request.case = case
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
HELD, WAVE, CASE = Columns(Membership, "m"), Columns(Wave, "w"), Columns(Case, "c")
MEMBER = f"""
SELECT {HELD.sql}, {WAVE.sql}{{more}}
FROM cati_membership m JOIN cati_wave w ON w.id = m.wave_id{{join}}
WHERE m.user_id = %s AND w.slug = %s AND m.active
"""  # noqa: S608
OF_A_CASE = " LEFT JOIN cati_case c ON c.wave_id = w.id AND c.number = %s"
MEMBER_ALONE = MEMBER.format(more="", join="")
MEMBER_AND_CASE = MEMBER.format(more=f", {CASE.sql}", join=OF_A_CASE)


def member(user: Any, slug: str, number: int | None = None) -> tuple[Membership, Case | None]:
    """Her active membership of the wave, and its case of that number, None where it has none.

    Raises Http404 where she is no member.
    """
    with connection.cursor() as cursor:
        if number is None:
            cursor.execute(MEMBER_ALONE, [user.pk, slug])
        else:
            cursor.execute(MEMBER_AND_CASE, [number, user.pk, slug])
        row = cursor.fetchone()
    if row is None:
        raise Http404
    membership, rest = HELD.take(row)
    wave, rest = WAVE.take(rest)
    membership.user, membership.wave = user, wave
    if not rest or rest[0] is None:
        return membership, None
    case, _nothing = CASE.take(rest)
    case.wave = wave
    return membership, case
