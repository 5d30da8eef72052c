"""Margins over the API: read set by set, loaded whole, refused by cell.

1. An admin lists the sets and reads one with its lines; nobody else does (the access matrix).
2. A set is loaded once for its key, and rules.
3. Faults are told by line and column, all at once, and nothing is loaded.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.world import World
from weighting.core.demo import DEMO
from weighting.models import MarginSet
from weighting.operations.margin_table import COLUMNS, read_table
from weighting.operations.margins import load_demo_margins

pytestmark = pytest.mark.django_db
MARGINS = "/api/v1/waves/2026/margins/"


@pytest.fixture
def lines() -> list[dict[str, str]]:
    table = read_table((DEMO / "margins_demo.csv").read_bytes())
    # The demo's figures of a merged category are zero or small; a new wave gives its own.
    return [dict(zip(COLUMNS, line.cells, strict=True)) for line in table]


def sent(client: Client, lines: list[dict[str, str]], key: object = None) -> Any:
    body = {"file": "insee.csv", "lines": lines}
    headers = {"Idempotency-Key": str(key or uuid4())}
    return client.post(MARGINS, body, content_type="application/json", headers=headers)


def test_sets_are_listed_and_read_with_their_lines(world: World) -> None:
    load_demo_margins(world.wave)
    admin = world.client(world.alain)
    [row] = admin.get(MARGINS).json()["results"]
    assert (row["number"], row["current"], row["file"]) == (1, True, "margins_demo.csv")
    assert "lines" not in row
    whole = admin.get(f"{MARGINS}1/").json()
    assert len(whole["lines"]) == 210
    assert whole["lines"][0]["sector"] == "CN" and whole["lines"][0]["share"]
    assert world.client(world.claire).get(MARGINS).status_code == 403
    assert world.client(world.oscar).get(MARGINS).status_code == 404


def test_a_set_is_loaded_once_and_rules(world: World, lines: list[dict[str, str]]) -> None:
    load_demo_margins(world.wave)
    admin, key = world.client(world.alain), uuid4()
    answers = [sent(admin, lines, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.json() for answer in answers] == [{"number": 2}, {"number": 2}]
    ruling = MarginSet.objects.get(wave=world.wave, current=True)
    assert (ruling.number, ruling.file, ruling.by) == (2, "insee.csv", world.alain)
    assert ruling.margins.count() == 210


def test_faults_are_told_by_cell_and_nothing_is_loaded(
    world: World, lines: list[dict[str, str]]
) -> None:
    load_demo_margins(world.wave)
    lines[0]["sector"], lines[4]["share"] = "XX", "quarante"
    refused = sent(world.client(world.alain), lines)
    assert refused.status_code == 422
    errors = refused.json()["errors"]
    assert errors["1:sector"].startswith("Ligne 1 : Secteur inconnu de la vague : XX.")
    assert errors["5:share"].startswith("Ligne 5 : Ce n’est pas un nombre.")
    assert sent(world.client(world.alain), []).status_code == 400
    assert MarginSet.objects.count() == 1
