"""A part of the sample waits until the supervisor releases it, and is not taken back.

1. The page says what is left in each part; the release asks first, and is done once.
2. A case of a part that waits is neither assigned, pushed nor opened by a respondent's call.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati.models import Case, Replicate
from tests.world import NOW, World

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/replicats/"


@pytest.fixture
def claire(world: World) -> Client:
    Case.objects.filter(number__gt=4).update(replicate=2)
    Replicate.objects.create(wave=world.wave, number=2)
    return world.client(world.claire)


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


def lines(client: Client) -> list[str]:
    page = html.fromstring(client.get(PAGE).content)
    return [" ".join(row.text_content().split()) for row in page.xpath("//main//tbody/tr")]


def test_each_part_says_what_is_left_in_it(claire: Client) -> None:
    Case.objects.filter(number=1).update(state="closed", attempts=1)
    Case.objects.filter(number=2).update(attempts=1)
    assert lines(claire) == ["1 libéré 4 3 2", "2 en attente 2 2 2 Libérer"]


def test_the_release_asks_first_and_is_done_once(world: World, claire: Client) -> None:
    assert "2 fiches seront appelées" in words(claire.get(f"{PAGE}2/liberer/"))
    form = {"uuid": str(uuid4())}
    replies = [claire.post(f"{PAGE}2/liberer/", form) for _ in range(3)]
    assert {reply.status_code for reply in replies} == {302}
    row = Replicate.objects.get()
    assert row.released_by == world.claire
    again = words(claire.post(f"{PAGE}2/liberer/", {"uuid": str(uuid4())}, follow=True))
    assert "n’attend pas d’être libéré" in again


def test_a_part_of_another_wave_is_none_of_hers(world: World, claire: Client) -> None:
    Replicate.objects.create(wave=world.other_wave, number=3)
    told = words(claire.post(f"{PAGE}3/liberer/", {"uuid": str(uuid4())}, follow=True))
    assert "n’attend pas" in told


def test_a_case_that_waits_is_found_and_may_not_be_pushed(world: World, claire: Client) -> None:
    assert "réplicat à libérer" in words(claire.get("/v/2026/fiches/5/"))
    page = html.fromstring(claire.get("/v/2026/fiches/?state=waiting").content)
    assert page.xpath("//tbody/tr/th//b/text()") == ["5", "6"]
    form = {"uuid": str(uuid4()), "reason": "vite", "person": world.nadia.pk}
    for kind in ("push", "assign"):
        told = words(
            claire.post(f"/v/2026/fiches/5/{kind}/", form | {"uuid": str(uuid4())}, follow=True)
        )
        assert "Libérez-le d’abord" in told
    Replicate.objects.update(released_at=NOW)
    told = words(claire.post("/v/2026/fiches/5/push/", form | {"uuid": str(uuid4())}, follow=True))
    assert "mise en tête" in told
