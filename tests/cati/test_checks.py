"""System checks: a badly set up server says so, with an id and a way to mend it."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks

from tests.world import World

SOUND = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "PHONE_KEY_SECRET": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": ["cati.example.org"],
    "DEBUG": False,
    "DEMO": False,
    "SECURE": True,
    "CLOCK_OFFSET_SECONDS": 0,
}


def set_up(settings: Any, **faults: Any) -> None:
    for name, value in (SOUND | faults).items():
        setattr(settings, name, value)


def ours(*, deploy: bool = True, databases: list[str] | None = None) -> list[CheckMessage]:
    messages = run_checks(include_deployment_checks=deploy, databases=databases)
    return [message for message in messages if (message.id or "").startswith("cati.")]


def ids(messages: list[CheckMessage]) -> list[str]:
    return [str(message.id) for message in messages]


def test_a_sound_server_passes(settings: Any) -> None:
    set_up(settings)
    assert ours() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "", "cati.E001"),
        ("SECRET_KEY", "short", "cati.E001"),
        ("SECRET_KEY", "ab" * 40, "cati.E001"),
        ("SECRET_KEY", "demo-" + "abcdefgh" * 10, "cati.E001"),
        ("SECRET_KEY", "django-insecure-" + "abcdefgh" * 10, "cati.E001"),
        ("DEBUG", True, "cati.E002"),
        ("ALLOWED_HOSTS", [], "cati.E003"),
        ("ALLOWED_HOSTS", ["cati.example.org", "*"], "cati.E003"),
        ("PHONE_KEY_SECRET", "", "cati.E004"),
        ("PHONE_KEY_SECRET", "short", "cati.E004"),
        ("CLOCK_OFFSET_SECONDS", -3600, "cati.E005"),
        ("DEMO", True, "cati.E006"),
        ("SECURE", False, "cati.E007"),
    ],
)
def test_each_fault_has_its_id_and_a_hint(
    settings: Any, name: str, value: Any, expected: str
) -> None:
    set_up(settings, **{name: value})
    (message,) = ours()
    assert message.id == expected
    assert message.is_serious()
    assert message.hint


@pytest.mark.parametrize(
    ("name", "expected"), [("SECRET_KEY", "cati.E001"), ("PHONE_KEY_SECRET", "cati.E004")]
)
def test_a_missing_secret_stops_every_command(settings: Any, name: str, expected: str) -> None:
    set_up(settings, **{name: ""})
    assert ids(ours(deploy=False)) == [expected]


def test_a_workshop_may_be_a_workshop(settings: Any) -> None:
    set_up(settings, DEBUG=True, DEMO=True, SECURE=False, ALLOWED_HOSTS=["*"])
    assert ours(deploy=False) == []


def test_demo_rows_are_refused_in_a_production_database(world: World, settings: Any) -> None:
    set_up(settings)
    assert ours(databases=["default"]) == []
    world.nadia.is_demo = True
    world.nadia.save(update_fields=["is_demo"])
    (message,) = ours(databases=["default"])
    assert (message.id, "1 demo accounts and 0 demo waves" in message.msg) == ("cati.E010", True)
    world.nadia.is_demo, world.wave.is_demo = False, True
    world.nadia.save(update_fields=["is_demo"])
    world.wave.save(update_fields=["is_demo"])
    assert ids(ours(databases=["default"])) == ["cati.E010"]


def test_demo_rows_are_looked_for_only_where_a_database_is_named(
    world: World, settings: Any
) -> None:
    set_up(settings)
    world.wave.is_demo = True
    world.wave.save(update_fields=["is_demo"])
    assert ours() == []
