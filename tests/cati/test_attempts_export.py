"""The calls of a wave as a file: one row each, every field, nobody's number."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cati.models import Attempt, CaseInterview, Job, Phone, User
from cati.operations import jobs
from cati.queries.attempts import COLUMNS
from questionnaire.models import Interview
from tests.world import NOW, World

pytestmark = pytest.mark.django_db
START = "/v/2026/indicateurs/appels/"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def exported(world: World) -> list[dict[str, str]]:
    """What the job makes of the wave's calls, asked for on the page."""
    world.client(world.alain).post(START, {"uuid": uuid4()})
    job = Job.objects.get()
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == "done", job.error
    text = (jobs.folder() / job.file).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def calls(world: World) -> list[Attempt]:
    """A case that nobody answers, then breaks off; another one whose call was abandoned."""
    case = world.cases[0]
    interview = Interview.objects.create(
        version=world.wave.version, sector="CN", outcome="12", started_at=NOW, last_event_at=NOW
    )
    CaseInterview.objects.create(case=case, interview=interview)
    usual: dict[str, Any] = {"case": case, "phone": case.phones.first(), "epoch": 1}
    later = NOW + timedelta(hours=5)
    return [
        Attempt.objects.create(
            **usual, interviewer=world.nadia, opened_at=NOW,
            closed_at=NOW + timedelta(seconds=42), disposition="32", aapor="3.13",
        ),
        Attempt.objects.create(
            **usual, interviewer=world.yann, visit=2, interview=interview, opened_at=later,
            closed_at=later + timedelta(seconds=300), disposition="12", aapor="2.12",
        ),
        Attempt.objects.create(
            case=world.cases[1], interviewer=world.yann, epoch=1, opened_at=NOW, closed_at=NOW,
            abandoned=True,
        ),
    ]  # fmt: skip


def test_one_row_per_call_with_every_field(world: World, calls: list[Attempt]) -> None:
    silent, broken_off, abandoned = exported(world)
    assert tuple(silent) == COLUMNS
    assert silent == {
        "case": "1", "frame_sector": "CN", "replicate": "1", "attempt": "1", "visit": "1",
        "opened_at": "2026-03-17T15:00:00+01:00", "closed_at": "2026-03-17T15:00:42+01:00",
        "seconds": "42", "interviewer": "nadia", "phone_rank": "1", "phone_mobile": "0",
        "disposition": "32", "disposition_label": "Ne répond pas", "aapor": "3.13",
        "aapor_class": "UH", "screened": "0", "abandoned": "0", "interview": "",
        "interview_outcome": "",
    }  # fmt: skip
    later = {
        "attempt": "2", "visit": "2", "seconds": "300", "interviewer": "yann", "aapor": "2.12",
        "aapor_class": "R", "screened": "1", "interview": str(calls[1].interview_id),
        "interview_outcome": "12",
    }  # fmt: skip
    assert broken_off.items() >= later.items()
    left = {"case": "2", "disposition": "", "aapor_class": "", "phone_rank": "", "abandoned": "1"}
    assert abandoned.items() >= left.items()


def test_no_number_name_or_address_is_in_it(world: World, calls: list[Attempt]) -> None:
    text = str(exported(world))
    for phone in Phone.objects.select_related("case__contact"):
        for secret in (phone.e164[1:], phone.phone_key, phone.case.contact.name):
            assert secret not in text


def test_no_cell_becomes_a_formula(world: World, calls: list[Attempt]) -> None:
    User.objects.filter(pk=world.nadia.pk).update(username="@SUM(1)")
    assert exported(world)[0]["interviewer"] == "'@SUM(1)"


def test_calls_of_another_wave_are_not_in_it(world: World, calls: list[Attempt]) -> None:
    Attempt.objects.filter(pk=calls[2].pk).delete()
    world.cases[0].wave = world.other_wave
    world.cases[0].save(update_fields=["wave"])
    assert exported(world) == []


def test_three_postings_ask_once(world: World) -> None:
    client, uuid = world.client(world.alain), str(uuid4())
    replies = [client.post(START, {"uuid": uuid}) for _ in range(3)]
    assert {reply["Location"] for reply in replies} == {"/v/2026/travaux/"}
    assert Job.objects.filter(kind="attempts").count() == 1


def test_only_an_admin_is_offered_it(world: World) -> None:
    page = "/v/2026/indicateurs/"
    assert START in world.client(world.alain).get(page).content.decode()
    assert START not in world.client(world.claire).get(page).content.decode()


def test_a_run_that_stops_leaves_no_file(world: World, calls: list[Attempt]) -> None:
    job = jobs.enqueue(world.wave, "attempts", {}, None, NOW)

    def full(*_args: object, **_options: object) -> object:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cati.operations.export_attempts.csv.writer", full)
        jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert (job.state, job.file) == ("failed", "")
    assert list(jobs.folder().iterdir()) == []
