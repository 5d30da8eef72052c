"""What every page carries: the content policy, no trace in a cache, nothing inline."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from lxml import html

from tests.world import PASSWORD, World

# Taken away as a file and opened without the server: its styles have to be in it.
FILES = {"codebook_file.html", "flash_file.html"}
TEMPLATES = sorted(
    path for path in Path(settings.BASE_DIR, "templates").rglob("*.html") if path.name not in FILES
)
# Where a policy may let in what its own page does not need.
LOOSE = ("'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:")


TEMPLATE_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def inline(content: bytes | str) -> list[str]:
    """What the policy would block: inline scripts, styles and handlers, and javascript: links."""
    page = html.document_fromstring(content)
    found = [element.tag for element in page.iter("style")]
    found += ["script" for script in page.iter("script") if not script.get("src")]
    for element in page.iter():
        for name, value in element.attrib.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                found.append(f"{element.tag} {name}")
            if value.strip().lower().startswith("javascript:"):
                found.append(f"{element.tag} {name}={value}")
    return found


def carries_the_policy(response: HttpResponse) -> None:
    """What the matrix of addresses asks of each answer that it gets."""
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not [word for word in LOOSE if word in policy.split()]
    kept = response.headers["Cache-Control"]
    assert "no-store" in kept or (response.has_header("ETag") and "private" in kept)
    if response.headers.get("Content-Type", "").startswith("text/html") and response.content:
        assert inline(response.content) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_anything_inline(template: Path) -> None:
    # Without its tags: `{% if one.pk %}` inside an element is no attribute called `one.pk`.
    assert inline(TEMPLATE_TAG.sub("_", template.read_text(encoding="utf-8"))) == []


def test_the_page_for_faults_needs_neither_request_nor_database() -> None:
    page = render_to_string("500.html")
    assert inline(page) == []
    assert "déjà enregistrées" in page


@pytest.mark.parametrize(
    "fault",
    [
        "<style>p{}</style>",
        "<script>1</script>",
        "<p style='color:red'>",
        "<p onclick='x()'>",
        "<a href='javascript:x()'>",
    ],
)
def test_the_search_finds_what_it_looks_for(fault: str) -> None:
    assert inline(f"<main>{fault}</main>")


def test_cookies_travel_over_tls_alone_and_scripts_read_no_session(
    world: World, settings: Any
) -> None:
    client = Client()
    client.post("/connexion/", {"username": "nadia", "password": PASSWORD})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert bool(cookie["secure"]) is settings.SECURE
