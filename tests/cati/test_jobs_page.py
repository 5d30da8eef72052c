"""« Exports et travaux » : the list with its progress, and what may be done with a job.

1. Each state shows what it is and its one act; a failure says why.
2. The fragment is what the page fetches while something runs.
3. Search by kind, state and words; pages of twenty.
4. A download is logged, and comes as a file with a name.
5. Posting three times is posting once.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from lxml import html

from cati.models import Download, IdempotentRequest, Job
from cati.operations import jobs
from tests.world import NOW, World

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/travaux/"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def job(world: World, state: str = "queued", **fields: Any) -> Job:
    usual = {"kind": "weights", "params": {"method": "raking", "bounds": None}, "by": world.alain}
    return Job.objects.create(wave=world.wave, state=state, at=NOW, **(usual | fields))


def with_file(world: World, text: str = "a,b\n") -> Job:
    row = job(world, "done", file="1-poids.csv", size=4, digest="ab", ended_at=NOW)
    (jobs.folder() / row.file).write_text(text)
    return row


def lines(client: Client, query: str = "", path: str = PAGE) -> list[tuple[str, str, str]]:
    """State, progress and act of each row, as they read."""
    page = html.fromstring(client.get(path + query).content)
    return [
        tuple(" ".join(cell.text_content().split()) for cell in row.xpath("td[1] | td[2] | td[4]"))
        for row in page.xpath("//table[contains(@class, 'jobs')]/tbody/tr")
        if len(row) > 1
    ]


# ------------------------------------------------------------------------------- 1. states


def test_each_state_shows_what_it_is_and_its_act(world: World, admin: Client) -> None:
    job(world)
    job(world, "running", progress=0.62, step="931 sur 1 502 lignes", attempts=2, started_at=NOW)
    job(world, "failed", error="Les Vergnes, Âge : personne.")
    job(world, "cancelled")
    with_file(world)
    job(world, "done", digest="ab")
    assert lines(admin)[::-1] == [
        ("en file", "en file", "Annuler"),
        ("en cours", "62 % 62 % 931 sur 1 502 lignes · essai 2", "Annuler"),
        ("échec", "Les Vergnes, Âge : personne.", "Relancer"),
        ("annulé", "", "Relancer"),
        ("prêt", "0 s", "Télécharger"),
        ("périmé", "0 s", ""),
    ]


def test_a_breakdown_says_its_last_line_and_keeps_the_rest_folded(
    world: World, admin: Client
) -> None:
    job(world, "failed", error="Traceback (most recent call last):\n  ...\nOSError: full")
    page = html.fromstring(admin.get(PAGE).content)
    assert page.xpath("string(//details/summary)") == "OSError: full"
    assert "Rien n’a été publié" in page.text_content()


def test_nothing_yet_says_what_to_do(admin: Client) -> None:
    assert "Aucun travail encore" in admin.get(PAGE).content.decode()


def test_jobs_of_another_wave_do_not_show(world: World, admin: Client) -> None:
    other = Job.objects.create(wave=world.other_wave, kind="weights", at=NOW)
    assert lines(admin) == []
    for act in ("annuler/", "relancer/", "fichier/"):
        url = f"{PAGE}{other.pk}/{act}"
        assert admin.get(url).status_code in (404, 405)
        if act != "fichier/":
            assert admin.post(url, {"uuid": uuid4()}).status_code == 404


# ------------------------------------------------------------------------------- 2. fragment


def test_the_fragment_is_the_list_and_polls_faster_while_something_runs(
    world: World, admin: Client
) -> None:
    row = job(world, "done")
    idle = admin.get(PAGE + "tableau/").content.decode()
    assert 'hx-trigger="every 10s"' in idle
    assert "<html" not in idle
    Job.objects.filter(pk=row.pk).update(state="running", progress=0.25)
    busy = admin.get(PAGE + "tableau/").content.decode()
    assert 'hx-trigger="every 1s"' in busy
    assert "25 %" in busy


def test_the_fragment_keeps_the_search(world: World, admin: Client) -> None:
    job(world, "failed", error="x")
    job(world)
    page = html.fromstring(admin.get(PAGE + "?state=failed").content)
    polled = page.xpath("string(//*[@id='rows']/@hx-get)")
    assert polled.endswith("?state=failed")
    assert len(lines(admin, path=polled)) == 1


# ------------------------------------------------------------------------------- 3. search


def test_search_by_kind_state_and_words(world: World, admin: Client) -> None:
    job(world, "failed", error="Champratel, Âge")
    job(world, kind="export", by=world.claire)
    with_file(world)
    assert len(lines(admin)) == 3
    assert len(lines(admin, "?kind=export")) == 1
    assert len(lines(admin, "?state=failed")) == 1
    assert len(lines(admin, "?q=champratel")) == 1
    assert len(lines(admin, "?q=fournier")) == 1
    assert len(lines(admin, "?q=poids.csv+vidal")) == 1
    assert lines(admin, "?q=personne+d%27autre%00") == []


def test_twenty_to_a_page(world: World, admin: Client) -> None:
    for _ in range(23):
        job(world, "done")
    page = html.fromstring(admin.get(PAGE + "?state=done").content)
    assert len(lines(admin)) == 20
    assert page.xpath("string(//a[@rel='next']/@href)") == "?state=done&page=2"
    assert len(lines(admin, "?state=done&page=2")) == 3
    assert len(lines(admin, "?page=999")) == 3


# ------------------------------------------------------------------------------- 4. download


def test_a_download_is_a_file_and_is_logged(world: World, admin: Client) -> None:
    row = with_file(world, "a,b\n1,2\n")
    response = admin.get(f"{PAGE}{row.pk}/fichier/")
    assert b"".join(response.streaming_content) == b"a,b\n1,2\n"  # type: ignore[attr-defined]
    assert response.headers["Content-Disposition"] == 'attachment; filename="1-poids.csv"'
    assert response.headers["Cache-Control"] == "no-store"
    assert Download.objects.get().by == world.alain
    assert "téléchargé 1 fois" in lines(admin)[0][1]


def test_a_file_that_is_gone_says_so(world: World, admin: Client) -> None:
    row = job(world, "done", file="2-perdu.csv")
    response = admin.get(f"{PAGE}{row.pk}/fichier/", follow=True)
    assert "Ce fichier n’est plus gardé" in response.content.decode()
    assert not Download.objects.exists()


# ------------------------------------------------------------------------------- 5. acts


def test_a_waiting_job_is_cancelled(world: World, admin: Client) -> None:
    row = job(world)
    admin.post(f"{PAGE}{row.pk}/annuler/", {"uuid": uuid4()})
    row.refresh_from_db()
    assert row.state == "cancelled"


def test_cancelling_a_running_job_asks_first(world: World, admin: Client) -> None:
    row = job(world, "running", progress=0.5)
    asked = admin.get(f"{PAGE}{row.pk}/annuler/").content.decode()
    assert "en est à 50 %" in asked
    row.refresh_from_db()
    assert not row.cancel_asked
    admin.post(f"{PAGE}{row.pk}/annuler/", {"uuid": uuid4()})
    row.refresh_from_db()
    assert (row.state, row.cancel_asked) == ("running", True)


@pytest.mark.parametrize("act", ["annuler", "relancer"])
def test_three_posts_are_one(world: World, admin: Client, act: str) -> None:
    row = job(world, "queued" if act == "annuler" else "failed")
    uuid = str(uuid4())
    replies = [admin.post(f"{PAGE}{row.pk}/{act}/", {"uuid": uuid}) for _ in range(3)]
    assert {(reply.status_code, reply["Location"]) for reply in replies} == {(302, PAGE)}
    assert IdempotentRequest.objects.count() == 1
    row.refresh_from_db()
    assert row.state == ("cancelled" if act == "annuler" else "queued")


def test_a_repeated_retry_does_not_undo_what_came_after(world: World, admin: Client) -> None:
    row = job(world, "failed")
    uuid = str(uuid4())
    admin.post(f"{PAGE}{row.pk}/relancer/", {"uuid": uuid})
    Job.objects.filter(pk=row.pk).update(state="failed", error="again", ended_at=NOW + timedelta(1))
    admin.post(f"{PAGE}{row.pk}/relancer/", {"uuid": uuid})
    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "again")


def test_the_uuid_of_another_act_is_refused(world: World, admin: Client) -> None:
    first, second = job(world), job(world)
    uuid = str(uuid4())
    admin.post(f"{PAGE}{first.pk}/annuler/", {"uuid": uuid})
    assert admin.post(f"{PAGE}{second.pk}/annuler/", {"uuid": uuid}).status_code == 409
    assert admin.post(f"{PAGE}{second.pk}/annuler/", {"uuid": "?"}).status_code == 400
    second.refresh_from_db()
    assert second.state == "queued"


def test_a_finished_job_is_not_run_again(world: World, admin: Client) -> None:
    row = job(world, "done")
    response = admin.post(f"{PAGE}{row.pk}/relancer/", {"uuid": uuid4()}, follow=True)
    assert "ne se relance pas" in response.content.decode()
    row.refresh_from_db()
    assert row.state == "done"
