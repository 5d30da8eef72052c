"""What an address that leads nowhere answers, and what a server without its database does.

A page to people, JSON to programs and to the page's script; the reason goes to the log alone.
"""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found

# What passes by itself, or once somebody has seen to it: the server is gone or restarts, its disk
# is full, the pool is empty, two transactions were in each other's way.
PASSING = (OperationalError, InterfaceError)
RETRY_SECONDS = 5


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": _("Cette adresse n’existe pas.")}, status=404)
    return page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled: 503 where the database failed, 500 for our faults."""
    if isinstance(sys.exception(), PASSING):
        return unavailable(request)
    if wants_json(request) or request.path.startswith("/api/"):
        message = _("Le serveur n’a pas pu répondre. Prévenez le bureau avec l’heure qu’il est.")
        return JsonResponse({"detail": message}, status=500)
    return HttpResponse(render_to_string("500.html"), status=500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 {"retry": true}, or a page that tries again by itself; the database is not asked.

    Nothing was written: whoever sends the same request again, with its UUID, has one effect.
    """
    headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
    if wants_json(request) or request.path.startswith("/api/"):
        message = _("La base de données ne répond pas. Renvoyez la même demande dans un instant.")
        return JsonResponse({"retry": True, "message": message}, status=503, headers=headers)
    context = {"asks": request.method in {"GET", "HEAD"}, "seconds": RETRY_SECONDS}
    # Without the request: its context would ask for the user, and so for the database.
    page = render_to_string("503.html", context)
    return HttpResponse(page, status=503, headers=headers)


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's script asks, and not the browser itself."""
    return request.content_type == "application/json" or not request.accepts("text/html")
