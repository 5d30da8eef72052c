"""« Redressement » : start a run, read its diagnostics, compare, make official.

1. The list says what each run cost; where nothing can be run, why.
2. A refusal stands where the run was asked for, by name.
3. The diagnostics: verdict, sectors, the chosen sector's margins before and after.
4. The admin's checklist has its lines.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati.models import Job
from cati.operations import jobs
from tests.weighting.respondents import Unit, weighted
from tests.world import NOW, World
from weighting.models import Margin
from weighting.operations import runs
from weighting.operations.margins import load_demo_margins

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
PAGE = "/v/2026/redressement/"


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def page(client: Client, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200
    return html.fromstring(response.content)


def words(node: Any) -> str:
    """Its text, any blank being a space."""
    return " ".join(node.text_content().split())


def test_without_margins_the_button_says_what_is_missing(world: World, admin: Client) -> None:
    shown = page(admin, PAGE)
    assert shown.xpath("//button[@disabled]")
    assert "Il manque les marges." in words(shown)
    load_demo_margins(world.wave)
    assert "Aucun entretien n’est encore compté." in words(page(admin, PAGE))


def test_a_run_is_started_from_the_form_and_waits_in_the_jobs(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    load_demo_margins(world.wave)
    assert not page(admin, PAGE).xpath("//button[@disabled]")
    form = {"uuid": uuid4(), "method": "logit", "low": "0,3", "high": "3"}
    response = admin.post(PAGE + "lancer/", form)
    assert response["Location"] == "/v/2026/travaux/"
    assert Job.objects.get().params == {"method": "logit", "bounds": [0.3, 3.0]}
    shown = words(page(admin, "/v/2026/travaux/"))
    assert "Calage, logit borné entre 0,3 et 3" in shown


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"method": "logit"}, "low", "Cette méthode a deux bornes"),
        ({"method": "logit", "low": "1,2", "high": "3"}, "low", "Cette méthode a deux bornes"),
        ({"method": "raking", "low": "0,3", "high": "3"}, "low", "n’a pas de bornes"),
        ({"method": "logit", "low": "0,3"}, "high", "Donnez les deux bornes"),
        ({"method": "magie"}, "method", "n’en fait pas partie"),
        ({"method": "logit", "low": "un", "high": "3"}, "low", "Saisissez un nombre"),
    ],
)
def test_what_is_wrong_with_a_form_stands_beside_its_field(
    world: World, admin: Client, form: dict[str, str], field: str, said: str
) -> None:
    response = admin.post(PAGE + "lancer/", form | {"uuid": uuid4()})
    assert response.status_code == 422
    shown = html.fromstring(response.content)
    [control] = shown.xpath(f"//*[@id='id_{field}']")
    assert control.get("aria-invalid") == "true"
    beside = shown.xpath(f"string(//*[@id='{control.get('aria-describedby')}'])")
    assert said in beside
    assert [one.value for one in shown.xpath("//input[@id='id_high']")] == [form.get("high")]
    assert not Job.objects.exists()


def test_a_refusal_is_told_where_the_run_was_asked_for(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    load_demo_margins(world.wave)
    Margin.objects.filter(sector__code="VE", criterion="sexe").update(total=1)
    job = runs.ask_for_run(world.wave, "raking", None, world.alain, NOW)
    jobs.run(job.pk, lambda: NOW)
    shown = words(page(admin, PAGE))
    assert "Le dernier calage a été refusé." in shown
    assert "Les Vergnes, " in shown


def test_the_diagnostics_give_the_verdict_then_the_sectors_then_the_margins(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    run = weighted(world.wave, world.alain)
    shown = page(admin, f"{PAGE}{run.number}/?secteur=CH")
    facts = [words(one) for one in shown.xpath("//dl/div/dd")]
    assert facts[:3] == ["1 500", "170 185", "210 600"]
    assert facts[3].endswith("dont 1,88 d’allocation")
    sectors = shown.xpath("//section[1]//table[1]/tbody/tr")
    assert len(sectors) >= 10
    assert shown.xpath("string(//tr[@class='chosen']//a)") == "Champratel"
    margins = shown.xpath("//table[contains(@class, 'margins')]/tbody/tr")
    assert len(margins) == 20
    first = [words(cell) for cell in margins[0]]
    assert (first[0], first[1], first[5]) == ("Sexe", "Homme", "47,0")
    assert "Regroupement déclaré : " in words(shown)


def test_an_unknown_sector_shows_the_first_one(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    run = weighted(world.wave, world.alain)
    shown = page(admin, f"{PAGE}{run.number}/?secteur=%00XX")
    assert shown.xpath("count(//tr[@class='chosen'])") == 1


def test_two_runs_are_compared_and_one_made_official(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    weighted(world.wave, world.alain)
    weighted(world.wave, world.alain, "truncated", (0.1, 4.0))
    shown = words(page(admin, f"{PAGE}2/comparer/?avec=1"))
    assert "mêmes entretiens" in shown
    assert "varie au plus d’un facteur" in shown
    admin.post(f"{PAGE}2/officiel/", {"uuid": uuid4()})
    listed = [words(row) for row in page(admin, PAGE).xpath("//main//table[1]/tbody/tr")][:2]
    assert ["officiel" in row for row in listed] == [True, False]
    assert admin.get(f"{PAGE}2/comparer/?avec=77").status_code == 404
    assert admin.get(f"{PAGE}2/comparer/?avec=x").status_code == 302


def test_the_export_panel_names_the_official_run_and_starts_an_export(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    assert "il n’y en a pas encore" in words(page(admin, "/v/2026/travaux/"))
    run = weighted(world.wave, world.alain)
    runs.make_official(run, world.alain, "", NOW)
    shown = page(admin, "/v/2026/travaux/")
    assert shown.xpath("//td[@class='act']/a/@href") == [f"{PAGE}1/"]
    assert words(shown.xpath("//select[@id='run']/option[@selected]")[0]) == "n° 1, officiel"
    form = {"uuid": uuid4(), "run": "1", "format": "csv-labels"}
    admin.post("/v/2026/exports/preparer/", form)
    assert Job.objects.filter(kind="export").get().params == {"run": 1, "format": "csv-labels"}
    assert "Données pondérées, calage n° 1, CSV" in words(page(admin, "/v/2026/travaux/"))


def test_the_checklist_has_margins_weights_and_exports(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    def line(title: str) -> str:
        rows = page(admin, "/v/2026/preparation/").xpath("//tbody/tr")
        found = next(row for row in rows if row.xpath("string(th/b)") == title)
        return words(found.xpath("td[2]")[0]) + " : " + words(found.xpath("th/p")[0])

    assert line("Marges de redressement") == "en cours : Aucune marge n’est chargée."
    run = weighted(world.wave, world.alain)
    assert line("Marges de redressement") == (
        "fait : 10 secteurs × 5 critères ; 8 regroupements déclarés"
    )
    assert line("Redressement") == "en cours : 1 calage ; aucun n’est officiel"
    runs.make_official(run, world.alain, "", NOW)
    assert line("Redressement") == "fait : 1 calage ; n° 1 officiel, 1 500 entretiens"
    assert line("Exports") == "en cours : Aucun fichier prêt"
