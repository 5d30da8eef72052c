"""What keeps a badly set up server from starting in silence: system checks with an id and a hint.

`manage.py check` sees what no command can do without; `check --deploy` what production may not
have; `check --deploy --database default` looks for demo rows as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

LEAST_SECRET = 50
LEAST_DISTINCT = 5
# What people paste from examples; such a secret is as public as none.
KNOWN_SECRETS = ("django-insecure-", "demo", "changeme", "change-me", "secret", "example")
HOW_TO_MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'


def secret_key() -> str:
    """SECRET_KEY as set; reading an empty one from the settings raises."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def weakness(secret: str) -> str:
    """Why a secret would not keep anything, '' where it would."""
    if len(secret) < LEAST_SECRET:
        return f"is shorter than {LEAST_SECRET} characters"
    if len(set(secret)) < LEAST_DISTINCT:
        return f"has fewer than {LEAST_DISTINCT} different characters"
    if secret.casefold().startswith(KNOWN_SECRETS):
        return "starts like an example that everybody knows"
    return ""


@register(Tags.security)
def secrets_are_set(**kwargs: Any) -> list[CheckMessage]:
    """Sessions and phone keys stand on these two; nothing works without them."""
    found: list[CheckMessage] = []
    if not secret_key():
        hint = f"Set it to the output of {HOW_TO_MAKE_ONE}"
        found.append(_error("E001", "SECRET_KEY is not set.", hint))
    if not settings.PHONE_KEY_SECRET:
        found.append(
            _error(
                "E004",
                "PHONE_KEY_SECRET is not set.",
                f"Set it to the output of {HOW_TO_MAKE_ONE} once, and keep it: opposition and "
                "deduplication of numbers are lost with it.",
            )
        )
    return found


@register(Tags.security, deploy=True)
def secrets_are_strong(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for check_id, name, secret in (
        ("E001", "SECRET_KEY", secret_key()),
        ("E004", "PHONE_KEY_SECRET", settings.PHONE_KEY_SECRET),
    ):
        if secret and (why := weakness(secret)):
            found.append(_error(check_id, f"{name} {why}.", f"Use the output of {HOW_TO_MAKE_ONE}"))
    return found


@register(Tags.security, deploy=True)
def production_is_not_a_workshop(**kwargs: Any) -> list[CheckMessage]:
    """What is handy while building, and open doors or false hours in production."""
    hosts = settings.ALLOWED_HOSTS
    faults = [
        (
            settings.DEBUG,
            "E002",
            "DEBUG is on: fault pages show settings and rows.",
            "Set DEBUG=0.",
        ),
        (
            not hosts or "*" in hosts,
            "E003",
            "ALLOWED_HOSTS is empty." if not hosts else "ALLOWED_HOSTS accepts any host name.",
            "Name the hosts that people type, as in ALLOWED_HOSTS=cati.example.org.",
        ),
        (
            settings.CLOCK_OFFSET_SECONDS != 0,
            "E005",
            f"CLOCK_OFFSET_SECONDS is {settings.CLOCK_OFFSET_SECONDS}: calls would be placed and "
            "dated at false hours.",
            "Unset it; only tests and simulations shift the clock.",
        ),
        (
            settings.DEMO,
            "E006",
            "DEMO is on: accounts with printed passwords may be made.",
            "Set DEMO=0.",
        ),
        (
            not settings.SECURE,
            "E007",
            "SECURE is off: cookies and pages travel without TLS.",
            "Set SECURE=1 and serve behind TLS.",
        ),
    ]
    return [_error(check_id, text, hint) for wrong, check_id, text, hint in faults if wrong]


@register(Tags.database, deploy=True)
def no_demo_rows(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A production database holds no account whose password is printed, and no demo wave."""
    from cati.models import User, Wave

    found: list[CheckMessage] = []
    for alias in databases or []:
        if User._meta.db_table not in connections[alias].introspection.table_names():
            continue  # nothing is migrated yet: no rows to look at
        accounts = User.objects.using(alias).filter(is_demo=True).count()
        waves = Wave.objects.using(alias).filter(is_demo=True).count()
        if accounts or waves:
            found.append(
                _error(
                    "E010",
                    f"Database {alias!r} holds {accounts} demo accounts and {waves} demo waves.",
                    "Start production on a database of its own, made by `manage.py migrate`.",
                )
            )
    return found


def _error(check_id: str, text: str, hint: str) -> CheckMessage:
    return Error(text, hint=hint, id=f"cati.{check_id}")
