"""A supervisor steers the quotas in a browser.

1. The board names the cell that is full, and leads to the quotas.
2. She closes a cell with a reason; it is said in words, and the act is kept.
3. Targets that miss the sector's sum are told, with what was typed; mended, they are changed.
4. A file with a mistake is refused line by line; mended, it shows what changes and is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cati.models import QuotaAct, QuotaCell
from cati.operations.setup_wave import demo_shares, share_targets
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True), pytest.mark.slow]
REASON = "Motif, gardé avec l’acte"


def cell(category: str, family: str = "age") -> QuotaCell:
    return QuotaCell.objects.get(sector__code="CO", family=family, category=category)


def test_a_supervisor_steers_the_quotas(
    live_server: Any, world: World, page: Page, tmp_path: Path
) -> None:
    share_targets(world.wave, demo_shares())
    QuotaCell.objects.filter(sector__code="CO", family="sector").update(counted=38, reserved=1)
    old = cell("5")
    QuotaCell.objects.filter(pk=old.pk).update(counted=old.target + 2)

    page.goto(f"{live_server.url}/connexion/")
    page.get_by_label("Identifiant").fill("claire")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/terrain/")
    expect(page.get_by_role("complementary", name="Alertes")).to_contain_text("cible dépassée")
    page.get_by_role("link", name="Voir tous les quotas").click()
    page.get_by_role("link", name="QPV de Cournon").click()
    cells = page.get_by_role("row").filter(has=page.get_by_role("link", name="Piloter"))
    line = cells.filter(has_text="18-24 ans")
    expect(line).to_contain_text("ouverte")

    line.get_by_role("link", name="Piloter").click()
    form = page.locator("form").filter(has=page.get_by_role("heading", name="Fermer la case"))
    form.get_by_label(REASON).fill("trop d’avance sur les jeunes")
    form.get_by_role("button", name="Fermer la case").click()
    expect(line).to_contain_text("fermée")
    expect(page.get_by_role("row").filter(has_text="trop d’avance")).to_contain_text("case fermée")

    page.get_by_role("link", name="Cibles Sexe").click()
    page.get_by_label("Homme").fill("50")
    page.get_by_label(REASON).fill("recensement révisé")
    page.get_by_role("button", name="Changer les cibles").click()
    expect(page.get_by_role("alert")).to_contain_text("le secteur en veut 85")
    expect(page.get_by_label("Homme")).to_have_value("50")
    page.get_by_label("Femme").fill("35")
    page.get_by_role("button", name="Changer les cibles").click()
    expect(page.get_by_text("2 cibles changées.")).to_be_visible()
    assert (cell("1", "sexe").target, cell("2", "sexe").target) == (50, 35)

    file = tmp_path / "cibles.csv"
    file.write_text("secteur;famille;code;cible\nCO;sexe;1;41\nCO;sexe;3;44\n", encoding="utf-8")
    page.get_by_label("Fichier CSV").set_input_files(file)
    page.get_by_role("button", name="Vérifier le fichier").click()
    expect(page.get_by_role("row").filter(has_text="sexe")).to_contain_text("n’a pas le code « 3 »")
    file.write_text("secteur;famille;code;cible\nCO;sexe;1;41\nCO;sexe;2;44\n", encoding="utf-8")
    page.get_by_role("link", name="Déposer un autre fichier").click()
    page.get_by_label("Fichier CSV").set_input_files(file)
    page.get_by_role("button", name="Vérifier le fichier").click()
    page.get_by_label(REASON).fill("plan de sondage")
    page.get_by_role("button", name="Charger 2 cibles").click()
    expect(page.get_by_text("2 cibles chargées.")).to_be_visible()
    assert (cell("1", "sexe").target, cell("2", "sexe").target) == (41, 44)
    kinds = QuotaAct.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["close", "targets", "file"]
