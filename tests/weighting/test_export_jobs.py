"""Exports as jobs, as a command and in pages: what is asked, what comes out, who may have it.

1. What makes several files comes as one zip, the same for the same run; a job leaves no draft,
   and nobody on the telephone without a processor.
2. The command writes every format under its plain name.
3. The answer journal: every event, no contact data, no interviewer's name. The calls, likewise.
4. The API gives the rows in pages, to the wave's admins alone.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from cati.celery import take_one_process
from cati.core.dispositions import BY_CODE, aapor
from cati.models import Attempt, Job
from cati.operations import jobs
from questionnaire.models import AnswerEvent, Interview
from tests.weighting import awkward
from tests.world import NOW, World
from weighting.exports import raw
from weighting.exports.dataset import dataset_of
from weighting.exports.formats import FORMATS
from weighting.exports.job import ask_for_export
from weighting.models import WeightingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
STEM = "allo-quartiers-2026-calage-1"


@pytest.fixture
def run(world: World) -> WeightingRun:
    return awkward.fieldwork(world.wave)


def built(world: World, form: str, **options: bool) -> Job:
    job = ask_for_export(world.wave, None, form, world.alain, NOW, **options)
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job


# ------------------------------------------------------------------------------- 1. jobs


def test_several_files_come_as_one_zip(world: World, run: WeightingRun) -> None:
    job = built(world, "sav")
    assert job.file == f"{job.pk}-{STEM}-sav.zip"
    with zipfile.ZipFile(jobs.folder() / job.file) as archive:
        assert archive.namelist() == [
            f"{STEM}.sav", f"{STEM}-menage.sav", f"{STEM}.sps", f"{STEM}-coupures.csv",
        ]  # fmt: skip
    assert job.result == {
        "rows": 4,
        "columns": len(dataset_of(run).columns),
        "dataset": dataset_of(run).digest,
    }
    assert [path.name for path in jobs.folder().iterdir()] == [job.file]


@pytest.mark.parametrize("form", ["csv", "dta", "parquet", "r", "codebook", "ddi", "journal"])
def test_the_same_run_gives_the_same_file(world: World, run: WeightingRun, form: str) -> None:
    first, second = built(world, form), built(world, form)
    assert first.digest == second.digest
    assert first.size == second.size > 0


def test_a_job_says_how_far_it_has_read(
    world: World, run: WeightingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weighting.exports.dataset.PORTION", 3)
    heard: list[tuple[int, int]] = []
    whole = dataset_of(run, paradata=True)
    gently = dataset_of(run, paradata=True, rate=1 << 30, progress=lambda *read: heard.append(read))
    assert gently.digest == whole.digest
    for one, two in zip(gently.tables, whole.tables, strict=True):
        assert one.frame.equals(two.frame)
    assert heard == [(3, 4), (4, 4)]


def test_a_job_that_is_cancelled_reads_no_further(
    world: World, run: WeightingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weighting.exports.dataset.PORTION", 1)
    monkeypatch.setattr("weighting.exports.job.EVERY", 1)
    job = ask_for_export(world.wave, None, "csv-codes", world.alain, NOW)
    read, portions = raw.interviews, []

    def one_more(*asked: Any) -> Any:
        portions.append(asked)
        if len(portions) == 2:
            jobs.cancel(Job.objects.get(pk=job.pk), NOW)
        return read(*asked)

    monkeypatch.setattr(raw, "interviews", one_more)
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert (job.state, len(portions)) == ("cancelled", 2)
    assert list(jobs.folder().iterdir()) == []


def test_raw_texts_and_paradata_are_asked_for(world: World, run: WeightingRun) -> None:
    job = built(world, "csv-labels", raw=True, paradata=True)
    assert job.params == {"format": "csv-labels", "run": 1, "raw": True, "paradata": True}
    with zipfile.ZipFile(jobs.folder() / job.file) as archive:
        text = archive.read(f"{STEM}-libelles.csv").decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert row["Q3_9_texte"] == awkward.POLYGLOT
    assert row["debut"] == "2026-03-17T14:00:00Z"


def test_postgresql_reads_for_a_worker_with_one_process() -> None:
    take_one_process(connection=connection)
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_parallel_workers_per_gather")
        assert cursor.fetchone() == ("0",)
        cursor.execute("RESET max_parallel_workers_per_gather")


# ------------------------------------------------------------------------------- 2. command


@pytest.mark.parametrize("form", [*FORMATS])
def test_the_command_writes_every_format(
    world: World, run: WeightingRun, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "sortie"
    call_command("export_wave", wave="2026", format=form, out=str(out))
    written = sorted(path.name for path in out.iterdir())
    assert written
    assert all(name.startswith("allo-quartiers-2026") for name in written)
    assert all(path.stat().st_size for path in out.iterdir())


# ------------------------------------------------------------------------------- 3. journal


def event(interview: Interview, seq: int, kind: str, item: str, value: Any) -> AnswerEvent:
    return AnswerEvent.objects.create(
        id=uuid4(), interview=interview, seq=seq, kind=kind, item=item, value=value,
        version=interview.version, at=NOW, client_at=NOW, ms_on_screen=1200,
    )  # fmt: skip


def test_the_journal_has_every_event_and_no_name(world: World, run: WeightingRun) -> None:
    one = Interview.objects.order_by("pk")[0]
    unfinished = Interview.objects.order_by("pk")[1]
    Interview.objects.filter(pk=unfinished.pk).update(outcome="")
    events = [
        event(one, 1, "preload", "", {"name": "ENQUETEUR", "v": "Nadia"}),
        event(one, 2, "answer", "Q5", {"v": awkward.BROKEN}),
        event(one, 3, "answer", "ADRESSE", {"given": True}),
        event(unfinished, 1, "special", "Q1", {"special": "dk"}),
    ]
    path = jobs.folder() / built(world, "journal").file
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["evenement"] for row in rows] == [str(one.pk) for one in events]
    assert "Nadia" not in text
    assert rows[0]["valeur"] == ""
    assert json.loads(rows[1]["valeur"]) == {"v": awkward.BROKEN}
    assert json.loads(rows[2]["valeur"]) == {"given": True}
    assert (rows[3]["entretien"], rows[3]["acte"], rows[3]["version"]) == (
        str(unfinished.pk), "special", "1",
    )  # fmt: skip


def test_the_calls_say_how_each_ended_and_no_number(world: World, run: WeightingRun) -> None:
    case = world.wave.cases.order_by("number")[0]
    phone = case.phones.get()
    for visit, code in ((1, "32"), (2, "40")):
        at = NOW + timedelta(hours=visit)
        Attempt.objects.create(
            case=case, phone=phone, interviewer=world.nadia, epoch=visit, visit=visit,
            opened_at=at, closed_at=at, disposition=code, aapor=aapor(code, screened=False)[0],
        )  # fmt: skip
    text = (jobs.folder() / built(world, "calls").file).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["fiche"], row["numero"], row["visite"], row["code"]) for row in rows] == [
        (str(case.number), "1", "1", "32"), (str(case.number), "1", "2", "40"),
    ]  # fmt: skip
    assert [row["issue"] for row in rows] == [BY_CODE[code].label for code in ("32", "40")]
    assert phone.e164.removeprefix("+33") not in text
    assert "Nadia" not in text


# ------------------------------------------------------------------------------- 4. API


def test_the_rows_come_in_pages(world: World, run: WeightingRun, client: Client) -> None:
    client.force_login(world.alain)
    address = "/api/v1/waves/2026/runs/1/dataset/"
    pages = [client.get(address, {"page": page, "page_size": 3}).json() for page in (1, 2)]
    dataset = dataset_of(run)
    assert [page["next"] for page in pages] == [2, None]
    assert [page["count"] for page in pages] == [4, 4]
    rows = [tuple(row) for page in pages for row in page["results"]]
    assert rows == dataset.frame.rows()
    columns = {one["name"]: one for one in pages[0]["columns"]}
    assert list(columns) == [column.name for column in dataset.columns]
    assert columns["M1"]["missing"] == [98, 99, 100]
    assert columns["M1"]["labels"]["100"] == "Module non tiré pour cet entretien"


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "x"}, {"page_size": 5000}])
def test_a_page_that_cannot_be_is_refused(
    world: World, run: WeightingRun, client: Client, query: dict[str, Any]
) -> None:
    client.force_login(world.alain)
    response = client.get("/api/v1/waves/2026/runs/1/dataset/", query)
    assert response.status_code == 400
    assert list(response.json()) == list(query)


def test_others_than_the_admin_have_no_rows(
    world: World, run: WeightingRun, client: Client
) -> None:
    for person, status in ((world.claire, 403), (world.nadia, 403), (world.oscar, 404)):
        client.force_login(person)
        assert client.get("/api/v1/waves/2026/runs/1/dataset/").status_code == status
