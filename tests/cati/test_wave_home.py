"""The admin's home: facts with their figures, and what still keeps the wave from being called."""

from __future__ import annotations

import pytest
from lxml import html

from cati.models import Membership, QuotaCell, Role, SampleImport, Wave
from cati.web.wave import week_text
from questionnaire.core.instrument import Instrument, Item, Theme, to_json
from questionnaire.models import InstrumentVersion
from tests.world import World

INSTRUMENT = Instrument(
    name="petit",
    title="Petit",
    themes=(
        Theme("A", "Un", (Item("A1", "single", "Un ?", "A"), Item("A0", "info", "Bonjour", "A"))),
        Theme("B", "Deux", (Item("B1", "integer", "Deux ?", "B"),)),
    ),
)


def facts(world: World) -> dict[str, tuple[str, str]]:
    """State and statement of each line, by its title."""
    page = html.fromstring(world.client(world.alain).get("/v/2026/preparation/").content)
    return {
        row.xpath("string(th/b)"): (
            row.xpath("normalize-space(td[2])"),
            row.xpath("normalize-space(th/p)").replace("\xa0", " "),
        )
        for row in page.xpath("//tbody/tr")
    }


def test_facts_carry_their_figures(world: World) -> None:
    world.wave.version = InstrumentVersion.objects.create(
        name="petit", number=14, content=to_json(INSTRUMENT), hash="ab" * 32, published_at=world.now
    )
    world.wave.save(update_fields=["version"])
    QuotaCell.objects.filter(pk=world.cells["CN"].pk).update(counted=38)
    found = facts(world)
    assert found["Questionnaire"] == (
        "fait",
        "Version 14, empreinte abababababab : 2 questions, 2 thèmes",
    )
    assert found["Secteurs et groupes"][1].endswith("210 600 habitants")
    assert found["Échantillon"] == ("fait", "6 fiches")
    assert found["Cibles de quotas"][1] == "10 secteurs avec une cible, 1 500 entretiens en tout"
    assert found["Équipe et accès"][1] == "2 enquêteurs, 1 superviseur, 1 administrateur"
    assert found["Entretiens"] == ("en cours", "38 comptés sur 1 500")


def test_lines_that_were_refused_are_said(world: World) -> None:
    SampleImport.objects.create(
        wave=world.wave,
        filename="echantillon.csv",
        encoding="utf-8",
        digest="0",
        accepted=6,
        refused=13,
        at=world.now,
    )
    assert facts(world)["Échantillon"][1] == "6 fiches, 13 lignes refusées"


def test_what_is_missing_blocks_the_calls(world: World) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(calling_hours={}, version=None)
    QuotaCell.objects.filter(wave=world.wave).delete()
    Membership.objects.filter(wave=world.wave, role=Role.INTERVIEWER).delete()
    blocked = {title for title, (state, _) in facts(world).items() if "bloque" in state}
    assert blocked == {
        "Calendrier et heures d’appel",
        "Questionnaire",
        "Cibles de quotas",
        "Équipe et accès",
    }


def test_who_left_is_not_counted(world: World) -> None:
    world.yann.is_active = False
    world.yann.save(update_fields=["is_active"])
    assert facts(world)["Équipe et accès"][1].startswith("1 enquêteur,")


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        ({}, ""),
        ({"3": ["10:00", "20:30"]}, "mer. 10 h–20 h 30"),
        (
            {**{str(day): ["10:00", "20:30"] for day in range(1, 6)}, "6": ["10:00", "17:00"]},
            "lun.–ven. 10 h–20 h 30, sam. 10 h–17 h",
        ),
        (
            {"1": ["10:00", "20:00"], "3": ["10:00", "20:00"]},
            "lun. 10 h–20 h, mer. 10 h–20 h",
        ),
    ],
)
def test_days_with_the_same_hours_are_said_once(hours: dict[str, list[str]], text: str) -> None:
    assert week_text(hours) == text
