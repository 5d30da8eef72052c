"""« Marges » in the browser's requests: upload, mend, load, choose, declare.

1. An upload changes nothing; what is wrong is told, mended in the page or in the file, and loaded.
2. Each set is kept with who, when and digest; one rules, guarded by the database.
3. Collapses are declared with a reason, proposed where they would mend, and withdrawn.
4. The sets are downloaded, and the form for a first one.
5. Each posting has one effect, however often it arrives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from lxml import html

from tests.weighting import respondents
from tests.weighting.respondents import Unit, weighted
from tests.world import World
from weighting.core.demo import DEMO
from weighting.models import DeclaredCollapse, Margin, MarginDraft, MarginSet
from weighting.operations.margin_table import COLUMNS, read_table
from weighting.operations.margins import load_demo_margins

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
PAGE = "/v/2026/redressement/marges/"
DEMO_TEXT = (DEMO / "margins_demo.csv").read_text(encoding="utf-8")


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def post(client: Client, where: str, **fields: Any) -> Any:
    return client.post(PAGE + where, {"uuid": uuid4()} | fields)


def upload(client: Client, text: str, name: str = "marges.csv", **fields: Any) -> Any:
    file = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return post(client, "deposer/", file=file, **fields)


def mend(client: Client, cells: Mapping[str, str], **fields: Any) -> Any:
    return post(client, "corriger/", **cells, **fields)


def seen(client: Client, where: str = "") -> Any:
    response = client.get(PAGE + where)
    assert response.status_code == 200
    return html.fromstring(response.content)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


# ------------------------------------------------------------------------------- 1. a file


def test_a_clean_file_is_shown_then_loaded(world: World, admin: Client) -> None:
    assert upload(admin, DEMO_TEXT)["Location"] == PAGE + "verification/"
    assert "10 secteurs auront des marges. Ce sont les premières" in words(
        seen(admin, "verification/")
    )
    assert not MarginSet.objects.exists()
    post(admin, "charger/")
    kept = MarginSet.objects.get()
    assert (kept.number, kept.current, kept.by, kept.file) == (1, True, world.alain, "marges.csv")
    assert Margin.objects.ruling(world.wave).count() == 210
    assert not MarginDraft.objects.exists()
    assert "Jeu n° 1 en vigueur, marges.csv, déposé par Alain Vidal" in words(seen(admin))


def test_a_fault_stands_beside_its_cell_and_forbids_loading(world: World, admin: Client) -> None:
    upload(admin, DEMO_TEXT.replace("CN,sexe,1,Homme,47", "CN,sexe,1,Homme,-47"))
    shown = seen(admin, "verification/")
    [cell] = shown.xpath("//input[@name='2:share']")
    assert cell.get("aria-invalid") == "true"
    [said] = shown.xpath(f"//*[@id='{cell.get('aria-describedby')}']")
    assert words(said) == "Le nombre est négatif. Corrigez-le."
    assert not shown.xpath("//button[contains(., 'Charger')]")
    post(admin, "charger/")
    assert not MarginSet.objects.exists()


def test_cells_are_mended_and_lines_removed_in_the_page(world: World, admin: Client) -> None:
    wrong = DEMO_TEXT.replace("CN,sexe,1,Homme,47", "CN,sexe,1,Homme,x")
    upload(admin, wrong + "CN,sexe,2,Femme,53,person,,\n")
    mend(admin, {"2:share": "47"}, remove=["212"])
    assert "10 secteurs auront des marges" in words(seen(admin, "verification/"))


def test_a_missing_line_comes_with_its_figure_and_not_without(world: World, admin: Client) -> None:
    upload(
        admin, DEMO_TEXT.replace('CN,sexe,2,Femme,53,person,"18+, ordinary households",', "#", 1)
    )
    # The broken line was « #"DEMO… » : a sector that nobody knows.
    assert seen(admin, "verification/").xpath("//input[@name='212:share']")
    mend(admin, {"212:share": ""}, remove=["3"])
    assert seen(admin, "verification/").xpath("//input[@name='211:share' or @name='212:share']")
    mend(admin, {"212:share": "53"})
    assert "10 secteurs auront des marges" in words(seen(admin, "verification/"))


def test_what_changes_is_shown_before_it_is_loaded(world: World, admin: Client) -> None:
    load_demo_margins(world.wave)
    other = DEMO_TEXT.replace("CN,sexe,1,Homme,47", "CN,sexe,1,Homme,48")
    upload(admin, other.replace("CN,sexe,2,Femme,53", "CN,sexe,2,Femme,52"))
    shown = seen(admin, "verification/")
    assert "2 totaux diffèrent du jeu n° 1" in words(shown)
    rows = [[words(cell) for cell in row] for row in shown.xpath("//tbody/tr")]
    assert rows[0] == ["Croix-de-Neyrat", "Sexe", "Homme", "987", "1 008"]


def test_a_file_that_is_none_goes_back_with_the_reason(world: World, admin: Client) -> None:
    response = admin.post(PAGE + "deposer/", {"uuid": uuid4()}, follow=True)
    assert "Choisissez un fichier" in response.content.decode()
    file = SimpleUploadedFile("marges.csv", b"secteur;code\n1;2\n")
    response = admin.post(PAGE + "deposer/", {"uuid": uuid4(), "file": file}, follow=True)
    assert "Il manque la colonne" in response.content.decode()
    assert not MarginDraft.objects.exists()


def test_a_file_that_is_left_changes_nothing(world: World, admin: Client) -> None:
    upload(admin, DEMO_TEXT)
    post(admin, "charger/", leave="1")
    assert not MarginSet.objects.exists()
    assert admin.get(PAGE + "verification/")["Location"] == PAGE


def test_the_file_to_mend_says_what_to_mend_and_reads_back(world: World, admin: Client) -> None:
    upload(admin, DEMO_TEXT.replace("CH,age,5,", "CX,age,5,"))
    for form in ("csv", "xlsx"):
        response = admin.get(f"{PAGE}a-corriger.{form}")
        assert f"marges-2026-a-corriger.{form}" in response["Content-Disposition"]
        lines = read_table(response.content)
        assert len(lines) == 211
        assert [line.sector for line in lines].count("CX") == 1
    assert "secteur : Secteur inconnu de la vague : CX." in admin.get(
        f"{PAGE}a-corriger.csv"
    ).content.decode("utf-8-sig")
    assert admin.get(f"{PAGE}a-corriger.pdf").status_code == 404


# ------------------------------------------------------------------------------- 2. sets


def test_an_earlier_set_may_rule_again_and_runs_keep_theirs(
    world: World, admin: Client, sample: list[Unit]
) -> None:
    run = weighted(world.wave, world.alain)
    other = DEMO_TEXT.replace("CN,sexe,1,Homme,47", "CN,sexe,1,Homme,48")
    upload(admin, other.replace("CN,sexe,2,Femme,53", "CN,sexe,2,Femme,52"))
    post(admin, "charger/")
    assert [one.current for one in MarginSet.objects.order_by("number")] == [False, True]
    run.refresh_from_db()
    assert run.margins["CN"][0]["totals"]["1"] == pytest.approx(987)
    post(admin, "1/choisir/")
    assert [one.current for one in MarginSet.objects.order_by("number")] == [True, False]
    history = [words(row) for row in seen(admin).xpath("//main//table")[-1].xpath(".//tbody/tr")]
    assert "gardé marges.csv" in history[0]
    assert "en vigueur margins_demo.csv" in history[1]


def test_the_database_keeps_one_ruling_set(world: World) -> None:
    load_demo_margins(world.wave)
    load_demo_margins(world.wave)
    assert MarginSet.objects.filter(current=True).count() == 1
    with pytest.raises(IntegrityError, match="margin_set_one_current"), transaction.atomic():
        MarginSet.objects.update(current=True)


# ------------------------------------------------------------------------------- 3. collapses


def test_a_collapse_is_declared_with_a_reason_and_withdrawn(world: World, admin: Client) -> None:
    load_demo_margins(world.wave)
    choice = {"sector": "CN", "category": "age:5", "into": "age:4"}
    post(admin, "regroupements/", **choice, reason="trop rare")
    made = DeclaredCollapse.objects.get(criterion="age")
    assert (made.category, made.into, made.reason, made.by) == ("5", "4", "trop rare", world.alain)
    assert "trop rare" in words(seen(admin))
    post(admin, f"regroupements/{made.pk}/retirer/")
    assert not DeclaredCollapse.objects.filter(criterion="age").exists()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"into": "age:5", "reason": "x"}, "into", "une autre modalité"),
        ({"into": "sexe:1", "reason": "x"}, "into", "du même critère"),
        ({"into": "age:4", "reason": ""}, "reason", "obligatoire"),
        ({"into": "age:4", "reason": "x", "category": "age:77"}, "category", "n’en fait pas"),
    ],
)
def test_a_collapse_that_cannot_be_says_so_beside_its_field(
    world: World, admin: Client, fields: dict[str, str], field: str, said: str
) -> None:
    load_demo_margins(world.wave)
    response = post(admin, "regroupements/", **({"sector": "CN", "category": "age:5"} | fields))
    assert response.status_code == 422
    beside = html.fromstring(response.content).xpath(f"string(//*[@id='id_{field}_error'])")
    assert said in beside
    assert not DeclaredCollapse.objects.filter(criterion="age").exists()


def test_what_would_mend_a_refused_sector_is_proposed_and_accepted(
    world: World, admin: Client
) -> None:
    people = respondents.units()
    respondents.counted_by_criteria(world.wave, people)
    load_demo_margins(world.wave)
    assert not seen(admin).xpath("//input[@name='pairs']")
    DeclaredCollapse.objects.all().delete()
    offered = [box.get("value") for box in seen(admin).xpath("//input[@name='pairs']")]
    assert len(offered) == 8
    assert "CN:statut_occupation:4:3" in offered
    assert post(admin, "regroupements/accepter/", pairs=offered, reason=" ").status_code == 302
    assert not DeclaredCollapse.objects.exists()
    post(admin, "regroupements/accepter/", pairs=offered[:2], reason="trop rare")
    assert DeclaredCollapse.objects.filter(reason="trop rare", by=world.alain).count() == 2
    assert len(seen(admin).xpath("//input[@name='pairs']")) == 6


# ------------------------------------------------------------------------------- 4. files


def test_the_set_is_downloaded_as_it_was_loaded(world: World, admin: Client) -> None:
    load_demo_margins(world.wave)
    content = admin.get(f"{PAGE}fichier.csv").content
    assert hashlib.sha256(content).hexdigest() == MarginSet.objects.get().digest
    lines = read_table(admin.get(f"{PAGE}fichier.xlsx?jeu=1").content)
    assert [line.share for line in lines[:2]] == ["47", "53"]
    assert admin.get(f"{PAGE}fichier.csv?jeu=9").status_code == 404
    assert admin.get(f"{PAGE}fichier.csv?jeu=x").status_code == 404


def test_without_a_set_the_form_to_fill_in_has_every_category(world: World, admin: Client) -> None:
    lines = read_table(admin.get(f"{PAGE}fichier.csv").content)
    assert len(lines) == 10 * (2 + 5 + 5 + 4 + 5)
    assert {line.total + line.share for line in lines} == {""}
    columns = [words(one) for one in seen(admin).xpath("//aside//dt")]
    assert columns == [names[0] for names in COLUMNS.values()]


# ------------------------------------------------------------------------------- 5. once


def test_a_repeated_posting_loads_once(world: World, admin: Client) -> None:
    upload(admin, DEMO_TEXT)
    uuid = uuid4()
    for _ in range(2):
        response = admin.post(PAGE + "charger/", {"uuid": uuid})
        assert response["Location"] == PAGE
    assert MarginSet.objects.count() == 1
