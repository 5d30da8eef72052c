"""The forecast during fieldwork: what the weights would cost now, and who would mend it.

1. The figures are those of a run on the same interviews.
2. A sector that cannot be calibrated yet says why; the others are told all the same.
3. Ten more interviews of a profile gain what calibrating with them really gives.
4. The page is shared for a minute, and open to supervisors and admins.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F
from lxml import html

from cati.models import Case
from tests.weighting import respondents
from tests.weighting.respondents import Unit, weighted
from tests.world import World
from weighting.operations.forecast import MORE, Forecast, SectorForecast, forecast_of
from weighting.operations.margins import load_demo_margins
from weighting.web import forecast as page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder"), pytest.mark.slow]
PAGE = "/v/2026/redressement/prevision/"


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    cache.clear()


def of(forecast: Forecast, code: str) -> SectorForecast:
    return next(sector for sector in forecast.sectors if sector.code == code)


# ------------------------------------------------------------------------------- 1. figures


def test_the_forecast_is_what_a_run_would_cost(world: World, sample: list[Unit]) -> None:
    run = weighted(world.wave, world.alain)
    forecast = forecast_of(world.wave, with_gains=False)
    assert (forecast.n, forecast.ready) == (1500, 10)
    assert forecast.deff == pytest.approx(run.report["total"]["deff"], rel=1e-12)
    for row in run.report["sectors"]:
        assert of(forecast, row["code"]).deff == pytest.approx(row["deff"], rel=1e-12)


def test_the_worst_cell_is_named_with_its_shares(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    found = forecast_of(world.wave, with_gains=False).worst
    assert found is not None
    sector, cell = found
    its = [unit for unit in sample if unit["secteur"] == sector.code]
    there = [unit for unit in its if unit["statut_occupation"] == "2"]
    assert (sector.code, cell.name, cell.target) == ("CO", "Occupation : Locataire HLM", 82.0)
    assert cell.n == len(there)
    assert cell.sample == pytest.approx(100 * len(there) / len(its))


# ------------------------------------------------------------------------------- 2. reasons


def test_a_sector_that_cannot_be_calibrated_says_why(world: World) -> None:
    people = [
        unit
        for unit in respondents.units()
        if unit["secteur"] in ("CN", "VE") and (unit["secteur"], unit["age"]) != ("VE", "5")
    ]
    respondents.counted_by_criteria(world.wave, people)
    load_demo_margins(world.wave)
    forecast = forecast_of(world.wave, with_gains=True)
    assert forecast.ready == 1
    assert of(forecast, "CN").gains
    [reason] = of(forecast, "VE").reasons
    assert reason.startswith("Âge, 75 ans ou plus : personne n’a été interrogé")
    assert of(forecast, "T1").reasons[0].startswith("Aucun entretien compté.")
    assert of(forecast, "VE").deff is None


def test_before_any_interview_or_margin_every_sector_says_so(world: World) -> None:
    forecast = forecast_of(world.wave, with_gains=True)
    assert (forecast.n, forecast.deff, forecast.ready) == (0, None, 0)
    assert all("marge" in " ".join(sector.reasons) for sector in forecast.sectors)
    load_demo_margins(world.wave)
    assert forecast_of(world.wave, with_gains=True).worst is None


# ------------------------------------------------------------------------------- 3. gains


def test_more_of_everybody_gains_in_proportion(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    for sector in forecast_of(world.wave, with_gains=False).sectors:
        assert sector.n_eff is not None and sector.usual is not None
        doubled = sector.n_eff * (sector.n + MORE) / sector.n
        assert sector.usual == pytest.approx(doubled - sector.n_eff)


def test_a_gain_is_what_calibrating_with_ten_more_gives(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    before = of(forecast_of(world.wave, with_gains=True), "CO")
    young = next(gain for gain in before.gains if gain.cell.name == "Âge : 18-24 ans")
    there = [unit for unit in sample if (unit["secteur"], unit["age"]) == ("CO", "1")]
    # Ten as it happens: each of them once more is ten more that are spread as they are.
    assert len(there) == young.cell.n == MORE
    Case.objects.filter(wave=world.wave).update(number=F("number") + 50_000)
    respondents.counted_by_criteria(world.wave, there)
    after = of(forecast_of(world.wave, with_gains=False), "CO")
    assert before.n_eff is not None and after.n_eff is not None
    assert young.n_eff == pytest.approx(after.n_eff - before.n_eff, rel=1e-6)


def test_the_best_profile_gains_more_than_chance_and_the_worst_less(
    world: World, sample: list[Unit]
) -> None:
    load_demo_margins(world.wave)
    for sector in forecast_of(world.wave, with_gains=True).sectors:
        assert sector.usual is not None
        gains = [gain.n_eff for gain in sector.gains]
        assert gains == sorted(gains, reverse=True)
        assert gains[0] > sector.usual > gains[-1]


# ------------------------------------------------------------------------------- 4. the page


def test_the_page_tells_figures_reasons_and_profiles(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    response = world.client(world.claire).get(PAGE)
    shown = html.fromstring(response.content)
    rows = shown.xpath("//table[contains(@class, 'forecast')]/tbody/tr")
    assert len(rows) == 10
    text = " ".join(shown.text_content().split())
    assert "1 500" in text
    assert "QPV de Cournon, Occupation : Locataire HLM" in text
    assert "10 entretiens de plus" in text
    assert not shown.xpath("//nav[@class='tabs']")


def test_without_margins_the_page_says_what_is_missing(world: World) -> None:
    text = world.client(world.alain).get(PAGE).content.decode()
    assert "Aucune marge n’est chargée" in text


def test_a_second_look_within_a_minute_computes_nothing(
    world: World, sample: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_demo_margins(world.wave)
    first = page.fresh(world.wave, with_gains=True)

    def never(*_wave: Any, **_options: Any) -> Forecast:
        raise AssertionError("computed again")

    monkeypatch.setattr(page, "forecast_of", never)
    assert page.fresh(world.wave, with_gains=True) == first


def test_the_admins_home_has_the_forecast_in_one_line(world: World, sample: list[Unit]) -> None:
    home = world.client(world.alain)
    assert "Prévision du redressement" not in home.get("/v/2026/preparation/").content.decode()
    load_demo_margins(world.wave)
    text = " ".join(
        html.fromstring(home.get("/v/2026/preparation/").content).text_content().split()
    )
    assert "10 secteurs sur 10 se calent ; effet de plan 2,12 si l’on calait maintenant" in text
