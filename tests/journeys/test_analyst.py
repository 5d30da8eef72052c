"""The analyst's way from the finished fieldwork to paper, by clicks alone, with a real worker.

1. She runs the weights, and makes them official.
2. She opens the Flash on health, and takes it as PDF and as it prints: two pages of paper each.
3. She makes a table among some people only, whose rows are compared with their control sector.
   The answers to tick stand there as soon as the question is chosen; without any, she is told.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.driving import log_in
from tests.journeys.test_weights import photograph, worker
from tests.weighting import respondents
from tests.world import World

__all__ = ["worker"]
pytestmark = pytest.mark.slow


def test_the_analyst_prints_a_flash_and_asks_for_a_table(
    live_server: Any, world: World, page: Page, worker: None, tmp_path: Path
) -> None:
    people = respondents.units()
    respondents.copied(world.wave, people, respondents.interviewed(world.wave, people[:40]))
    respondents.load_demo_margins(world.wave)
    log_in(page, live_server.url, "alain")

    make_weights_official(page)
    page.get_by_role("link", name="Tableaux").click()
    print_the_flash_on_health(page, tmp_path)
    page.get_by_role("link", name="Retour aux tableaux").click()
    ask_who_goes_without_care_among_the_ill(page, len(people))


def make_weights_official(page: Page) -> None:
    page.get_by_role("link", name="Redressement").click()
    page.get_by_role("button", name="Lancer le calage").click()
    run = page.get_by_role("row").filter(has_text="Calage, raking")
    expect(run).to_contain_text("fait", timeout=60_000)
    run.get_by_role("link", name="Ouvrir").click()
    page.get_by_role("button", name="Rendre officiel").click()
    expect(page.get_by_text("est officiel.")).to_be_visible()


def print_the_flash_on_health(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Santé et accès aux soins").click()
    expect(page.get_by_role("heading", name="Santé et accès aux soins", level=2)).to_be_visible()
    photograph(page, "analyst-flash")
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    download.value.save_as(folder / "sante.pdf")
    page.pdf(path=folder / "printed.pdf", prefer_css_page_size=True)
    assert pages_of(folder / "sante.pdf") == pages_of(folder / "printed.pdf") == 2


def ask_who_goes_without_care_among_the_ill(page: Page, everybody: int) -> None:
    show = page.get_by_role("button", name="Afficher")
    page.get_by_label("Question", exact=True).select_option("SAN06")
    page.get_by_label("Parmi ceux qui, à").select_option("SAN01")
    ticks = page.get_by_role("group", name="ont répondu")
    expect(ticks.get_by_label("Mauvaise", exact=True)).to_be_visible()
    show.click()
    expect(page.get_by_role("alert")).to_contain_text("cochez une réponse ou plus")

    ticks.get_by_label("Mauvaise", exact=True).check()
    ticks.get_by_label("Très mauvaise").check()
    page.get_by_label("Écart au secteur témoin").check()
    page.get_by_label("Effectifs de chaque ligne").check()
    show.click()
    who = "État de santé : « Mauvaise » ou « Très mauvaise »"
    expect(page.get_by_text(f"Parmi : {who}")).to_be_visible()
    photograph(page, "analyst-table")
    *_figures, n, _weighted = row_of(page, "Ensemble").locator("td").all_inner_texts()
    assert 0 < int(n) < everybody
    assert re.search(r"[+−]\d+ pt", row_of(page, "Ensemble QPV").inner_text())


def row_of(page: Page, name: str) -> Locator:
    head = page.get_by_role("rowheader", name=name, exact=True)
    return page.get_by_role("row").filter(has=head)


def pages_of(path: Path) -> int:
    """Each page of a PDF is an object that says so, outside of what is compressed."""
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))
