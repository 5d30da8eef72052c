"""« Questionnaire » : versions, questions, what differs, and the publication from the disk.

1. The list says who published what and when, and how many interviews stand on each version.
2. Every question is there, and a search keeps those that hold all its words.
3. Two versions are compared word by word, code by code.
4. The preview says what would change; errors of the files have their place and their mend.
5. Posting three times publishes once; what was not previewed is not published.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from lxml import html

from cati.models import Wave
from cati.operations import versions
from questionnaire.core.instrument import Instrument, to_json
from questionnaire.core.load import MANIFEST, load_texts
from questionnaire.models import InstrumentVersion
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db
PAGE, COMPARE, PUBLISH = (
    f"/v/2026/questionnaire/{path}" for path in ("", "comparer/", "publier/")
)  # fmt: skip
SOURCE = settings.BASE_DIR / "questionnaire" / "instruments" / "allo_quartiers"


FEW = ("introduction.yaml", "profil.yaml", "log.yaml", "num.yaml")


@cache
def few_themes() -> dict[str, str]:
    """The survey's own files, cut down to a few themes: read in a fifth of the time."""
    manifest = (SOURCE / MANIFEST).read_text(encoding="utf-8").partition("\nfiles:")[0]
    texts = {name: (SOURCE / name).read_text(encoding="utf-8") for name in FEW}
    return {MANIFEST: f"{manifest}\nfiles: [{', '.join(FEW)}]\n"} | texts


@cache
def few_themes_published() -> Instrument:
    return load_texts(few_themes())


@pytest.fixture
def disk(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk of the test's own, to be edited, with what version 1 is made of."""
    folder = tmp_path / "allo_quartiers"
    folder.mkdir()
    for name, text in few_themes().items():
        (folder / name).write_text(text, encoding="utf-8")
    instrument = few_themes_published()
    InstrumentVersion.objects.update(content=to_json(instrument), hash=versions.hash_of(instrument))
    world.wave.refresh_from_db()
    monkeypatch.setattr(versions, "FOLDER", tmp_path)
    return folder


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def page(client: Client, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response
    return html.fromstring(response.content)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def hidden(client: Client) -> dict[str, str]:
    """The publication form as the page gives it."""
    form = page(client, PUBLISH).xpath("//form[@class='publish']")[0]
    return {one.get("name"): one.get("value") for one in form.xpath(".//input[@type='hidden']")}


def publish(client: Client, **given: str) -> Any:
    return client.post(PUBLISH, hidden(client) | given, follow=True)


# ------------------------------------------------------------------------------- 1. versions


def test_the_versions_say_who_when_and_how_many_interviews(
    world: World, admin: Client, disk: Path
) -> None:
    Call(world, world.nadia).to_sector()
    edit(disk, "num.yaml", "De quel matériel disposez-vous", "De quel matériel vous servez-vous")
    publish(admin, wording="1")
    second, first = page(admin, PAGE).xpath("//table[@class='versions']/tbody/tr")
    cells = [words(cell) for cell in second.xpath("th | td")]
    assert (cells[0], cells[1], cells[4], cells[5]) == ("2", "en service", "0", "0")
    assert "Alain Vidal" in cells[2]
    assert cells[3] == InstrumentVersion.objects.get(number=2).hash[:12]
    assert [words(cell) for cell in first.xpath("th | td")][4:6] == ["1", "0"]


def test_the_supervisor_reads_and_may_not_publish(world: World) -> None:
    claire = world.client(world.claire)
    assert not page(claire, PAGE).xpath(f"//a[@href='{PUBLISH}']")
    assert page(claire, COMPARE) is not None
    assert claire.get(PUBLISH).status_code == 403
    assert claire.post(PUBLISH).status_code == 403


def test_the_checklist_and_the_navigation_lead_here(admin: Client) -> None:
    found = page(admin, "/v/2026/preparation/").xpath(f"//a[@href='{PAGE}']")
    assert [words(link) for link in found] == ["Questionnaire", "Voir"]


def test_without_any_version_the_page_says_what_to_do(
    world: World, admin: Client, disk: Path
) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(version=None)
    assert "personne ne peut commencer" in words(page(admin, PAGE))
    assert admin.get(COMPARE).status_code == 404
    asked = len(few_themes_published().items)
    assert f"Première version : {asked} questions" in words(page(admin, PUBLISH))
    publish(admin)
    world.wave.refresh_from_db()
    assert world.wave.version is not None
    assert world.wave.version.name == "allo_quartiers"


# ------------------------------------------------------------------------------ 2. questions


def codes(client: Client, query: str = "") -> list[str]:
    return [one.get("id") for one in page(client, PAGE + query).xpath("//ol/li[@id]")]


def test_every_question_is_there_with_its_codes_and_filter(admin: Client) -> None:
    assert len(codes(admin)) == 228
    item = words(page(admin, PAGE).xpath("//li[@id='TRA05']")[0])
    assert "Aviez-vous refusé une ou plusieurs propositions" in item
    assert "Posée si 7 in TRA04" in item
    assert "3 Aucune autre proposition reçue" in item
    assert "de 1900 à ANNEE" in words(page(admin, PAGE).xpath("//li[@id='TRA01']")[0])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=num01", ["NUM01", "NUM05"]),  # NUM05 is filtered by NUM01
        ("?q=médecin+TRAITANT", ["SAN03", "SAN04", "SAN05"]),
        ("?q=hlm", ["LOG01"]),
        ("?q=%00zzz", []),
    ],
)
def test_a_search_keeps_what_holds_all_its_words(
    admin: Client, query: str, expected: list[str]
) -> None:
    assert codes(admin, query) == expected


def test_a_search_without_result_says_what_to_do(admin: Client) -> None:
    assert "Effacez un mot" in words(page(admin, PAGE + "?q=zzz"))


# ----------------------------------------------------------------------------- 3. comparison


def test_the_page_of_two_versions_shows_what_changed(
    world: World, admin: Client, disk: Path
) -> None:
    edit(disk, "num.yaml", "De quel matériel disposez-vous", "De quel équipement disposez-vous")
    edit(disk, "num.yaml", "en: Never}", "en: Never}\n    5: Autrement")
    edit(disk, "num.yaml", "ask_if: NUM01 == 1", "ask_if: NUM01 != 2")
    publish(admin)
    compared = page(admin, COMPARE + "?de=1&a=2")
    assert "3 différences" in words(compared)
    titles = [one.text.strip() for one in compared.xpath("//section[@class='changes']/h2")]
    assert titles == ["Codes et libellés", "Formulations", "Filtres"]
    [wording] = compared.xpath("//section[@class='changes'][2]//li")
    assert words(wording.xpath(".//del")[0]) == "retiré : matériel"
    assert words(wording.xpath(".//ins")[0]) == "ajouté : équipement"
    assert "NUM07 code 5" in words(compared.xpath("//section[@class='changes'][1]//li")[0])
    assert "disent la même chose" in words(page(admin, COMPARE + "?de=2&a=2"))
    assert admin.get(COMPARE + "?de=7").status_code == 404


# -------------------------------------------------------------------------------- 4. preview


def test_the_preview_refuses_a_code_that_changes_its_meaning(
    world: World, admin: Client, disk: Path
) -> None:
    Call(world, world.nadia).to_sector()
    edit(disk, "log.yaml", "1: {label: Un appartement", "1: {label: Une maison")
    edit(disk, "log.yaml", "2: {label: Une maison individuelle", "2: {label: Un appartement")
    shown = page(admin, PUBLISH)
    assert "LOG02, code 2 : « Une maison individuelle » deviendrait" in words(shown)
    assert not shown.xpath("//form[@class='publish']")


def test_other_words_are_published_once_declared(world: World, admin: Client, disk: Path) -> None:
    Call(world, world.nadia).to_sector()
    edit(disk, "log.yaml", "label: De taille adaptée", "label: De la bonne taille")
    assert page(admin, PUBLISH).xpath("//input[@name='wording' and @required]")
    undeclared = publish(admin)
    assert "déclarez une correction" in undeclared.content.decode()
    assert InstrumentVersion.objects.count() == 1
    publish(admin, wording="1")
    assert InstrumentVersion.objects.count() == 2


def test_an_error_of_the_files_has_its_place_and_its_mend(
    world: World, admin: Client, disk: Path
) -> None:
    edit(disk, "log.yaml", "ask_if: LOG02 == 1", "ask_if: LOG02 == 9")
    shown = words(page(admin, PUBLISH))
    line = next(
        number
        for number, text in enumerate((disk / "log.yaml").read_text().splitlines(), start=1)
        if "LOG02 == 9" in text
    )
    assert f"log.yaml:{line}:" in shown
    assert "LOG02 has no code 9" in shown
    assert "Its codes are 1, 2, 3, 4" in shown
    assert "Rien n’est publié" in shown


def test_the_disk_that_has_the_same_questionnaire_offers_nothing(
    world: World, admin: Client, disk: Path
) -> None:
    shown = page(admin, PUBLISH)
    assert "rien n’est à publier" in words(shown)
    assert not shown.xpath("//form[@class='publish']")


# ---------------------------------------------------------------------------- 5. publication


def test_three_posts_publish_once(world: World, admin: Client, disk: Path) -> None:
    edit(disk, "log.yaml", "Trouvez-vous votre logement", "Trouvez-vous que votre logement est")
    form = hidden(admin)
    replies = [admin.post(PUBLISH, form) for _ in range(3)]
    assert {(reply.status_code, reply["Location"]) for reply in replies} == {(302, PAGE)}
    assert sorted(InstrumentVersion.objects.values_list("number", flat=True)) == [1, 2]
    world.wave.refresh_from_db()
    assert world.wave.version is not None
    assert world.wave.version.number == 2


def test_what_changed_after_the_preview_is_not_published(
    world: World, admin: Client, disk: Path
) -> None:
    edit(disk, "log.yaml", "Trouvez-vous votre logement", "Trouvez-vous que votre logement est")
    form = hidden(admin)
    edit(disk, "log.yaml", "Passons à votre logement", "Parlons de votre logement")
    reply = admin.post(PUBLISH, form, follow=True)
    assert "a changé depuis l’aperçu" in reply.content.decode()
    assert InstrumentVersion.objects.count() == 1


@pytest.mark.parametrize("name", ["..", "/etc", "allo_quartiers/..", "autre"])
def test_no_other_folder_is_read(world: World, admin: Client, disk: Path, name: str) -> None:
    assert admin.get(PUBLISH, {"dossier": name}).status_code == 404
    assert admin.post(PUBLISH, {"dossier": name, "uuid": uuid4()}).status_code == 404
