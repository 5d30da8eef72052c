"""Who may open what: every view of a wave declares its roles here, and a test reads them.

A wave to which somebody does not belong answers 404, as if it did not exist; a wave of hers with
another role answers 403.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponseBase

from cati.models import Case, Membership, Role, User, Wave
from cati.queries import CALL, CASE, CONDUCTED, PLACES_BESIDE, Conducted
from cati.web.sessions import PERSON, SAME_SESSION, known, person_id
from questionnaire.rows import Columns

View = Callable[..., HttpResponseBase]


class WaveRequest(HttpRequest):
    """A request inside a wave, by a person who holds a role in it."""

    user: User
    wave: Wave
    membership: Membership
    # Of the views that `cati.web.lease.on_case` and `on_call` guard.
    case: Case | None
    conducted: Conducted | None


def in_wave(*roles: Role) -> Callable[[View], View]:
    """Let in the members of the wave named in the URL who hold one of `roles`."""

    def guard(view: View) -> View:
        read = _read_for(view)

        @login_required
        def entered(request: Any, found: Found | None, *args: Any, **kwargs: Any) -> Any:
            if found is None:
                raise Http404
            if found.membership.role not in roles:
                raise PermissionDenied
            request.wave, request.membership = found.membership.wave, found.membership
            request.case, request.conducted = found.case, found.conducted
            return view(request, *args, **kwargs)

        @wraps(view)
        def guarded(request: Any, wave: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            number = kwargs.get("number")
            session = request.session.presume()
            found = member(person_id(request), wave, number, read, session)
            if found is None and session:
                request.session.read_again()
                found = member(person_id(request), wave, number, read)
            with known(found.person if found else None):
                response: HttpResponseBase = entered(request, found, *args, **kwargs)
            return response

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
HELD, WAVE = Columns(Membership, "m"), Columns(Wave, "w")
MEMBER = f"""
SELECT {PERSON.sql}, {HELD.sql}, {WAVE.sql}{{more}}
FROM cati_membership m JOIN cati_user u ON u.id = m.user_id
JOIN cati_wave w ON w.id = m.wave_id{{joins}}
WHERE m.user_id = %s AND w.slug = %s AND m.active
"""  # noqa: S608
OF_A_CASE = " LEFT JOIN cati_case c ON c.wave_id = w.id AND c.number = %s"
MEMBER_ALONE = MEMBER.format(more="", joins="")
MEMBER_AND_CASE = MEMBER.format(more=f", {CASE.sql}", joins=OF_A_CASE)
IN_CALL = OF_A_CASE + CALL.format(how="LEFT") + PLACES_BESIDE
MEMBER_IN_CALL = MEMBER.format(more=f", {CONDUCTED}", joins=IN_CALL)


@dataclass(frozen=True)
class Found:
    """A person in a wave; the case of the address and its open call, where the view asks for them
    and there are any."""

    person: User
    membership: Membership
    case: Case | None = None
    conducted: Conducted | None = None


def member(
    person: int | None,
    slug: str,
    number: int | None = None,
    read: str = MEMBER_ALONE,
    session: Sequence[Any] = (),
) -> Found | None:
    """Her active membership of the wave, and what `read` gives of the case of that number.

    None where she is no member, or where `session` is not what was presumed. Whether it is she who
    asks is not judged here.
    """
    if person is None:
        return None
    about = [] if read is MEMBER_ALONE else [number]
    same = f" AND {SAME_SESSION}" if session else ""
    with connection.cursor() as cursor:
        cursor.execute(read + same, [*about, person, slug, *session])
        row = cursor.fetchone()
    if row is None:
        return None
    user, row = PERSON.take(row)
    membership, row = HELD.take(row)
    membership.user = user
    membership.wave, row = WAVE.take(row)
    if not row or row[0] is None:
        return Found(user, membership)
    case, row = CASE.take(row)
    case.wave = membership.wave
    if not row or row[0] is None:
        return Found(user, membership, case)
    return Found(user, membership, case, Conducted.beside_case(case, row))


def _read_for(view: View) -> str:
    if getattr(view, "on_call", False):
        return MEMBER_IN_CALL
    return MEMBER_AND_CASE if getattr(view, "on_case", False) else MEMBER_ALONE
