"""The admin's way from counted interviews to a file, in a browser, with a real worker.

1. She logs in, starts a run from « Redressement » and sees it done.
2. She reads its diagnostics and makes it official.
3. She prepares an export, watches its bar, downloads it; the workbook reads back value by value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from cati.models import Download
from tests.journeys.driving import log_in
from tests.weighting import respondents
from tests.workers import Workers
from tests.world import World
from weighting.exports.dataset import dataset_of
from weighting.exports.files import harmless
from weighting.models import WeightingRun

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(settings: Any, tmp_path: Path, transactional_db: None) -> Iterator[None]:
    """A worker on the suite's queue, to which the pages announce their jobs."""
    settings.DATA_DIR = tmp_path
    team = Workers(os.environ["REDIS_URL"], tmp_path)
    team.start()
    yield
    team.kill()


def test_the_admin_weights_the_interviews_and_takes_the_file(
    live_server: Any, world: World, page: Page, worker: None, tmp_path: Path
) -> None:
    people = respondents.units()
    respondents.copied(world.wave, people, respondents.interviewed(world.wave, people[:20]))
    respondents.load_demo_margins(world.wave)

    log_in(page, live_server.url, "alain")
    page.wait_for_url("**/preparation/")
    page.get_by_role("link", name="Redressement").click()
    page.get_by_role("button", name="Lancer le calage").click()
    expect(page.get_by_role("row").filter(has_text="Calage, raking")).to_contain_text(
        "fait", timeout=60_000
    )

    page.get_by_role("link", name="Redressement").click()
    page.get_by_role("link", name="n° 1").click()
    expect(page.get_by_text("convergé, marges tenues")).to_be_visible()
    page.get_by_role("link", name="Les Vergnes").click()
    expect(page.get_by_role("heading", name="Les Vergnes")).to_be_visible()
    photograph(page, "weights-run")
    page.keyboard.press("o")
    expect(page.get_by_text("est officiel.")).to_be_visible()

    page.get_by_role("link", name="Exports").click()
    page.get_by_role("button", name="Préparer l’export").click()
    row = page.get_by_role("row").filter(has_text="Données pondérées, calage n° 1")
    expect(row.get_by_text("500 lignes")).to_be_visible(timeout=60_000)
    photograph(page, "jobs-running")
    take = row.get_by_role("link", name="Télécharger")
    expect(take).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        take.click()
    photograph(page, "jobs")
    download.value.save_as(tmp_path / "taken.xlsx")

    assert download.value.suggested_filename.endswith("allo-quartiers-2026-calage-1.xlsx")
    assert Download.objects.get().by == world.alain
    dataset = dataset_of(WeightingRun.objects.get())
    book = load_workbook(tmp_path / "taken.xlsx", read_only=True)
    lines = book["données"].iter_rows(values_only=True)
    assert list(next(lines)) == [column.name for column in dataset.columns]
    for line, row_of in zip(lines, dataset.rows(), strict=True):
        assert list(line) == [harmless(cell) for cell in row_of]
    book.close()


def photograph(page: Page, name: str) -> None:
    """A picture for whoever asks for one, in SCREENSHOTS."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")
