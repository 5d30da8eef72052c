"""Every unsafe endpoint, posted three times and then three at once by new processes: one effect.

The other processes know nothing of the first ones, as after a restart. Each posting is answered the
same: status, and JSON body or redirect target. What changed is told by the rows of every table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from rest_framework.authtoken.models import Token

from cati.models import Case, Job, User
from cati.operations import jobs
from cati.operations.calls import dial
from cati.operations.claim import next_case
from cati.operations.record import begin_interview
from tests.clients import Clients, clients
from tests.replay import again
from tests.weighting import respondents
from tests.world import World
from weighting.models import WeightingRun

pytestmark = pytest.mark.django_db(transaction=True)
# Sessions and tokens are read by every request; the time of a lease moves with its heartbeat.
COUNTED = [
    model
    for app in ("questionnaire", "cati", "weighting")
    for model in apps.get_app_config(app).get_models()
]


@dataclass(frozen=True)
class Post:
    """One request, as values that another process can send."""

    url: str
    user: int
    form: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def send(post: Post) -> tuple[int, str, str]:
    """Status, redirect target and JSON body of the answer."""
    from django.test import Client

    client = Client(headers=post.headers)
    if "Authorization" not in post.headers:
        client.force_login(User.objects.get(pk=post.user))
    if post.body is None:
        response = client.post(post.url, post.form)
    else:
        response = client.post(post.url, json.dumps(post.body), content_type="application/json")
    body = response.json() if "json" in response.headers["Content-Type"] else {}
    # A piece of the page is drawn from how things stand, with the time that has run meanwhile.
    body.pop("html", None)
    said = json.dumps(body, sort_keys=True)
    return response.status_code, response.headers.get("Location", ""), said


@pytest.fixture(scope="module")
def others(django_db_setup: None) -> Iterator[Clients]:
    with clients(3) as started:
        yield started


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def held(world: World) -> Any:
    """A case that Nadia holds."""
    case = next_case(world.wave, world.nadia, world.now)
    assert case is not None
    return case


def in_call(world: World) -> Any:
    case = held(world)
    dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, world.now)
    return case


def a_run(world: World) -> WeightingRun:
    return again("a run", lambda: weighted(world))


def weighted(world: World) -> WeightingRun:
    respondents.counted_by_criteria(world.wave, respondents.units())
    return respondents.weighted(world.wave, world.alain)


def next_fiche(world: World) -> Post:
    return Post("/v/2026/enquete/suivante/", world.nadia.pk)


def dialling(world: World) -> Post:
    case = held(world)
    form = {"epoch": str(case.epoch), "phone": str(case.phones.all()[0].pk)}
    return Post(f"/v/2026/fiche/{case.number}/appel/", world.nadia.pk, form)


def beginning(world: World) -> Post:
    case = in_call(world)
    form = {"epoch": str(case.epoch)}
    return Post(f"/v/2026/fiche/{case.number}/entretien/", world.nadia.pk, form)


def answering(world: World) -> Post:
    case = in_call(world)
    begin_interview(case.pk, world.nadia, case.epoch, world.now)
    body = {
        "uuid": str(uuid4()), "epoch": case.epoch, "kind": "answer", "item": "S01",
        "value": {"v": 1},
    }  # fmt: skip
    return Post(f"/v/2026/fiche/{case.number}/reponse/", world.nadia.pk, body=body)


def noting(world: World) -> Post:
    case = held(world)
    form = {"uuid": str(uuid4()), "epoch": str(case.epoch), "text": "Parle vite."}
    return Post(f"/v/2026/fiche/{case.number}/note/", world.nadia.pk, form)


def giving_back(world: World) -> Post:
    case = held(world)
    form = {"epoch": str(case.epoch)}
    return Post(f"/v/2026/fiche/{case.number}/rendre/", world.nadia.pk, form)


def recording_an_outcome(world: World) -> Post:
    case = in_call(world)
    form = {"uuid": str(uuid4()), "epoch": str(case.epoch), "code": "31"}
    return Post(f"/v/2026/fiche/{case.number}/fin/", world.nadia.pk, form)


def cancelling(world: World) -> Post:
    job = Job.objects.create(wave=world.wave, kind="weights", at=world.now)
    return Post(f"/v/2026/travaux/{job.pk}/annuler/", world.alain.pk, {"uuid": str(uuid4())})


def retrying(world: World) -> Post:
    job = Job.objects.create(wave=world.wave, kind="weights", state="failed", at=world.now)
    return Post(f"/v/2026/travaux/{job.pk}/relancer/", world.alain.pk, {"uuid": str(uuid4())})


def starting_a_run(world: World) -> Post:
    form = {"uuid": str(uuid4()), "method": "raking"}
    return Post("/v/2026/redressement/lancer/", world.alain.pk, form)


def making_official(world: World) -> Post:
    run = a_run(world)
    url = f"/v/2026/redressement/{run.number}/officiel/"
    return Post(url, world.alain.pk, {"uuid": str(uuid4())})


def starting_an_export(world: World) -> Post:
    form = {"uuid": str(uuid4()), "run": str(a_run(world).number), "format": "xlsx"}
    return Post("/v/2026/exports/preparer/", world.alain.pk, form)


def by_program(world: World, url: str, body: dict[str, Any]) -> Post:
    token = Token.objects.create(user=world.alain)
    headers = {"Authorization": f"Token {token.key}", "Idempotency-Key": str(uuid4())}
    return Post(url, world.alain.pk, body=body, headers=headers)


def closing_a_cell(world: World) -> Post:
    form = {"uuid": str(uuid4()), "act": "close", "reason": "assez d’entretiens"}
    return Post(f"/v/2026/quotas/{world.cells['VE'].pk}/", world.claire.pk, form)


def changing_targets(world: World) -> Post:
    form = {"uuid": str(uuid4()), "category-": "90", "reason": "moins d’adresses"}
    return Post("/v/2026/quotas/VE/sector/", world.claire.pk, form)


def loading_targets(world: World) -> Post:
    text = "secteur;famille;cible\nVE;sector;90\n"
    form = {"uuid": str(uuid4()), "text": text, "reason": "plan révisé"}
    return Post("/v/2026/quotas/fichier/", world.claire.pk, form)


def program_starts_a_run(world: World) -> Post:
    bounds = {"method": "logit", "bounds": [0.3, 3]}
    return by_program(world, "/api/v1/waves/2026/runs/", bounds)


def program_starts_an_export(world: World) -> Post:
    body = {"run": a_run(world).number, "format": "csv-codes"}
    return by_program(world, "/api/v1/waves/2026/exports/", body)


ENDPOINTS: list[Callable[[World], Post]] = [
    next_fiche,
    dialling,
    beginning,
    answering,
    noting,
    giving_back,
    recording_an_outcome,
    cancelling,
    retrying,
    starting_a_run,
    making_official,
    starting_an_export,
    closing_a_cell,
    changing_targets,
    loading_targets,
    program_starts_a_run,
    program_starts_an_export,
]


def rows() -> dict[str, Any]:
    """How many rows each table has, and what stands in those that are written over."""
    found: dict[str, Any] = {model.__name__: model.objects.count() for model in COUNTED}
    found["jobs"] = list(Job.objects.order_by("pk").values("state", "cancel_asked", "params"))
    found["cases"] = list(
        Case.objects.order_by("pk").values("state", "epoch", "holder", "attempts")
    )
    found["official"] = list(WeightingRun.objects.filter(official=True).values_list("number"))
    return found


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_posting_again_changes_nothing(
    world: World, others: Clients, endpoint: Callable[[World], Post]
) -> None:
    post = endpoint(world)
    before = rows()
    answers = [send(post)]
    after = rows()
    assert after != before, "the first posting has an effect"
    assert answers[0][0] < 400
    answers += [send(post), send(post)]
    assert rows() == after
    answers += others.run(send, [post] * 3)
    assert rows() == after
    assert len(set(answers)) == 1, answers


def test_three_at_once_without_a_first_one_are_one(world: World, others: Clients) -> None:
    post = starting_a_run(world)
    answers = others.run(send, [post] * 3)
    assert len(set(answers)) == 1
    assert Job.objects.count() == 1


def test_two_different_postings_are_two(world: World) -> None:
    first, second = starting_a_run(world), starting_a_run(world)
    send(first)
    send(second)
    assert Job.objects.count() == 2


def test_a_key_that_served_for_something_else_is_a_conflict(world: World) -> None:
    post = program_starts_a_run(world)
    assert send(post)[0] == 202
    other = Post(post.url, post.user, body={"method": "raking"}, headers=post.headers)
    assert send(other)[0] == 409
    assert Job.objects.count() == 1


def test_a_refused_posting_may_be_mended_and_sent_again(world: World) -> None:
    post = program_starts_an_export(world)
    wrong = Post(post.url, post.user, body={"run": 99, "format": "xlsx"}, headers=post.headers)
    assert send(wrong)[0] == 422
    assert send(post)[0] == 202
    assert Job.objects.filter(kind="export").count() == 1


def test_without_a_key_nothing_is_started(world: World) -> None:
    post = program_starts_a_run(world)
    bare = {name: value for name, value in post.headers.items() if name != "Idempotency-Key"}
    status, _target, said = send(Post(post.url, post.user, body=post.body, headers=bare))
    assert status == 400
    assert "Idempotency-Key" in said
    assert not Job.objects.exists()
    assert list(jobs.folder().iterdir()) == []
