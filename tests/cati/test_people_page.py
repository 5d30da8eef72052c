"""« Accès » : accounts, roles, skills; nobody rises by it, and no wave is left without an admin.

1. The list, its search, its empty state.
2. An account is made with a password that is shown once and kept nowhere.
3. A new password ends the old sessions; a shut account is out at once, everywhere.
4. Role and skills change at the next request.
5. The last admin stays, and whoever works in a wave that one does not administer is left alone.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from lxml import html
from rest_framework.authtoken.models import Token

from cati import clock
from cati.models import IdempotentRequest, Membership, Role, User
from cati.operations import people
from cati.operations.claim import next_case
from cati.operations.errors import Refused
from tests.world import PASSWORD, World, person

pytestmark = pytest.mark.django_db
PAGE = "/v/2026/acces/"


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.alain)


def words(response: Any) -> str:
    return " ".join(html.fromstring(response.content).text_content().split())


def names(client: Client, query: str = "") -> list[str]:
    page = html.fromstring(client.get(PAGE + query).content)
    return page.xpath("//main//tbody/tr/th//b/text()")


def post(client: Client, path: str, **form: Any) -> Any:
    return client.post(f"{PAGE}{path}", {"uuid": str(uuid4())} | form, follow=True)


def save(client: Client, user: User, **changes: Any) -> Any:
    form = {"first_name": user.first_name, "last_name": user.last_name, "role": "interviewer"}
    return post(client, f"{user.pk}/", **(form | changes))


NEW = {"username": "zoe", "first_name": "Zoé", "last_name": "Sow", "role": "supervisor"}


# 1. The list.


def test_people_of_the_wave_are_listed_and_found(world: World, admin: Client) -> None:
    assert names(admin) == ["Nadia Benali", "Yann Chabert", "Claire Fournier", "Alain Vidal"]
    assert names(admin, "?q=fourn+claire") == ["Claire Fournier"]
    assert names(admin, "?role=interviewer&q=ya") == ["Yann Chabert"]
    assert "Personne ne répond" in words(admin.get(PAGE + "?q=weber%00"))
    Membership.objects.filter(user=world.yann).update(active=False)
    assert names(admin, "?role=none") == ["Yann Chabert"]


# 2. Accounts.


def test_a_new_account_gets_in_by_the_password_that_is_shown_once(
    world: World, admin: Client
) -> None:
    uuid = str(uuid4())
    page = html.fromstring(post(admin, "", uuid=uuid, **NEW).content)
    password = page.xpath("string(//p[@class='secret']/code)")
    assert Client().login(username="zoe", password=password)
    assert Membership.objects.get(user__username="zoe").role == Role.SUPERVISOR
    again = words(post(admin, "", uuid=uuid, **NEW))
    assert "ne se montre qu’une fois" in again
    assert password not in again
    assert User.objects.filter(username="zoe").count() == 1
    kept = [*IdempotentRequest.objects.values_list("reply", flat=True)]
    kept += [session.get_decoded() for session in Session.objects.all()]
    assert password not in str(kept)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "NADIA"}, "déjà cet identifiant"),
        ({"username": "a b"}, "que des lettres"),
        ({"username": ""}, "que des lettres"),
        ({"first_name": " "}, "prénom"),
        ({"role": "chef"}, "Choisissez un rôle"),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    world: World, admin: Client, changes: dict[str, str], said: str
) -> None:
    before = User.objects.count()
    assert said in words(post(admin, "", **(NEW | changes)))
    assert User.objects.count() == before


def test_somebody_who_has_an_account_is_added(world: World, admin: Client) -> None:
    assert "est dans la vague" in words(post(admin, "ajouter/", known="oscar", role="interviewer"))
    assert Membership.objects.get(user=world.oscar, wave=world.wave).role == Role.INTERVIEWER
    assert "Aucun compte actif" in words(post(admin, "ajouter/", known="personne", role="admin"))


# 3. Passwords, shut accounts.


def test_a_new_password_ends_the_sessions_of_the_old_one(world: World, admin: Client) -> None:
    nadia = Client()
    assert nadia.login(username="nadia", password=PASSWORD)
    Token.objects.create(user=world.nadia)
    page = html.fromstring(post(admin, f"{world.nadia.pk}/mot-de-passe/").content)
    assert nadia.get("/v/2026/enquete/").status_code == 302
    assert not Token.objects.exists()
    assert not Client().login(username="nadia", password=PASSWORD)
    assert Client().login(
        username="nadia", password=page.xpath("string(//p[@class='secret']/code)")
    )


def test_a_shut_account_is_out_at_once_and_its_case_free(world: World, admin: Client) -> None:
    nadia = Client()
    assert nadia.login(username="nadia", password=PASSWORD)
    case = next_case(world.wave, world.nadia, clock.now())
    assert case
    assert "Ses sessions s’arrêtent" in words(admin.get(f"{PAGE}{world.nadia.pk}/compte/"))
    post(admin, f"{world.nadia.pk}/compte/")
    assert nadia.get("/v/2026/enquete/")["Location"].startswith("/connexion/")
    assert not Client().login(username="nadia", password=PASSWORD)
    case.refresh_from_db()
    assert case.holder is None
    post(admin, f"{world.nadia.pk}/compte/", activate="1")
    assert nadia.get("/v/2026/enquete/").status_code == 302, "an old session came back to life"
    assert Client().login(username="nadia", password=PASSWORD)


# 4. Roles, skills.


def test_role_and_skills_change_at_once(world: World, admin: Client) -> None:
    told = words(
        save(admin, world.yann, role="supervisor", languages=["ar", "en"], converts_refusals="on")
    )
    assert "Enregistré" in told
    world.yann.refresh_from_db()
    assert (world.yann.languages, world.yann.converts_refusals) == (["ar", "en"], True)
    assert world.client(world.yann).get("/v/2026/terrain/").status_code == 200
    assert "anglais" in words(admin.get(PAGE + "?q=yann"))
    assert "reprise des refus" in words(admin.get(PAGE + "?q=yann"))


def test_a_withdrawn_role_opens_nothing_and_may_be_given_again(world: World, admin: Client) -> None:
    save(admin, world.yann, role="")
    assert world.client(world.yann).get("/v/2026/enquete/").status_code == 404
    save(admin, world.yann)
    assert world.client(world.yann).get("/v/2026/enquete/").status_code == 200


def test_a_language_that_is_not_offered_is_refused(world: World, admin: Client) -> None:
    assert "dans la liste" in words(save(admin, world.yann, languages=["xx"]))


# 5. Who may not.


def test_one_s_own_role_and_account_are_left_alone(world: World, admin: Client) -> None:
    assert "Votre propre rôle" in words(save(admin, world.alain, role="interviewer"))
    assert "Votre propre compte" in words(post(admin, f"{world.alain.pk}/compte/"))
    world.alain.refresh_from_db()
    assert world.alain.is_active


def test_the_last_admin_stays(world: World) -> None:
    second = person("second", "Seconde", "Main", admin=world.wave)
    people.set_role(world.wave, world.alain, "supervisor", by=second)
    with pytest.raises(Refused, match="dernier administrateur"):
        people.set_role(world.wave, second, "", by=world.alain)
    with pytest.raises(Refused, match="dernier administrateur"):
        people.deactivate(second, by=grand(world), now=clock.now())
    assert Membership.objects.get(user=second).active


def grand(world: World) -> User:
    """Somebody who administers the wave by her rows, and whose account is shut: counts for none."""
    shut = person("shut", "Compte", "Fermé", admin=world.wave)
    User.objects.filter(pk=shut.pk).update(is_active=False)
    return shut


def test_who_also_works_elsewhere_is_left_alone(world: World, admin: Client) -> None:
    Membership.objects.create(user=world.oscar, wave=world.wave, role="interviewer")
    for path in ("mot-de-passe/", "compte/"):
        told = words(post(admin, f"{world.oscar.pk}/{path}"))
        assert "que vous n’administrez pas" in told
    world.oscar.refresh_from_db()
    assert world.oscar.is_active
    assert world.oscar.check_password(PASSWORD)


def test_a_stranger_s_account_cannot_be_reached(world: World, admin: Client) -> None:
    for path in ("", "mot-de-passe/", "compte/"):
        assert admin.post(f"{PAGE}{world.oscar.pk}/{path}").status_code == 404
