"""A text that is at once HTML, a formula and a template is harmless wherever an import carries it.

It stands in every column of the file, in its heading and in its name; it is then looked for on
every page that shows the sample, and in every file that leaves.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from lxml import html

from cati import clock
from cati.core.spreadsheets import FORMULA, as_meant, harmless
from cati.models import Case, Job, Note, SampleUpload
from cati.operations import jobs
from cati.operations.claim import next_case
from cati.operations.oppose import oppose_number
from tests.world import World, fictional

pytestmark = pytest.mark.django_db
POLYGLOT = "=1+1|\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% now %}"
FIELDS = ("phone", "name", "address", "sector", "replicate", "")


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def written(*rows: tuple[str, ...]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue().encode()


@pytest.fixture
def refused(world: World) -> str:
    """Imported: one good row, and one for each column that is refused; the file of these."""
    admin = world.client(world.alain)
    good = (fictional(1000), POLYGLOT, POLYGLOT, "CN", "1", POLYGLOT)
    bad = [(*good[:at], POLYGLOT, *good[at + 1 :]) for at in (0, 3, 4)]
    content = written(("tel", "nom", "adresse", "secteur", "rép", POLYGLOT), good, *bad)
    file = SimpleUploadedFile(f"{POLYGLOT.replace('/', '')}.csv", content)
    admin.post("/v/2026/echantillon/", {"uuid": uuid4(), "file": file})
    upload = SampleUpload.objects.get()
    page = f"/v/2026/echantillon/{upload.pk}/"
    columns = {f"column-{at}": field for at, field in enumerate(FIELDS)}
    admin.post(page, columns | {"earlier": "accept", "uuid": uuid4()})
    jobs.run(Job.objects.latest("pk").pk, clock.now)
    admin.post(f"{page}importer/", {"skip_bad": "1", "uuid": uuid4()})
    job = Job.objects.latest("pk")
    assert jobs.run(job.pk, clock.now)
    job.refresh_from_db()
    assert job.result["accepted"] == 1
    return (jobs.folder() / job.file).read_text(encoding="utf-8-sig")


def test_no_page_runs_it(world: World, refused: str) -> None:
    case = Case.objects.get(number=7)
    Case.objects.exclude(pk=case.pk).update(state="closed")
    now = clock.now()
    assert next_case(world.wave, world.nadia, now) == case
    Note.objects.create(case=case, author=world.nadia, text=POLYGLOT, at=now)
    upload = SampleUpload.objects.get()
    pages = {
        world.nadia: ["enquete/", "fiche/7/", "enquete/rappel/?q=7"],
        world.claire: ["fiches/", "fiches/7/", "fiches/7/close/", "oppositions/?q=7", "terrain/"],
        world.alain: ["echantillon/", f"echantillon/{upload.pk}/", "travaux/", "preparation/"],
    }
    seen: list[str] = []
    for user, addresses in pages.items():
        client = world.client(user)
        for address in addresses:
            seen += [address] * harmless_page(client.get(f"/v/2026/{address}"))
    client = world.client(world.claire)
    oppose_number(fictional(1000), reason=POLYGLOT, by=world.claire, now=now)
    seen += ["opposed"] * harmless_page(client.get("/v/2026/oppositions/"))
    # Where it stands as a text; elsewhere the page shows none of what was imported.
    told = ["fiche/7/", "enquete/rappel/?q=7", "fiches/", "fiches/7/", "opposed", "echantillon/"]
    assert set(told) <= set(seen)
    assert f"echantillon/{upload.pk}/" in seen


def harmless_page(response: Any) -> bool:
    """Whether the text is on the page; fails where any of it is more than a text."""
    assert response.status_code == 200
    page = html.fromstring(response.content)
    assert not page.xpath("//img")
    assert not [one for one in page.iter("script") if not one.get("src")]
    assert not page.xpath("//*[@onerror]")
    values = " ".join(page.xpath("//@value"))
    return "<img src=x onerror=alert(1)>" in page.text_content() + values


def test_no_file_that_leaves_begins_a_formula(refused: str) -> None:
    rows = list(csv.reader(io.StringIO(refused), delimiter=";"))
    assert len(rows) == 4
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert sum("<script>" in cell for cell in cells) >= 9


def test_what_was_made_harmless_is_read_as_it_was_meant() -> None:
    for text in ("=1+1", "+33 4 73", "-", "@x", "ordinaire", "’apostrophe", "'déjà"):
        assert as_meant(harmless(text)) == text
        assert not harmless(text).startswith(FORMULA)
