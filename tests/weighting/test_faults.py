"""A worker killed at any point, and a queue that forgets: each job ends once, as if undisturbed.

1. kill -9 of a real worker at points of an export: the same bytes as an undisturbed export, and no
   partial file is ever listed.
2. kill -9 at points of a weight run: one run, the same weights and digest.
3. FLUSHALL, or kill -9 of Valkey, between enqueue and execution: the sweep finds the job.

Five points here, twenty in `make nightly`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from cati.models import Job, Wave
from cati.operations import jobs
from tests.weighting import respondents
from tests.workers import Valkey, Workers, wait_until, workers
from tests.world import NOW, World
from weighting.exports.job import ask_for_export
from weighting.models import Weight, WeightingRun
from weighting.operations import runs

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("own_folder"),
    pytest.mark.faults,
]


@pytest.fixture
def engines(own_folder: Path) -> Iterator[tuple[Workers, Valkey]]:
    with workers(own_folder) as engines:
        yield engines


@pytest.fixture
def team(engines: tuple[Workers, Valkey]) -> Workers:
    return engines[0]


@pytest.fixture
def valkey(engines: tuple[Workers, Valkey]) -> Valkey:
    return engines[1]


@pytest.fixture
def run(world: World) -> WeightingRun:
    """1,500 counted interviews with whole questionnaires, so that an export takes seconds."""
    people = respondents.units()
    interviews = respondents.interviewed(world.wave, people[:40])
    respondents.copied(world.wave, people, interviews)
    return respondents.weighted(world.wave, world.alain)


def state(job: Job) -> str:
    job.refresh_from_db()
    return str(job.state)


def undisturbed(job: Job) -> Job:
    assert jobs.run(job.pk, lambda: NOW)
    assert state(job) == "done", job.error
    return job


def killed_at(team: Workers, job: Job, share: float, patience: float = 0.0) -> bool:
    """Start a worker, kill it once the job is that far (and `patience` seconds later); whether the
    kill came before the end. Meanwhile no file is listed before the job is done."""
    team.start()
    team.sweep()
    wait_until("the job is far enough", lambda: _far_enough(job, share))
    time.sleep(patience)
    team.kill()
    # The server notices the cut connection, and only then gives up its lock.
    wait_until("the lock is free", lambda: not _locked(job))
    return state(job) != "done"


def _far_enough(job: Job, share: float) -> bool:
    job.refresh_from_db()
    assert job.state in ("queued", "running", "done"), job.error
    assert bool(job.file) == (job.state == "done")
    return job.state == "done" or (job.state == "running" and job.progress >= share)


def _locked(job: Job) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = %s AND objid = %s)",
            [jobs.LOCK, job.pk],
        )
        return bool(cursor.fetchone()[0])


def finished(team: Workers, job: Job) -> Job:
    team.start()
    team.sweep()
    wait_until("the job is done", lambda: state(job) not in ("queued", "running"))
    team.kill()
    assert job.state == "done", job.error
    return job


def points(count: int) -> list[float]:
    return [rank / count for rank in range(count)]


# ------------------------------------------------------------------------------- 1. exports


def kills_of_an_export(world: World, team: Workers, run: WeightingRun, count: int) -> None:
    wave = world.wave
    wanted = undisturbed(ask_for_export(wave, run.number, "csv-codes", world.alain, NOW))
    expected = (jobs.folder() / wanted.file).read_bytes()
    killed = 0
    for share in points(count):
        job = ask_for_export(wave, run.number, "csv-codes", world.alain, NOW)
        killed += killed_at(team, job, share)
        finished(team, job)
        assert (jobs.folder() / job.file).read_bytes() == expected
        assert job.digest == wanted.digest
        listed = sorted(path.name for path in jobs.folder().glob("*.csv"))
        assert listed == sorted(Job.objects.exclude(file="").values_list("file", flat=True))
    assert killed >= count - 1
    assert list(jobs.folder().glob("*.part")), "killed runs leave drafts, which nobody lists"


def test_an_export_survives_the_death_of_its_worker(
    world: World, team: Workers, run: WeightingRun
) -> None:
    kills_of_an_export(world, team, run, 5)


@pytest.mark.nightly
def test_an_export_survives_twenty_deaths(world: World, team: Workers, run: WeightingRun) -> None:
    kills_of_an_export(world, team, run, 20)


# ------------------------------------------------------------------------------- 2. weights


def weights_of(run: WeightingRun) -> list[tuple[int, float, float]]:
    rows = Weight.objects.filter(run=run).order_by("interview")
    return list(rows.values_list("interview_id", "weight", "diffusion"))


def kills_of_a_run(world: World, team: Workers, count: int) -> None:
    respondents.counted_by_criteria(world.wave, respondents.units())
    first = respondents.weighted(world.wave, world.alain)
    expected = weights_of(first)
    killed = 0
    for rank in range(count):
        job = runs.ask_for_run(world.wave, "raking", None, world.alain, NOW)
        killed += killed_at(team, job, 0.0, patience=0.3 * rank / count)
        finished(team, job)
        made = WeightingRun.objects.filter(job=job)
        assert made.count() == 1
        assert weights_of(made.get()) == expected
        assert made.get().digest == first.digest
    assert WeightingRun.objects.count() == count + 1
    assert killed


def test_a_weight_run_survives_the_death_of_its_worker(world: World, team: Workers) -> None:
    kills_of_a_run(world, team, 5)


@pytest.mark.nightly
def test_a_weight_run_survives_twenty_deaths(world: World, team: Workers) -> None:
    kills_of_a_run(world, team, 20)


# ------------------------------------------------------------------------------- 3. the queue


@pytest.mark.parametrize("loss", ["flushed", "killed"])
def test_a_job_told_to_a_queue_that_forgets_is_done_all_the_same(
    world: World, team: Workers, valkey: Valkey, loss: str
) -> None:
    respondents.counted_by_criteria(world.wave, respondents.units())
    respondents.load_demo_margins(world.wave)
    job = runs.ask_for_run(world.wave, "raking", None, world.alain, NOW)
    assert told(team, job.pk)
    if loss == "flushed":
        valkey.flush()
    else:
        valkey.kill()
        valkey.start()
    finished(team, job)
    assert (job.attempts, WeightingRun.objects.filter(job=job).count()) == (1, 1)


def test_a_worker_outlives_its_queue(world: World, team: Workers, valkey: Valkey) -> None:
    """The worker runs, Valkey dies and comes back: the same worker does the next job."""
    respondents.counted_by_criteria(world.wave, respondents.units())
    respondents.load_demo_margins(world.wave)
    job = runs.ask_for_run(world.wave, "raking", None, world.alain, NOW)
    finished_by_a_living_worker(team, job)
    valkey.kill()
    later = runs.ask_for_run(world.wave, "raking", None, world.alain, NOW)
    assert not told(team, later.pk)
    valkey.start()
    team.sweep()
    wait_until("the worker is back", lambda: state(later) == "done", within=90)
    assert Wave.objects.get(pk=world.wave.pk).weighting_runs.count() == 2


def finished_by_a_living_worker(team: Workers, job: Job) -> None:
    team.start()
    team.sweep()
    wait_until("the job is done", lambda: state(job) == "done")


def told(team: Workers, number: int) -> bool:
    """Announce a job as an edge does; False where the queue is dead."""
    from kombu.exceptions import OperationalError

    from cati.celery import app
    from cati.settings import celery_url

    try:
        with app.connection_for_write(url=celery_url(team.url)) as queue:
            app.send_task("cati.tasks.run_job", args=[number], connection=queue, retry=False)
    except (OperationalError, OSError):
        return False
    return True
