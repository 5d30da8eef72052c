"""What every response of the product has in common."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import resolve_url

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def no_store(get_response: GetResponse) -> GetResponse:
    """Keep pages out of every cache: a shared workstation must not show a call after logout.

    A view that says otherwise (the board's fragment, revalidated by its ETag) is left alone.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def login_from_fragment(get_response: GetResponse) -> GetResponse:
    """Send the whole page to the login when a fragment is asked for by a session that has ended.

    htmx would follow the redirect and put the login form inside the page.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (
            getattr(request, "htmx", False)
            and isinstance(response, HttpResponseRedirect)
            and response.url.startswith(resolve_url("login"))
        ):
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("login")})
        return response

    return middleware


class Policy(CSPMiddleware):
    """The content security policy of the pages; a reply in JSON may do nothing at all.

    The pages' policy is put together anew for each response, which an answer would feel.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if isinstance(response, JsonResponse):
            response.headers.setdefault(HEADER, "default-src 'none'; frame-ancestors 'none'")
            return response
        return super().process_response(request, response)
