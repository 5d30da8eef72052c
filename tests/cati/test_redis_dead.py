"""With Redis dead, nobody who interviews or supervises sees an error, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from cati.celery import app
from cati.models import Case, Job
from cati.operations import jobs
from cati.tasks import tell
from questionnaire.models import AnswerEvent
from tests.world import NOW, PASSWORD, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dead_redis")]


def test_a_call_goes_from_login_to_outcome(world: World) -> None:
    client = Client()
    logged_in = client.post(reverse("login"), {"username": "nadia", "password": PASSWORD})
    assert logged_in.status_code == 302
    wave = {"wave": world.wave.slug}
    assert client.get(reverse("interviewer-home", kwargs=wave)).status_code == 200
    assert client.post(reverse("next-case", kwargs=wave)).status_code == 302
    case = Case.objects.get(holder=world.nadia)
    on_case = wave | {"number": case.number}
    phone = case.phones.first()
    assert phone is not None

    def post(name: str, **fields: Any) -> Any:
        return client.post(reverse(name, kwargs=on_case), {"epoch": case.epoch} | fields)

    assert post("dial", phone=phone.pk).status_code == 302
    assert post("interview").status_code == 302
    answer = {
        "uuid": str(uuid4()),
        "kind": "answer",
        "item": "S01",
        "value": {"v": 4},
        "epoch": case.epoch,
    }
    saved = client.post(
        reverse("answer", kwargs=on_case), json.dumps(answer), content_type="application/json"
    )
    assert (saved.status_code, saved.json()["outcome"]) == (200, "40")
    assert AnswerEvent.objects.filter(item="S01", value={"v": 4}).exists()
    assert post("outcome", uuid=str(uuid4()), code="40").status_code == 302
    case.refresh_from_db()
    assert (case.disposition, case.holder) == ("40", None)


def test_the_board_and_the_health_page_answer(world: World) -> None:
    client = world.client(world.claire)
    wave = {"wave": world.wave.slug}
    assert client.get(reverse("board", kwargs=wave)).status_code == 200
    assert client.get(reverse("board-rows", kwargs=wave)).status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")


@pytest.fixture
def dead_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Celery without its Redis; its pools of connections are made anew before and after."""
    with monkeypatch.context() as patch:
        patch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
        app._after_fork()
        yield
    app._after_fork()


@pytest.mark.usefixtures("dead_broker")
def test_a_job_that_could_not_be_announced_waits_for_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setitem(jobs.KINDS, "nothing", jobs.Kind("nothing", "", lambda *_: jobs.Work()))
    job = jobs.enqueue(world.wave, "nothing", {}, world.alain, NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tell(job.pk)
    assert jobs.untold(NOW) == [job.pk]
    assert Job.objects.get(pk=job.pk).state == "queued"
