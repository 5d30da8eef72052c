"""From a file of margins with mistakes to an official run in the export, in a browser.

1. She uploads a file with three mistakes and reads each beside its cell; nothing is loaded.
2. She mends two of them in the page and one by a line; what changes is shown, then loaded.
3. Eight sectors have nobody in a category: she accepts the collapses that are proposed.
4. She runs raking, then logit [0.3, 3]; one bound alone is told beside its field.
5. She compares both, makes one official, then the other one with a reason.
6. The export offers the official run by itself, and its list says which run each file is of.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.weighting import respondents
from tests.workers import Workers
from tests.world import PASSWORD, World
from weighting import queries
from weighting.core.demo import DEMO
from weighting.models import DeclaredCollapse, Margin, MarginSet, OfficialChoice, WeightingRun

pytestmark = pytest.mark.slow

MISTAKES = (
    ("CN,sexe,1,Homme,47,", "CN,sexe,1,Homme,quarante-sept,"),
    ("CH,age,5,", "CX,age,5,"),
    ("VE,emploi,1,En emploi,36,", "VE,emploi,1,En emploi,63,"),
)


@pytest.fixture
def worker(settings: Any, tmp_path: Path, transactional_db: None) -> Iterator[None]:
    """A worker on the suite's queue, to which the pages announce their jobs."""
    settings.DATA_DIR = tmp_path
    team = Workers(os.environ["REDIS_URL"], tmp_path)
    team.start()
    yield
    team.kill()


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    text = (DEMO / "margins_demo.csv").read_text(encoding="utf-8")
    for right, mistaken in MISTAKES:
        assert right in text
        text = text.replace(right, mistaken, 1)
    path = tmp_path / "marges_2026.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_margins_are_mended_then_two_runs_compared_and_one_made_official(
    live_server: Any, world: World, page: Page, worker: None, wrong: Path
) -> None:
    respondents.counted_by_criteria(world.wave, respondents.units())
    page.goto(live_server.url)
    page.get_by_label("Identifiant").fill("alain")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/preparation/")
    page.get_by_role("row").filter(has_text="Marges de redressement").get_by_role("link").click()

    expect(page.get_by_text("Aucune marge n’est chargée.")).to_be_visible()
    page.get_by_label("Fichier CSV ou XLSX").set_input_files(wrong)
    page.get_by_role("button", name="Vérifier le fichier").click()
    expect(page.get_by_role("heading", name="marges_2026.csv")).to_be_visible()
    figure = page.get_by_label("part, ligne 2", exact=True)
    expect(figure).to_have_accessible_description(
        "Ce n’est pas un nombre. Écrivez-le comme 1 234,5."
    )
    sector = page.get_by_label("secteur, ligne 29", exact=True)
    expect(sector).to_have_accessible_description(re.compile("^Secteur inconnu de la vague : CX"))
    expect(page.get_by_text("la somme est 127, il faut 100. Il y a 27 de trop.")).to_be_visible()
    expect(page.get_by_role("button", name="Charger ces marges")).to_have_count(0)
    photograph(page, "margins-mistakes")
    assert not MarginSet.objects.exists()

    figure.fill("47")
    sector.fill("CH")
    page.get_by_label("part, ligne 51", exact=True).fill("36")
    page.get_by_role("button", name="Vérifier de nouveau").click()
    expect(page.get_by_text("10 secteurs auront des marges.")).to_be_visible()
    photograph(page, "margins-mended")
    page.get_by_role("button", name="Charger ces marges").click()
    expect(page.get_by_text("Le jeu de marges n° 1 est en vigueur.")).to_be_visible()
    photograph(page, "margins")
    assert Margin.objects.ruling(world.wave).count() == 210
    assert MarginSet.objects.get().by == world.alain

    expect(page.get_by_text("8 secteurs ne se calent pas")).to_be_visible()
    page.get_by_label("Motif des regroupements choisis").fill("trop rare pour cent entretiens")
    page.get_by_role("button", name="Déclarer les regroupements choisis").click()
    expect(page.get_by_text("8 regroupements sont déclarés.")).to_be_visible()
    assert DeclaredCollapse.objects.filter(category="4", into="3", by=world.alain).count() == 8

    run(page)
    page.get_by_role("link", name="Redressement").click()
    page.get_by_label("Méthode").select_option("logit")
    page.get_by_label("Borne basse de g").fill("0,3")
    page.get_by_role("button", name="Lancer le calage").click()
    expect(page.get_by_label("Borne haute de g")).to_have_accessible_description(
        "Donnez les deux bornes, ou aucune."
    )
    page.get_by_label("Borne haute de g").fill("3")
    run(page, start=False)

    page.get_by_role("link", name="Redressement").click()
    page.get_by_role("link", name="n° 2").click()
    expect(page.get_by_role("heading", name="logit borné [0,3 ; 3]")).to_be_visible()
    photograph(page, "run")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Calages n° 2 et n° 1")).to_be_visible()
    expect(page.get_by_text("mêmes entretiens, mêmes marges")).to_be_visible()
    photograph(page, "compare")
    page.get_by_role("link", name="Calage n° 1").click()
    expect(page.get_by_role("heading", name="Calage n° 1 · raking ratio")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_text("Le calage n° 1 est officiel.")).to_be_visible()

    page.get_by_role("link", name="Redressement").click()
    page.get_by_role("link", name="n° 2").click()
    page.get_by_label("Motif").fill("bornes que le comité a demandées")
    page.get_by_role("button", name="Rendre officiel").click()
    expect(page.get_by_text("Le calage n° 2 est officiel.")).to_be_visible()
    assert queries.official(world.wave) == WeightingRun.objects.get(number=2)
    kept = OfficialChoice.objects.order_by("pk").values_list("run__number", "reason")
    assert list(kept) == [(1, ""), (2, "bornes que le comité a demandées")]
    page.get_by_role("link", name="Redressement").click()
    expect(page.get_by_text("bornes que le comité a demandées")).to_be_visible()
    photograph(page, "runs")

    page.get_by_role("link", name="Exports").click()
    expect(page.get_by_label("Calage", exact=True).locator("option:checked")).to_have_text(
        "n° 2, officiel"
    )
    page.get_by_role("button", name="Préparer l’export").click()
    expect(
        page.get_by_role("row").filter(has_text="Données pondérées, calage n° 2")
    ).to_be_visible()
    photograph(page, "export")


def run(page: Page, *, start: bool = True) -> None:
    """Start a run, from the list or from the form as it stands, and wait for its end."""
    if start:
        page.get_by_role("link", name="Redressement").click()
    page.get_by_role("button", name="Lancer le calage").click()
    page.wait_for_url("**/travaux/")
    expect(page.get_by_role("row").filter(has_text="Calage, ").first).to_contain_text(
        "fait", timeout=60_000
    )


def photograph(page: Page, name: str) -> None:
    """A picture for whoever asks for one, in SCREENSHOTS."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
