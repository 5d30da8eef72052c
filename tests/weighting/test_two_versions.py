"""Interviews on two versions of the questionnaire in one file.

One was begun on version 1 and finished after version 2 was published, the other begun on version 2:
both rows stand side by side, each with the columns and the labels of its own version.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from cati.operations.versions import publish_for_wave
from tests.cati.test_interview_life import PLAIN, Call
from tests.cati.test_versions import edited, labelled, second_version
from tests.weighting.respondents import weighted
from tests.world import World
from weighting.operations.margins import MarginRow, load_margins

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder"), pytest.mark.slow]
# Answers whose codes version 2 no longer has, and what is said instead on it.
ON_FIRST = {"LOG09": 3, "NUM07": 1, "NUM08": [1, 5]}
ON_SECOND = {"LOG09": 1, "NUM07": 5, "NUM99": 2}


@pytest.fixture
def both(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the two interviews, complete and weighted, by version."""
    calls = [Call(world, world.nadia)]
    calls[0].to_sector()
    shorter = edited("LOG09", lambda item: labelled(item, _3=""), of=second_version())
    shorter = edited("NUM08", lambda item: labelled(item, _5=""), of=shorter)
    publish_for_wave(world.wave, shorter, actor=world.alain, now=world.now, accept_wording=False)
    calls.append(Call(world, world.yann))
    calls[1].to_sector()
    for call, said in zip(calls, (ON_FIRST, ON_SECOND), strict=True):
        for item, value in said.items():
            monkeypatch.setitem(PLAIN, item, value)
        call.to_the_end()
        call.end("10")
    load_margins(world.wave, [MarginRow("VE", "sexe", "1", "Homme", share=Decimal(100))])
    weighted(world.wave, world.alain)
    return [call.interview().pk for call in calls]


def rows(form: str, out: Path) -> dict[int, dict[str, str]]:
    call_command("export_wave", wave="2026", run=1, format=form, out=str(out))
    [path] = (one for one in out.glob("*.csv") if "dictionnaire" not in one.name)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return {int(row["entretien"]): row for row in csv.DictReader(lines)}


def test_both_versions_stand_side_by_side(both: list[int], tmp_path: Path) -> None:
    exported = rows("csv-codes", tmp_path / "codes")
    assert list(exported) == both
    first, second = (exported[number] for number in both)
    assert (first["version"], second["version"]) == ("1", "2")
    assert (first["LOG09"], first["NUM08"], first["NUM09"], first["NUM99"]) == (
        "3", "1 5", "98", "",
    )  # fmt: skip
    assert (second["LOG09"], second["NUM07"], second["NUM09"], second["NUM99"]) == (
        "1", "5", "", "2",
    )  # fmt: skip


def test_a_code_that_only_the_first_version_has_keeps_its_words(
    both: list[int], tmp_path: Path
) -> None:
    exported = rows("csv-labels", tmp_path / "words")
    first, second = (exported[number] for number in both)
    assert first["LOG09"] == "Pas un problème"
    assert first["NUM08"] == "Une démarche administrative | Une recherche d’emploi"
    assert second["NUM07"] == "Ne sait pas ce que c’est"


def test_the_dictionary_says_what_the_version_is(both: list[int], tmp_path: Path) -> None:
    rows("csv-codes", tmp_path)
    [path] = tmp_path.glob("*dictionnaire.csv")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        labels = {line["variable"]: line["libelle"] for line in csv.DictReader(lines)}
    assert labels["version"] == "Version du questionnaire de l’entretien, son numéro"
