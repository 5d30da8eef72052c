"""« Prévision » : what the weights would cost now, while there is time to interview otherwise."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from cati.models import Role, Wave
from cati.web.access import WaveRequest, in_wave
from weighting import queries
from weighting.operations.forecast import MORE, Forecast, forecast_of
from weighting.web.plots import dots

# An interview is counted every few minutes; its effect may be told a minute later.
FRESH_SECONDS = 60


@in_wave(Role.SUPERVISOR, Role.ADMIN)
@require_safe
def page(request: WaveRequest) -> HttpResponseBase:
    """The design effect, the worst cells, and what ten more interviews would gain, by sector."""
    forecast = fresh(request.wave, with_gains=True)
    cells = [sector.worst for sector in forecast.sectors]
    plots = dots((cell.sample, cell.target) if cell else None for cell in cells)
    context = {
        "forecast": forecast,
        "sectors": list(zip(forecast.sectors, plots, strict=True)),
        "criteria": queries.CRITERIA,
        "more": MORE,
        "fresh_seconds": FRESH_SECONDS,
        "margins": queries.ruling_set(request.wave) is not None,
    }
    return render(request, "weighting/forecast.html", context)


def fresh(wave: Wave, *, with_gains: bool) -> Forecast:
    """The forecast, at most FRESH_SECONDS old, shared by all who look at the wave."""
    # Reasons are sentences, hence the language.
    key = f"forecast:{wave.pk}:{int(with_gains)}:{get_language()}"
    found: Forecast | None = cache.get(key)
    if found is None:
        found = forecast_of(wave, with_gains=with_gains)
        cache.set(key, found, FRESH_SECONDS)
    return found
