"""The supervisor's board: its figures, and how cheaply it is fetched again and again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from lxml import html

from cati.models import Membership, QuotaCell, Role
from tests.world import World

BOARD = "/v/2026/terrain/"
ROWS = "/v/2026/terrain/tableau/"


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def claire(world: World) -> Client:
    return world.client(world.claire)


def count(world: World, code: str, **figures: int) -> None:
    QuotaCell.objects.filter(pk=world.cells[code].pk).update(**figures)


def row_of(content: bytes, label: str) -> list[str]:
    """The figures of one line: counted / target, in progress, rest."""
    (row,) = html.fromstring(content).xpath(f"//tr[th//text()[contains(., '{label}')]]")
    cells = row.xpath("td[not(@aria-hidden)]")
    return [" ".join(cell.text_content().split()) for cell in cells]


def grouped(number: int) -> str:
    """« 1 500 », as `row_of` reads the space that does not break."""
    return f"{number:,}".replace(",", " ")


def test_each_sector_says_counted_target_in_progress_and_rest(world: World, claire: Client) -> None:
    count(world, "CN", counted=38, reserved=2)
    target = world.cells["CN"].target
    figures = row_of(claire.get(BOARD).content, world.sectors["CN"].label)
    assert figures == [f"38 / {target}", "2", str(target - 38)]


def test_the_last_line_sums_the_sectors(world: World, claire: Client) -> None:
    count(world, "CN", counted=38, reserved=2)
    count(world, "VE", counted=10)
    target = sum(cell.target for cell in world.cells.values())
    counted, running, rest = row_of(claire.get(BOARD).content, "Ensemble")
    assert (counted, running, rest) == (f"48 / {grouped(target)}", "2", grouped(target - 48))


def test_a_sector_beyond_its_target_misses_nothing(world: World, claire: Client) -> None:
    target = world.cells["CN"].target
    count(world, "CN", counted=target + 1, allowance=2)
    assert row_of(claire.get(BOARD).content, world.sectors["CN"].label)[2] == "0"


def test_a_wave_without_targets_says_who_gives_them(world: World, claire: Client) -> None:
    QuotaCell.objects.filter(wave=world.wave).delete()
    assert "Aucune cible n’est donnée" in claire.get(BOARD).content.decode()


def test_the_page_fetches_its_figures_by_itself_without_eval(world: World, claire: Client) -> None:
    page = html.fromstring(claire.get(BOARD).content)
    (figures,) = page.xpath("//*[@hx-get]")
    assert (figures.get("hx-get"), figures.get("hx-trigger")) == (ROWS, "every 3s")
    (config,) = page.xpath("//meta[@name='htmx-config']/@content")
    assert json.loads(config) == {"allowEval": False, "includeIndicatorStyles": False}


def test_what_has_not_moved_is_not_sent_again(world: World, claire: Client) -> None:
    first = claire.get(ROWS)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = claire.get(ROWS, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    cache.clear()
    assert claire.get(ROWS, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_what_has_moved_is_sent(world: World, claire: Client) -> None:
    first = claire.get(ROWS)
    count(world, "CN", counted=1)
    cache.clear()
    second = claire.get(ROWS, headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    assert second.headers["ETag"] != first.headers["ETag"]


def test_those_who_look_at_once_share_one_reading(
    world: World, claire: Client, django_assert_num_queries: Any
) -> None:
    shared = claire.get(ROWS).content
    alain = world.client(world.alain)
    # Session, person and role are her own; the figures are not read again.
    with django_assert_num_queries(2):
        assert alain.get(ROWS).content == shared


def test_a_wave_never_shows_another_s_figures(world: World, claire: Client) -> None:
    count(world, "CN", counted=38)
    claire.get(ROWS)
    Membership.objects.create(user=world.claire, wave=world.other_wave, role=Role.SUPERVISOR)
    other = claire.get("/v/2025/terrain/tableau/").content
    assert b"38" not in other
    assert "Aucune cible n’est donnée" in other.decode()
