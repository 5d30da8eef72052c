"""Jobs that cannot be lost.

1. A job ends once, with its rows, its file and its state together.
2. A file is listed only when it is whole; a killed run leaves none.
3. A job whose worker died is found by the sweep and told again; a dead Redis loses nothing.
4. A refusal is shown and not tried again; a cancelled job stops at its next report.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cati.models import Job
from cati.operations import jobs, traces
from tests.world import NOW, World

pytestmark = pytest.mark.django_db(transaction=True)


def clock() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def kinds() -> Iterator[dict[str, jobs.Kind]]:
    """The registry, to which a test adds a kind of its own."""
    before = dict(jobs.KINDS)
    yield jobs.KINDS
    jobs.KINDS.clear()
    jobs.KINDS.update(before)


def kind(code: str, run: Any) -> None:
    jobs.register(jobs.Kind(code, code, run))


def test_a_job_ends_once_with_its_file_and_its_result(world: World, kinds: Any) -> None:
    def write_two_lines(job: Job, report: jobs.Report) -> jobs.Work:
        path = jobs.part(job)
        path.write_text("one\n")
        report(0.5, "half")
        path.write_text("one\ntwo\n")
        return jobs.Work(lambda: {"lines": 2}, path, "lines.csv")

    kind("lines", write_two_lines)
    job = jobs.enqueue(world.wave, "lines", {}, world.alain, NOW)
    assert jobs.run(job.pk, clock)
    assert not jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, job.progress, job.result, job.size) == ("done", 1, {"lines": 2}, 8)
    assert jobs.downloaded(job, world.alain, NOW).read_text() == "one\ntwo\n"
    assert job.downloads.get().by == world.alain


def test_an_unfinished_file_is_never_listed(world: World, kinds: Any) -> None:
    def dies(job: Job, report: jobs.Report) -> jobs.Work:
        jobs.part(job).write_text("half a li")
        raise RuntimeError("killed")

    kind("dies", dies)
    job = jobs.enqueue(world.wave, "dies", {}, None, NOW)
    jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, job.file) == ("failed", "")
    assert "RuntimeError: killed" in job.error
    with pytest.raises(FileNotFoundError):
        jobs.downloaded(job, world.alain, NOW)


def test_rows_and_state_are_written_together_or_not_at_all(world: World, kinds: Any) -> None:
    def writes_then_fails(job: Job, report: jobs.Report) -> jobs.Work:
        def write() -> dict[str, Any]:
            world.add_case("VE")
            raise RuntimeError("after the first row")

        return jobs.Work(write)

    kind("half", writes_then_fails)
    cases = world.wave.cases.count()
    job = jobs.enqueue(world.wave, "half", {}, None, NOW)
    jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, world.wave.cases.count()) == ("failed", cases)


def test_the_sweep_tells_again_what_nobody_works_on(world: World, kinds: Any) -> None:
    kind("nothing", lambda job, report: jobs.Work())
    job = jobs.enqueue(world.wave, "nothing", {}, None, NOW)
    assert jobs.untold(NOW) == [job.pk]
    assert jobs.untold(NOW + timedelta(seconds=5)) == []
    later = NOW + jobs.TELL_AGAIN + timedelta(seconds=1)
    assert jobs.untold(later) == [job.pk]
    # A worker was killed: the row still says running, its lock went with its connection.
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, attempts=1)
    assert jobs.untold(later + timedelta(minutes=1)) == [job.pk]
    assert jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)
    assert jobs.untold(later + timedelta(hours=1)) == []


def test_a_job_that_kills_its_worker_each_time_is_given_up(world: World, kinds: Any) -> None:
    kind("nothing", lambda job, report: jobs.Work())
    job = jobs.enqueue(world.wave, "nothing", {}, None, NOW)
    Job.objects.filter(pk=job.pk).update(state="running", attempts=jobs.MOST_ATTEMPTS)
    assert not jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert job.state == "failed"
    assert jobs.retry(job)
    assert jobs.run(job.pk, clock)


def test_a_refusal_says_what_to_mend(world: World, kinds: Any) -> None:
    def refuses(job: Job, report: jobs.Report) -> jobs.Work:
        raise jobs.Refusal("Les Vergnes, âge 75+ : aucune personne interrogée.")

    kind("refuses", refuses)
    job = jobs.enqueue(world.wave, "refuses", {}, None, NOW)
    jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, job.error) == (
        "failed",
        "Les Vergnes, âge 75+ : aucune personne interrogée.",
    )


def test_a_running_job_stops_at_its_next_report(world: World, kinds: Any) -> None:
    seen = []

    def long(job: Job, report: jobs.Report) -> jobs.Work:
        report(0.1, "begun")
        jobs.cancel(Job.objects.get(pk=job.pk), NOW)
        report(0.2, "never")
        seen.append("went on")
        return jobs.Work()

    kind("long", long)
    job = jobs.enqueue(world.wave, "long", {}, None, NOW)
    jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, seen) == ("cancelled", [])


def test_a_job_that_is_cancelled_after_its_last_report_leaves_nothing(
    world: World, kinds: Any
) -> None:
    def reads_what_is_erased_then(job: Job, report: jobs.Report) -> jobs.Work:
        path = jobs.part(job)
        path.write_text("her answers")
        report(0.9, "nearly")
        with transaction.atomic():
            traces.drop_files([job.wave_id])
        return jobs.Work(dict, path, "answers.csv")

    kind("export", reads_what_is_erased_then)
    job = jobs.enqueue(world.wave, "export", {}, world.alain, NOW)
    jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert (job.state, job.file) == ("cancelled", "")
    assert not any(jobs.folder().iterdir())


def test_a_waiting_job_is_cancelled_at_once(world: World, kinds: Any) -> None:
    kind("nothing", lambda job, report: jobs.Work())
    job = jobs.enqueue(world.wave, "nothing", {}, None, NOW)
    jobs.cancel(job, NOW)
    assert not jobs.run(job.pk, clock)
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_files_go_when_their_time_is_over(world: World, kinds: Any) -> None:
    def file(job: Job, report: jobs.Report) -> jobs.Work:
        path = jobs.part(job)
        path.write_text("x")
        return jobs.Work(file=path, name="x.csv")

    kind("file", file)
    job = jobs.enqueue(world.wave, "file", {}, None, NOW)
    jobs.run(job.pk, clock)
    assert jobs.remove_expired(NOW + jobs.KEPT - timedelta(days=1)) == 0
    assert jobs.remove_expired(NOW + jobs.KEPT + timedelta(days=1)) == 1
    job.refresh_from_db()
    assert (job.state, job.file, list(jobs.folder().iterdir())) == ("done", "", [])
