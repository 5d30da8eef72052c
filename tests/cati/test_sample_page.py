"""« Échantillon » : a file laid down, its columns corrected, tried, imported by a job, mended.

1. The page lists what came in and what waits, with a search; an empty one says what to do.
2. Columns are guessed and may be corrected; the first rows are shown beside them.
3. A try writes nothing and says every refused row; the import writes, once, however often posted.
4. Refused rows come back as a file, which imports once it is mended.
5. Variables of the questionnaire and replicates come from columns; numbers of other waves follow
   the policy chosen.
6. Files go: once imported, when given up, after a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from lxml import html

from cati import clock
from cati.models import Case, Contact, Job, Replicate, SampleImport, SampleUpload
from cati.operations import jobs, sample_uploads
from questionnaire.core.instrument import Input, content_hash, from_json, to_json
from questionnaire.models import InstrumentVersion
from tests.cati.workbooks import workbook
from tests.world import NOW, World, content, fictional

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/echantillon/"
HEADER = "telephone;nom;adresse;secteur\n"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def text(*sectors: str, first: int = 1000) -> str:
    return HEADER + "".join(
        f"{fictional(first + n)};Personne {n};{n} rue du Port;{sector}\n"
        for n, sector in enumerate(sectors)
    )


def lay(admin: Client, content: str | bytes, name: str = "fichier.csv", uuid: str = "") -> str:
    """Lay a file down; the address of the next page."""
    raw = content.encode() if isinstance(content, str) else content
    form = {"uuid": uuid or str(uuid4()), "file": SimpleUploadedFile(name, raw)}
    return admin.post(PAGE, form).headers["Location"]


def columns(*fields: str, earlier: str = "accept") -> dict[str, str]:
    given = {f"column-{at}": field for at, field in enumerate(fields)}
    return given | {"earlier": earlier, "uuid": str(uuid4())}


USUAL = ("phone", "name", "address", "sector")


def work() -> Job:
    """What a worker does with the last job."""
    job = Job.objects.filter(kind="sample").first()
    assert job
    jobs.run(job.pk, clock.now)
    job.refresh_from_db()
    return job


def tried(admin: Client, page: str, fields: Sequence[str] = USUAL, **options: str) -> Job:
    assert admin.post(page, columns(*fields, **options)).headers["Location"] == page
    return work()


def imported(admin: Client, page: str, **options: str) -> Job:
    admin.post(f"{page}importer/", {"uuid": str(uuid4())} | options)
    return work()


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


# 1. The list.


def test_an_empty_page_says_what_to_do(admin: Client) -> None:
    assert "Aucun fichier encore. Déposez le premier" in words(admin.get(PAGE))


def test_what_came_in_is_listed_and_found(world: World, admin: Client) -> None:
    for name in ("nord.csv", "sud.csv"):
        SampleImport.objects.create(
            wave=world.wave, filename=name, encoding="utf-8", digest=name, accepted=3, refused=1,
            at=NOW, by=world.alain,
        )  # fmt: skip
    lay(admin, text("CN"), "à finir.csv")
    everything = words(admin.get(PAGE))
    assert all(name in everything for name in ("nord.csv", "sud.csv", "à finir.csv"))
    found = words(admin.get(PAGE + "?q=nord+vidal"))
    assert "nord.csv" in found
    assert "sud.csv" not in found
    assert "Aucun fichier ne répond" in words(admin.get(PAGE + "?q=est%00"))


def test_a_file_that_cannot_be_read_is_told_and_not_kept(admin: Client, own_folder: Path) -> None:
    page = lay(admin, b"PK\x03\x04rest")
    assert page == PAGE
    assert "Ce classeur ne se lit pas" in words(admin.get(PAGE))
    assert not SampleUpload.objects.exists()
    assert list((own_folder / "uploads").iterdir()) == []


def test_laying_down_twice_is_once(admin: Client) -> None:
    uuid = str(uuid4())
    assert lay(admin, text("CN"), uuid=uuid) == lay(admin, text("CN"), uuid=uuid)
    assert SampleUpload.objects.count() == 1


# 2. Columns.


def test_columns_are_guessed_with_the_first_rows_beside_them(admin: Client) -> None:
    page = html.fromstring(admin.get(lay(admin, text("CN", "VE"))).content)
    chosen = page.xpath("//select//option[@selected]/text()")
    assert chosen == ["Téléphone 1", "Nom", "Adresse", "Secteur"]
    assert page.xpath("//tr[th/label='nom']//span/text()") == ["Personne 0", "Personne 1"]


def test_columns_that_are_not_guessed_are_chosen(world: World, admin: Client) -> None:
    made = workbook([["Num.", "Qui", "Où", "Zone"], [199001000, "Zoé", "3 rue B", "cn"]])
    page = lay(admin, made, "feuille.xlsx")
    assert tried(admin, page).result["accepted"] == 1
    imported(admin, page)
    case = Case.objects.get(number=7)
    assert (case.contact.name, case.phones.get().e164) == ("Zoé", "+33199001000")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("phone", "name", "address", ""), "sector : La colonne manque"),
        (("phone", "phone", "name", "sector"), "phone : Deux colonnes"),
        (("phone", "name", "address", "password"), "pas celles du fichier"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    admin: Client, fields: tuple[str, ...], said: str
) -> None:
    page = lay(admin, text("CN"))
    told = words(admin.post(page, columns(*fields), follow=True))
    assert said in told
    assert not Job.objects.exists()


# 3. Try, then import.


def test_a_try_writes_nothing_and_names_every_refused_row(world: World, admin: Client) -> None:
    page = lay(admin, text("CN", "VE") + "0473;Zoé;3 rue B;XX\n")
    job = tried(admin, page)
    assert (job.state, job.result["accepted"], job.result["refused"]) == ("done", 2, 1)
    shown = words(admin.get(page))
    assert "Le numéro est trop court" in shown
    assert "Ce secteur n’existe pas" in shown
    assert "Importer les 2 bonnes lignes seules" in shown
    assert world.wave.cases.count() == 6


def test_three_posts_of_the_import_are_one_sample(world: World, admin: Client) -> None:
    page = lay(admin, text("CN", "VE"))
    tried(admin, page)
    form = {"uuid": str(uuid4())}
    replies = [admin.post(f"{page}importer/", form) for _ in range(3)]
    assert {(reply.status_code, reply["Location"]) for reply in replies} == {(302, page)}
    assert work().result["accepted"] == 2
    assert world.wave.cases.count() == 8
    assert SampleImport.objects.get().by == world.alain
    assert "2 fiches importées." in words(admin.get(page))


def test_a_file_at_work_is_not_given_to_a_second_job(admin: Client) -> None:
    page = lay(admin, text("CN"))
    admin.post(page, columns(*USUAL))
    told = words(admin.post(f"{page}importer/", {"uuid": str(uuid4())}, follow=True))
    assert "déjà en cours de lecture" in told
    assert "Essai en cours" in told
    assert Job.objects.count() == 1


def test_one_refused_row_refuses_the_file_unless_the_good_ones_are_asked_for(
    world: World, admin: Client
) -> None:
    page = lay(admin, text("CN") + "0473;Zoé;3 rue B;CN\n")
    assert "import" not in imported(admin, page).result
    assert world.wave.cases.count() == 6
    assert "import" in imported(admin, page, skip_bad="1").result
    assert world.wave.cases.count() == 7


def test_what_another_import_brought_meanwhile_refuses_the_writing(
    world: World, admin: Client
) -> None:
    page = lay(admin, text("CN"))
    admin.post(f"{page}importer/", {"uuid": str(uuid4())})
    job = Job.objects.get()
    work_of = sample_uploads.run(job, lambda share, step: None)
    world.cases[0].phones.update(phone_key=key_of(1000))
    with pytest.raises(jobs.Refusal, match="Pendant la lecture"):
        work_of.write()


def key_of(number: int) -> str:
    from django.conf import settings

    from cati.core.phones import phone_key

    return phone_key(fictional(number), settings.PHONE_KEY_SECRET)


# 4. Refused rows.


def test_refused_rows_come_back_as_a_file_that_imports_once_mended(
    world: World, admin: Client
) -> None:
    bad = "0473;Zoé;3 rue B;CN\n0199001000;Double;x;CN\n0199001500;Max;y;QQ\n"
    page = lay(admin, text("CN") + bad)
    job = imported(admin, page, skip_bad="1")
    taken = admin.get(f"/v/2026/travaux/{job.pk}/fichier/")
    refused = b"".join(taken.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert refused.count("\r\n") == 4
    mended = refused.replace("0473;", "0199004730;", 1).replace("0199001000;", "0199004731;")
    mended = mended.replace(";QQ;", ";VE;")
    again = lay(admin, mended, "lignes-corrigees.csv")
    assert tried(admin, again, (*USUAL, "", "", "")).result["refused"] == 0
    imported(admin, again)
    names = Contact.objects.filter(case__wave=world.wave, case__number__gt=6)
    assert sorted(names.values_list("name", flat=True)) == ["Double", "Max", "Personne 0", "Zoé"]
    assert "Lignes refusées" in words(admin.get(PAGE))


# 5. Variables, replicates, other waves.


@pytest.fixture
def with_preloads(world: World) -> None:
    """A questionnaire that takes two variables from the file."""
    whole = from_json(content())
    more = (Input("ANCIENNETE", "integer"), Input("BAILLEUR", "text", values=("public", "privé")))
    widened = to_json(type(whole)(**(vars(whole) | {"preloads": (*whole.preloads, *more)})))
    world.wave.version = InstrumentVersion.objects.create(
        name="allo_quartiers", number=2, content=widened, hash=content_hash(widened),
        published_at=NOW,
    )  # fmt: skip
    world.wave.save()


def test_declared_variables_are_read_checked_and_kept_with_the_case(
    world: World, admin: Client, with_preloads: None
) -> None:
    header = "telephone;nom;adresse;secteur;Ancienneté;bailleur;replicat;telephone2\n"
    rows = "0199001000;A;x;CN;12;public;2;0199001001\n0199001002;B;x;CN;;;1;\n"
    bad = "0199001003;C;x;CN;douze;public;3;\n0199001004;D;x;CN;1;autre;;\n"
    page = lay(admin, header + rows + bad)
    fields = (*USUAL, "preload:ANCIENNETE", "preload:BAILLEUR", "replicate", "phone2")
    upload = SampleUpload.objects.get()
    assert tuple(upload.columns) == fields
    job = imported(admin, page, skip_bad="1")
    told = [(one["column"], one["mend"]) for one in job.result["refusals"]]
    assert [column for column, _mend in told] == ["Ancienneté", "bailleur"]
    assert "public, privé" in told[1][1]
    first, second = world.wave.cases.filter(number__gt=6).order_by("number")
    assert first.preloads == {"ANCIENNETE": 12, "BAILLEUR": "public"}
    assert second.preloads == {}
    assert [phone.rank for phone in first.phones.all()] == [1, 2]


def test_replicates_after_the_first_wait_and_stay_released_once_they_are(
    world: World, admin: Client
) -> None:
    header = "telephone;nom;adresse;secteur;replicat\n"
    Replicate.objects.create(wave=world.wave, number=2, released_at=NOW, released_by=world.claire)
    page = lay(admin, header + "0199001000;A;x;CN;2\n0199001001;B;x;CN;3\n0199001002;B;x;CN;\n")
    imported(admin, page)
    waits = dict(world.wave.replicates.values_list("number", "released_at"))
    assert waits == {2: NOW, 3: None}


@pytest.mark.parametrize(("policy", "accepted"), [("accept", 2), ("interviewed", 1), ("refuse", 0)])
def test_numbers_of_another_wave_follow_the_policy(
    world: World, admin: Client, policy: str, accepted: int
) -> None:
    from cati.models import CaseInterview, Phone
    from questionnaire.models import Interview

    sector = world.other_wave.sectors.create(code="CN", label="Croix-de-Neyrat", kind="qpv")
    for number, outcome in ((1000, "complete"), (1001, "")):
        case = Case.objects.create(
            wave=world.other_wave, number=number, frame_sector=sector, due_at=NOW
        )
        Phone.objects.create(case=case, e164=fictional(number), phone_key=key_of(number))
        interview = Interview.objects.create(
            version=world.other_wave.version, started_at=NOW, last_event_at=NOW, outcome=outcome
        )
        CaseInterview.objects.create(case=case, interview=interview)
    job = tried(admin, lay(admin, text("CN", "VE")), earlier=policy)
    assert job.result["accepted"] == accepted
    if accepted < 2:
        assert "Vague 2025" in job.result["refusals"][0]["reason"]


# 6. Files go.


def test_an_imported_file_is_gone_and_a_tried_one_stays(
    admin: Client, own_folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    page = lay(admin, text("CN"))
    tried(admin, page)
    assert len(list((own_folder / "uploads").iterdir())) == 1
    with django_capture_on_commit_callbacks(execute=True):
        imported(admin, page)
    assert list((own_folder / "uploads").iterdir()) == []
    assert list((own_folder / "jobs").iterdir()) == []


def test_giving_a_file_up_asks_first(
    admin: Client, own_folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    page = lay(admin, text("CN"))
    assert "Aucune fiche de la vague" in words(admin.get(f"{page}retirer/"))
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(f"{page}retirer/", {"uuid": str(uuid4())})
    assert list((own_folder / "uploads").iterdir()) == []
    told = words(admin.post(f"{page}importer/", {"uuid": str(uuid4())}, follow=True))
    assert "n’est plus gardé" in told


def test_a_file_of_last_week_is_removed(admin: Client, own_folder: Path) -> None:
    lay(admin, text("CN"))
    sample_uploads.remove_old(clock.now())
    assert SampleUpload.objects.get().stored
    later = clock.now() + timedelta(days=8)
    sample_uploads.remove_old(later)
    assert not SampleUpload.objects.get().stored
    assert list((own_folder / "uploads").iterdir()) == []


def test_a_file_without_a_byte_is_refused(admin: Client) -> None:
    assert lay(admin, b"") == PAGE
    assert "Le fichier est vide" in words(admin.get(PAGE))
