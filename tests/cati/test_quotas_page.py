"""« Quotas » : what the page says, and what may be done on it.

1. It tells every cell with its figures, its kind in words, and what alarms.
2. Each act asks for a reason, keeps it, is done once, and acts on the next claim at once.
3. Targets sum to the sector's; what does not is told beside the field and changes nothing.
4. A file is tried before it is loaded; what it exports, it reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from lxml import html

from cati.models import QuotaAct, QuotaCell
from cati.operations import claim
from cati.operations.setup_wave import ShareRow, share_targets
from tests.world import World

PAGE = "/v/2026/quotas/"
SEXES = (("1", "Homme", 40.0), ("2", "Femme", 60.0))


@pytest.fixture
def claire(world: World) -> Client:
    """Her browser; each sector has two cells by sex besides its own."""
    share_targets(
        world.wave,
        [ShareRow(sector, "sexe", *one) for sector in world.cells for one in SEXES]
        + [ShareRow("VE", "emploi", "1", "En emploi", 1.0)],
    )
    return world.client(world.claire)


def cell(family: str = "sexe", category: str = "1", sector: str = "VE") -> QuotaCell:
    return QuotaCell.objects.select_related("sector").get(
        wave__slug="2026", family=family, category=category, sector__code=sector
    )


def post(client: Client, address: str, **form: Any) -> Any:
    return client.post(address, {"uuid": uuid4(), "reason": "le terrain le demande"} | form)


def rows_of(content: bytes, table: str) -> list[list[str]]:
    found = html.fromstring(content).xpath(f"//table[contains(@class, '{table}')]//tbody/tr")
    return [[" ".join(one.text_content().split()) for one in row.xpath("th|td")] for row in found]


# 1. What it tells.


def test_every_cell_has_its_figures(world: World, claire: Client) -> None:
    QuotaCell.objects.filter(pk=cell().pk).update(counted=12, reserved=3)
    QuotaCell.objects.filter(pk=cell("sector", "").pk).update(counted=40, reserved=5)
    rows = rows_of(claire.get(f"{PAGE}?secteur=VE").content, "cells")
    assert ["Homme", "42", "4", "12", "3", "30", "−4", "0", "ouverte", "Piloter Homme"] in rows


def test_the_kind_of_a_family_is_said_in_words(world: World, claire: Client) -> None:
    rows = rows_of(claire.get(f"{PAGE}?secteur=VE").content, "cells")
    heads = [row[0] for row in rows if len(row) == 2]
    assert [head.split()[1] for head in heads] == ["ferme", "ferme", "souple"]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"counted": 44}, "dépassée"),
        ({"counted": 42, "reserved": 4}, "pleine"),
        ({"counted": 41}, "presque pleine"),
        ({"state": "closed"}, "fermée"),
        ({"counted": 20}, "ouverte"),
    ],
)
def test_what_alarms_in_a_firm_cell_is_said(
    world: World, claire: Client, figures: dict[str, Any], said: str
) -> None:
    QuotaCell.objects.filter(pk=cell().pk).update(**figures)
    rows = rows_of(claire.get(f"{PAGE}?secteur=VE").content, "cells")
    assert next(row for row in rows if row[0] == "Homme")[8] == said


def test_a_wave_without_targets_says_what_to_do(world: World, claire: Client) -> None:
    QuotaCell.objects.filter(wave=world.wave).delete()
    assert "Aucune cible n’est donnée. Déposez un fichier" in claire.get(PAGE).content.decode()


# 2. Acts.


def test_a_closed_sector_is_called_no_more_and_reopening_revives_it(
    world: World, claire: Client
) -> None:
    world.wave.cases.exclude(frame_sector__code="VE").update(state="closed")
    whole = cell("sector", "")
    address = f"{PAGE}{whole.pk}/"
    assert post(claire, address, act="close").status_code == 302
    assert claim.next_case(world.wave, world.nadia, world.now) is None
    assert post(claire, address, act="reopen").status_code == 302
    assert claim.next_case(world.wave, world.nadia, world.now) is not None
    kept = QuotaAct.objects.order_by("pk").values_list("kind", "reason", "by__username")
    assert list(kept) == [
        ("close", "le terrain le demande", "claire"),
        ("reopen", "le terrain le demande", "claire"),
    ]


def test_an_act_that_is_sent_twice_is_done_once(world: World, claire: Client) -> None:
    form = {"uuid": uuid4(), "act": "allowance", "allowance": 6, "reason": "forains"}
    address = f"{PAGE}{cell().pk}/"
    assert [claire.post(address, form).status_code for _ in range(2)] == [302, 302]
    assert cell().allowance == 6
    assert QuotaAct.objects.get().changes == [["VE", "sexe", "1", 4, 6]]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"act": "close", "reason": " "}, "Dites pourquoi"),
        ({"act": "reopen"}, "Cette case est déjà ouverte."),
        ({"act": "allowance", "allowance": "x"}, "Un nombre entier"),
        ({"act": "allowance", "allowance": "3"}, "46 entretiens sont comptés : 4 au moins."),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    world: World, claire: Client, form: dict[str, str], said: str
) -> None:
    QuotaCell.objects.filter(pk=cell().pk).update(counted=46)
    response = post(claire, f"{PAGE}{cell().pk}/", **form)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert (cell().state, cell().allowance, QuotaAct.objects.count()) == ("open", 4, 0)


def test_the_acts_are_found_by_their_reason(world: World, claire: Client) -> None:
    post(claire, f"{PAGE}{cell().pk}/", act="close", reason="trop d’hommes")
    post(claire, f"{PAGE}{cell(category='2').pk}/", act="close", reason="trop de femmes")
    text = claire.get(f"{PAGE}?q=hommes").content.decode()
    assert "trop d’hommes" in text
    assert "trop de femmes" not in text
    assert "Aucun acte ne répond" in claire.get(f"{PAGE}?q=rien").content.decode()


# 3. Targets.


def test_targets_that_sum_to_the_sector_s_are_changed(world: World, claire: Client) -> None:
    response = post(claire, f"{PAGE}VE/sexe/", **{"category-1": "50", "category-2": "55"})
    assert response.status_code == 302
    assert (cell().target, cell(category="2").target, cell().allowance) == (50, 55, 5)
    assert QuotaAct.objects.get().changes == [
        ["VE", "sexe", "1", 42, 50],
        ["VE", "sexe", "2", 63, 55],
    ]


@pytest.mark.parametrize(
    ("men", "women", "said"),
    [
        ("50", "50", "La famille fait 100 entretiens, le secteur en veut 105 : il en manque 5."),
        ("50", "5x", "Un nombre entier d’entretiens."),
        ("10", "95", "Les Vergnes, Homme : 20 entretiens sont comptés."),
        ("42", "63", "Aucune cible n’est changée."),
    ],
)
def test_targets_that_do_not_fit_are_told_and_stay(
    world: World, claire: Client, men: str, women: str, said: str
) -> None:
    QuotaCell.objects.filter(pk=cell().pk).update(counted=20)
    response = post(claire, f"{PAGE}VE/sexe/", **{"category-1": men, "category-2": women})
    assert response.status_code == 422
    text = response.content.decode()
    assert said in text
    assert f'value="{women}"' in text
    assert (cell().target, cell(category="2").target, QuotaAct.objects.count()) == (42, 63, 0)


def test_the_families_follow_a_new_target_of_their_sector(world: World, claire: Client) -> None:
    assert post(claire, f"{PAGE}VE/sector/", **{"category-": "52"}).status_code == 302
    assert (cell("sector", "").target, cell().target, cell(category="2").target) == (52, 21, 31)


# 4. Files.


def table(*lines: str) -> SimpleUploadedFile:
    text = "\r\n".join(["secteur;famille;code;modalité;cible", *lines])
    return SimpleUploadedFile("cibles.csv", text.encode("cp1252"))


def test_a_file_is_tried_and_then_loaded(world: World, claire: Client) -> None:
    tried = claire.post(
        f"{PAGE}fichier/", {"file": table("VE;sexe;1;Homme;45", "VE;sexe;2;Femme née ici;60")}
    )
    assert tried.status_code == 200
    assert rows_of(tried.content, "compact") == [
        ["VE", "Sexe", "Homme", "42", "45"],
        ["VE", "Sexe", "Femme née ici", "63", "60"],
    ]
    assert cell().target == 42
    (text,) = html.fromstring(tried.content).xpath("//textarea/text()")
    assert post(claire, f"{PAGE}fichier/", text=text).status_code == 302
    assert (cell().target, cell(category="2").label) == (45, "Femme née ici")
    assert QuotaAct.objects.get().kind == "file"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["XX;sexe;1;;10"], "« XX » n’est pas un secteur de la vague."),
        (["VE;taille;1;;10"], "Famille inconnue : taille."),
        (["VE;sexe;7;;10"], "Le questionnaire n’a pas le code « 7 ». Codes : 1, 2."),
        (["VE;sexe;1;;dix"], "La cible est un nombre entier d’entretiens, pas « dix »."),
        (["VE;sexe;1;;52", "VE;sexe;1;;53"], "Cette case est donnée deux fois."),
        (["VE;sexe;1;;50", "VE;sexe;2;;50"], "sexe : La famille fait 100 entretiens"),
        (["VE;secteur;;;100"], "La famille fait 105 entretiens, le secteur en veut 100"),
        (["VE;sexe;1;;5", "VE;sexe;2;;100"], "20 entretiens sont comptés"),
    ],
)
def test_a_fault_names_its_line_and_nothing_is_loaded(
    world: World, claire: Client, lines: list[str], said: str
) -> None:
    QuotaCell.objects.filter(pk=cell().pk).update(counted=20)
    tried = claire.post(f"{PAGE}fichier/", {"file": table(*lines)})
    assert tried.status_code == 422
    assert said in tried.content.decode()
    assert not html.fromstring(tried.content).xpath("//textarea")


def test_what_is_exported_can_be_loaded_again(world: World, claire: Client) -> None:
    exported = b"".join(claire.get(f"{PAGE}tableau.csv"))
    tried = claire.post(f"{PAGE}fichier/", {"file": SimpleUploadedFile("q.csv", exported)})
    assert "Ce fichier ne change aucune cible." in tried.content.decode()


def test_the_command_tries_a_file_and_then_loads_it(
    world: World, claire: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cibles.csv"
    path.write_bytes(table("VE;sexe;1;Homme;45", "VE;sexe;2;Femme;60").read())
    call_command("load_quotas", path, wave="2026", dry_run=True)
    assert "VE sexe 1 Homme : 42 → 45" in capsys.readouterr().out
    assert cell().target == 42
    with pytest.raises(CommandError, match="Dites pourquoi"):
        call_command("load_quotas", path, wave="2026")
    call_command("load_quotas", path, wave="2026", reason="plan de sondage")
    assert (cell().target, QuotaAct.objects.get().by) == (45, None)
    path.write_bytes(table("VE;sexe;1;Homme;45", "VE;sexe;2;Femme;61").read())
    with pytest.raises(CommandError, match="1 lignes à corriger"):
        call_command("load_quotas", path, wave="2026", reason="plan de sondage")
