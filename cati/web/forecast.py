"""« Prévision » : where each sector lands, which one runs dry, what the next replicate brings."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cati import clock
from cati.models import Role
from cati.queries.forecast import forecast
from cati.web.access import WaveRequest, in_wave


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    context = {"forecast": forecast(request.wave, clock.now())}
    return render(request, "cati/supervisor/forecast.html", context)
