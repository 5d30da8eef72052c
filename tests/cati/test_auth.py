"""Login, logout, the way home.

1. Two fields; the focus waits in the first that is empty.
2. The refusal does not say which of the two was wrong.
3. Five tries per name and address, then a wait; a dead cache counts none and locks nobody out.
4. Each role lands on its own home; several waves give a list, none a next step.
5. Who is deactivated is out at her next request.
"""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from lxml import html

from cati.models import Membership, Role, User, Wave
from tests.world import PASSWORD, World, person


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    cache.clear()


def log_in(client: Client, username: str, password: str = PASSWORD) -> str:
    """Send the form; the address of arrival, or the refusal shown."""
    response = client.post("/connexion/", {"username": username, "password": password})
    if response.status_code == 302:
        return response.headers["Location"]
    return str(html.fromstring(response.content).find_class("alert")[0].text_content())


def focused(content: bytes) -> list[str]:
    return html.fromstring(content).xpath("//*[@autofocus]/@name")


def test_the_focus_waits_in_the_first_empty_field(world: World) -> None:
    client = Client()
    assert focused(client.get("/connexion/").content) == ["username"]
    refused = client.post("/connexion/", {"username": "nadia", "password": "faux"})
    assert focused(refused.content) == ["password"]
    assert b'value="nadia"' in refused.content
    assert b"faux" not in refused.content


def test_the_refusal_does_not_say_which_was_wrong(world: World) -> None:
    assert log_in(Client(), "nadia", "faux") == log_in(Client(), "personne", "faux")


def test_a_deactivated_person_is_refused_like_a_stranger(world: World) -> None:
    User.objects.filter(pk=world.nadia.pk).update(is_active=False)
    assert log_in(Client(), "nadia") == log_in(Client(), "personne")


def test_the_refusal_counts_down_the_tries_that_are_left(world: World) -> None:
    assert "il reste 4 essais" in log_in(Client(), "nadia", "faux")
    assert "il reste 3 essais" in log_in(Client(), "nadia", "faux")


def test_after_five_tries_even_the_right_password_waits(world: World) -> None:
    for _ in range(5):
        log_in(Client(), "nadia", "faux")
    assert "Attendez 5 minutes" in log_in(Client(), "nadia")


def test_the_wait_binds_one_name_from_one_address(world: World) -> None:
    for _ in range(6):
        log_in(Client(), "nadia", "faux")
    assert log_in(Client(), "yann") == "/"
    assert log_in(Client(REMOTE_ADDR="192.0.2.7"), "nadia") == "/"


def test_spelling_the_name_otherwise_wins_no_tries(world: World) -> None:
    for _ in range(5):
        log_in(Client(), "nadia", "faux")
    assert "Attendez 5 minutes" in log_in(Client(), "NADIA", "faux")


def test_being_let_in_gives_the_tries_back(world: World) -> None:
    for _ in range(4):
        log_in(Client(), "nadia", "faux")
    assert log_in(Client(), "nadia") == "/"
    assert "il reste 4 essais" in log_in(Client(), "nadia", "faux")


def test_a_dead_cache_shows_no_error_and_locks_nobody_out(world: World, dead_redis: None) -> None:
    for _ in range(6):
        refusal = log_in(Client(), "nadia", "faux")
    assert "ne correspond pas" in refusal
    assert "reste" not in refusal
    assert "Ralenti" in Client().get("/connexion/").content.decode()
    assert log_in(Client(), "nadia") == "/"


def test_a_missing_password_uses_no_try(world: World) -> None:
    Client().post("/connexion/", {"username": "nadia", "password": ""})
    assert "il reste 4 essais" in log_in(Client(), "nadia", "faux")


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("nadia", "/v/2026/enquete/"),
        ("claire", "/v/2026/terrain/"),
        ("alain", "/v/2026/preparation/"),
    ],
)
def test_each_role_lands_on_its_own_home(world: World, name: str, home: str) -> None:
    client = Client()
    arrival = client.get(log_in(client, name))
    assert (arrival.status_code, arrival.headers["Location"]) == (302, home)
    assert client.get(home).status_code == 200


def test_who_is_logged_in_does_not_see_the_login_again(world: World) -> None:
    assert world.client(world.nadia).get("/connexion/").headers["Location"] == "/"


def test_the_login_leads_back_to_the_page_that_was_asked_for(world: World) -> None:
    response = Client().post(
        "/connexion/",
        {"username": "alain", "password": PASSWORD, "next": "/v/2026/terrain/"},
    )
    assert response.headers["Location"] == "/v/2026/terrain/"


def test_the_login_leads_nowhere_outside(world: World) -> None:
    response = Client().post(
        "/connexion/",
        {"username": "alain", "password": PASSWORD, "next": "https://example.org/"},
    )
    assert response.headers["Location"] == "/"


def test_several_waves_give_a_list_the_latest_first(world: World) -> None:
    Membership.objects.create(user=world.nadia, wave=world.other_wave, role=Role.SUPERVISOR)
    page = html.fromstring(world.client(world.nadia).get("/").content)
    assert page.xpath("//tbody//a/@href") == ["/v/2026/enquete/", "/v/2025/terrain/"]


def test_a_closed_wave_and_a_role_withdrawn_are_no_home(world: World) -> None:
    Membership.objects.create(user=world.nadia, wave=world.other_wave, role=Role.SUPERVISOR)
    Wave.objects.filter(pk=world.other_wave.pk).update(state=Wave.State.CLOSED)
    client = world.client(world.nadia)
    assert client.get("/").headers["Location"] == "/v/2026/enquete/"
    Membership.objects.filter(user=world.nadia).update(active=False)
    assert "Aucune vague" in client.get("/").content.decode()


def test_nobody_s_wave_is_an_empty_page_with_the_next_step(world: World) -> None:
    stranger = person("zoe", "Zoé", "Zola")
    page = world.client(stranger).get("/")
    assert page.status_code == 200
    assert "Demandez à l’administrateur" in page.content.decode()


def test_a_deactivated_person_is_out_at_her_next_request(world: World) -> None:
    client = world.client(world.claire)
    assert client.get("/v/2026/terrain/").status_code == 200
    User.objects.filter(pk=world.claire.pk).update(is_active=False)
    response = client.get("/v/2026/terrain/")
    assert response.headers["Location"].startswith("/connexion/")


def test_logging_out_takes_a_post_and_ends_the_session(world: World) -> None:
    client = world.client(world.claire)
    assert client.get("/deconnexion/").status_code == 405
    assert client.post("/deconnexion/").headers["Location"] == "/connexion/"
    assert client.get("/v/2026/terrain/").status_code == 302


def test_a_fragment_asked_for_without_a_session_sends_the_page_to_the_login(world: World) -> None:
    response = Client().get("/v/2026/terrain/tableau/", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/connexion/")


def test_a_form_without_its_token_is_refused_in_words(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/connexion/", {"username": "nadia", "password": PASSWORD})
    assert response.status_code == 403
    assert "Ce formulaire a expiré" in response.content.decode()
