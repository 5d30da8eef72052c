"""A wave is set up: its sectors with their hierarchy, its reporting groups, its targets."""

from __future__ import annotations

import pytest

from cati.operations.errors import Refused
from cati.operations.setup_wave import create_wave, load_targets
from tests.world import NOW, World

SURVEYED = ["T1", "T2", "CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA"]


def test_the_wave_has_the_ten_sectors_and_the_groups_made_of_them(world: World) -> None:
    assert set(world.sectors) == {*SURVEYED, "QPV", "QN", "MOY", "TOTAL"}


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("QN", "CN CH VE"),
        ("QPV", "CN CH VE FB LG CO SJ"),
        ("MOY", "T1 T2"),
        ("TOTAL", "CN CH VE FB LG CO SJ QVA T1 T2"),
    ],
)
def test_a_group_knows_its_members(world: World, group: str, members: str) -> None:
    found = world.sectors[group].members.values_list("code", flat=True)
    assert set(found) == set(members.split())


def test_the_hierarchy_and_the_references_are_those_published(world: World) -> None:
    sector = world.sectors
    assert sector["CN"].parent == sector["QN"]
    assert sector["QN"].parent == sector["QPV"]
    assert sector["FB"].reference == sector["T1"]
    assert sector["QVA"].reference == sector["T2"]
    assert sector["T1"].reference is None


def test_the_sectors_hold_the_inhabitants_that_the_agency_publishes(world: World) -> None:
    assert (world.sectors["TOTAL"].population, world.sectors["TOTAL"].adults) == (210_600, 170_185)


def test_the_targets_are_those_of_the_sample_design(world: World) -> None:
    assert {code: cell.target for code, cell in world.cells.items()} == {
        "CN": 105, "CH": 100, "VE": 105, "FB": 93, "LG": 105, "CO": 85, "SJ": 107, "QVA": 90,
        "T1": 410, "T2": 300,
    }  # fmt: skip


def test_a_target_for_an_unknown_sector_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refusal:
        load_targets(world.other_wave, {"CN": 5})
    assert "CN" in refusal.value.messages["sector"]


def test_two_waves_cannot_share_a_slug(world: World) -> None:
    with pytest.raises(Refused):
        create_wave("Encore", "2026", 2026, now=NOW)
