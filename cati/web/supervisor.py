"""The supervisor's board: which sector misses, by how much, a few seconds old."""

from __future__ import annotations

import hashlib

from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from cati import clock, queries
from cati.models import Role, Wave
from cati.web.access import WaveRequest, in_wave

# Half a dozen supervisors looking at once cost one reading of the table.
FRESH_SECONDS = 2


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def board(request: WaveRequest) -> HttpResponseBase:
    """The whole page, with the figures already in it."""
    context = {"now": clock.now(), "rows": board_fragment(request.wave)}
    return render(request, "cati/supervisor/board.html", context)


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def board_rows(request: WaveRequest) -> HttpResponseBase:
    """The figures alone, for the page to fetch every few seconds; 304 where none has moved."""
    fragment = board_fragment(request.wave)
    digest = hashlib.sha256(fragment.encode()).hexdigest()[:32]
    etag = f'"{digest}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    response = HttpResponse(fragment, headers=headers)
    return get_conditional_response(request, etag=etag, response=response) or response


def board_fragment(wave: Wave) -> str:
    """The rendered figures, shared by all who look for FRESH_SECONDS.

    It holds nothing of the person who asks (no name, token or nonce), so that one text serves all.
    """
    key = f"board:{wave.pk}:{get_language()}"
    fragment: str | None = cache.get(key)
    if fragment is None:
        figures = queries.board(wave, clock.now())
        late = queries.waiting_in(wave)
        context = {"board": figures, "late": late, "wave": wave}
        fragment = str(render_to_string("cati/supervisor/board.html#figures", context))
        cache.set(key, fragment, FRESH_SECONDS)
    return fragment
