"""The guard of every screen on a case: whoever does not hold it is told who does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from cati import queries
from cati.models import Case
from cati.operations.errors import Refused, StaleLease
from cati.web.access import WaveRequest
from cati.web.errors import wants_json

CaseView = Callable[..., HttpResponseBase]


def on_case(view: CaseView) -> CaseView:
    """Give the view the case of the address; a write whose lease is lost is told who holds it.

    For what ends the lease: the same request, sent again, finds its reply and not a stranger.
    """

    @wraps(view)
    def guarded(request: WaveRequest, number: int, *args: Any, **kwargs: Any) -> HttpResponseBase:
        case = request.case
        if case is None:
            raise Http404
        try:
            return view(request, case, *args, **kwargs)
        except StaleLease as lost:
            return stale(request, case, lost.holder)

    guarded.on_case = True  # type: ignore[attr-defined]
    return guarded


def on_call(view: CaseView) -> CaseView:
    """The same, and `request.conducted` has what the open call conducts, read with the case."""
    guarded = on_case(view)
    guarded.on_call = True  # type: ignore[attr-defined]
    return guarded


def on_held_case(view: CaseView) -> CaseView:
    """`on_case`, and whoever does not hold the case does not reach the view at all."""

    @wraps(view)
    def held(request: WaveRequest, case: Case, *args: Any, **kwargs: Any) -> HttpResponseBase:
        check_held(request, case)
        return view(request, case, *args, **kwargs)

    return on_case(held)


def check_held(request: WaveRequest, case: Case) -> None:
    """Raises StaleLease unless the person who asks holds the case."""
    if case.holder_id != request.user.pk:
        raise StaleLease(case.holder.short_name if case.holder else "")


def stale(request: WaveRequest, case: Case, holder: str) -> HttpResponse:
    """409: the case is somebody else's, or nobody's any more."""
    if wants_json(request):
        return JsonResponse({"stale": True, "holder": holder}, status=409)
    kept = queries.kept_late(case, request.user)
    context = {"case": case, "holder": holder, "kept": kept}
    return render(request, "cati/interviewer/stale.html", context, status=409)


def warn(request: WaveRequest, refusal: Refused) -> None:
    """Say on the next page why nothing was done."""
    messages.warning(request, " ".join(refusal.messages.values()))


def refused_json(refusal: Refused) -> JsonResponse:
    return JsonResponse({"errors": refusal.messages}, status=422)
