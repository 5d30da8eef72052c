"""The sample's way in a browser: a file with three mistakes, mended; a caller found by keyboard.

1. The admin lays a file down, corrects a column, tries it, imports the good rows, mends the three
   bad ones in the file that comes back, and imports them.
2. A respondent calls back: from the home to her open case in fewer than ten keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati.models import Attempt, Contact
from tests.workers import Workers
from tests.world import PASSWORD, World

pytestmark = pytest.mark.slow

FILE = """Téléphone;Qui;Adresse;Secteur;Remarque
01 99 00 50 00;Adèle Roche;1 rue A;CN;
0473;Basile Sow;2 rue B;VE;
01 99 00 50 02;Céline Tixier;3 rue C;ZZ;
01 99 00 00 01;Denise Brun;4 rue D;CN;déjà là
01 99 00 50 04;Émile Coste;5 rue E;T1;
"""


@pytest.fixture
def worker(settings: Any, tmp_path: Path, transactional_db: None) -> Iterator[None]:
    """A worker on the suite's queue, to which the pages announce their jobs."""
    settings.DATA_DIR = tmp_path
    team = Workers(os.environ["REDIS_URL"], tmp_path)
    team.start()
    yield
    team.kill()


def log_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Identifiant").fill(name)
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/v/2026/**")


def lay_down(page: Page, path: Path) -> None:
    page.get_by_role("link", name="Échantillon", exact=True).click()
    page.get_by_label("Fichier CSV ou XLSX").set_input_files(path)
    page.get_by_role("button", name="Déposer et vérifier les colonnes").click()


def test_three_bad_rows_are_mended_and_imported_again(
    live_server: Any, world: World, page: Page, worker: None, tmp_path: Path
) -> None:
    path = tmp_path / "echantillon.csv"
    path.write_text(FILE, encoding="cp1252")
    log_in(page, live_server.url, "alain")
    lay_down(page, path)
    page.get_by_label("Qui").select_option("Nom")
    page.get_by_role("button", name="Essayer, sans rien importer").click()

    row = page.locator("table.refused").get_by_role("row")
    expect(row).to_have_count(4, timeout=60_000)
    expect(row.nth(1)).to_contain_text("trop court")
    expect(row.nth(2)).to_contain_text("n’existe pas")
    expect(row.nth(3)).to_contain_text("déjà dans la vague, fiche 1")
    assert world.wave.cases.count() == 6
    page.get_by_role("button", name="Importer les 2 bonnes lignes seules").click()
    expect(page.get_by_text("2 fiches importées.")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger les lignes refusées").click()
    photograph(page, "sample-imported")

    mended = tmp_path / "corrigees.csv"
    download.value.save_as(mended)
    text = mended.read_text(encoding="utf-8-sig")
    for wrong, right in (("0473;", "01 99 00 50 01;"), (";ZZ;", ";VE;"), ("00 00 01", "00 50 03")):
        assert wrong in text
        text = text.replace(wrong, right, 1)
    mended.write_text(text, encoding="utf-8")
    lay_down(page, mended)
    page.get_by_label("Qui").select_option("Nom")
    page.get_by_role("button", name="Essayer, sans rien importer").click()
    page.get_by_role("button", name="Importer 3 fiches").click(timeout=60_000)
    expect(page.get_by_text("3 fiches importées.")).to_be_visible(timeout=60_000)
    assert world.wave.cases.count() == 11
    assert Contact.objects.get(case__number=10).name == "Céline Tixier"


def test_a_caller_is_found_and_her_case_open_in_fewer_than_ten_keys(
    live_server: Any, world: World, page: Page
) -> None:
    Contact.objects.filter(case__number=4).update(name="Céline Tixier")
    log_in(page, live_server.url, "nadia")
    keys = ["r", *"tixie", "Enter", "Enter"]
    page.keyboard.press(keys[0])
    expect(page.get_by_label("Nom, téléphone ou n° de fiche")).to_be_focused()
    for key in keys[1:-1]:
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Ouvrir")).to_be_focused()
    photograph(page, "inbound")
    page.keyboard.press(keys[-1])
    page.wait_for_url("**/fiche/4/")
    expect(page.get_by_text("En communication")).to_be_visible()
    assert len(keys) < 10
    assert Attempt.objects.get().interviewer == world.nadia


def photograph(page: Page, name: str) -> None:
    """A picture for whoever asks for one, in SCREENSHOTS."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")
