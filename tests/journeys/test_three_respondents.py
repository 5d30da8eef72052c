"""Three whole respondents by the keyboard alone, every module asked, from the first question on.

1. Every answer typed is stored as it was typed, and nothing else is stored.
2. Each is asked what her situation calls for, and nothing that it rules out.
3. The last question ends the interview, and the outcome screen proposes it as complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page

from cati.models import Wave
from tests.journeys.driving import give, in_interview, shown_question
from tests.world import World

# Digits, letters or words to type, and the tagged value that they must leave.
Typed = tuple[str, dict[str, Any]]
NSP, REFUSAL = ("n", {"special": "dk"}), ("r", {"special": "refused"})


def code(number: int, words: str = "") -> Typed:
    """One code or number, with the words of « Autre » where there are some."""
    return f"{number}{words}", {"v": number} | ({"other": {str(number): words}} if words else {})


def codes(*numbers: int, words: str = "") -> Typed:
    """Several codes; the words belong to the last. A space ends a digit that may be two."""
    other = {"other": {str(numbers[-1]): words}} if words else {}
    keys = " ".join(map(str, numbers)) + words
    return keys, {"v": sorted(numbers)} | other


def said(words: str) -> Typed:
    return words, {"v": words}


@dataclass(frozen=True)
class Person:
    """What somebody answers where it matters; elsewhere she picks a code of her own by turns."""

    turn: int
    answers: dict[str, Typed]
    asked: set[str] = field(default_factory=set)
    not_asked: set[str] = field(default_factory=set)

    def reply(self, item: str, shown: dict[str, Any], rank: int) -> Typed:
        if item in self.answers:
            return self.answers[item]
        if shown["mode"] in {"text", "line"}:
            return said(f"Rien à dire sur {item}")
        own = shown["codes"][(rank * self.turn) % len(shown["codes"])]
        return codes(own) if shown["mode"] == "many" else code(own)


WELCOME = {
    "S01": code(1), "S10": code(1), "S11": code(1), "S02": code(1), "S03": code(1),
    "S04": said("12 rue des Tests"), "SAN00": code(1), "BIE03": code(7), "IMA02": said("Calme"),
    "F02": code(1), "F04": said("Le soir, Samia"),
}  # fmt: skip

TENANT = Person(
    turn=1,
    answers=WELCOME | {
        "S05": code(3), "S06": code(2), "S08": code(1985), "S09": code(2),
        "EMP01": code(1), "LOG01": code(2), "D01": code(4), "D02": code(1), "EDU01": code(2),
        "D03": code(3), "TRA01": code(2015), "TRA02": code(5),
        "TRA04": codes(7, 9, words="Mutation"), "LOG02": code(1), "LOG03": code(4), "MOB03": NSP,
        "EDU02": codes(2, 3), "EDU03": code(3), "EDU04": codes(2, 7, words="Cantine"),
        "EMP02": code(1), "EMP10": code(5, "Aide-soignante"), "DIS01": code(1), "DIS00": code(1),
        "DIS02": codes(1, 2, 11, words="Mon prénom"), "NUM01": code(1), "NUM02": code(4),
        "NUM03": code(1), "D07": REFUSAL, "D08A": code(0), "D08B": code(2),
    },
    asked={"TRA05", "LOG07", "LOG08", "EDU05", "EDU06", "EMP07", "DIS03", "NUM05", "NUM08"},
    not_asked={"EMP08", "EMP09", "NUM06", "NUM10", "EDU08"},
)  # fmt: skip

RETIRED = Person(
    turn=2,
    answers=WELCOME | {
        "S05": code(9), "S06": code(1), "S08": code(1950), "S09": code(1),
        "EMP01": code(3), "LOG01": code(1), "D01": code(1), "EDU01": code(0), "D03": code(1),
        "TRA01": code(1950), "TRA02": code(7), "LOG02": code(2), "LOG03": code(6),
        "MOB03": code(2), "EMP10": code(2, "Boulanger"), "DIS01": code(4), "NUM01": code(1),
        "NUM02": code(3), "NUM03": NSP, "F02": code(2), "F03": code(2), "F05": ("F2", NSP[1]),
        "D08A": code(1), "D08B": code(0),
    },
    asked={"EMP10", "NUM05", "NUM10", "NUM11", "SAN01"},
    not_asked={"D02", "TRA03", "TRA04", "TRA05", "TRA09", "LOG07", "LOG08", "EDU02", "EMP02",
               "EMP08", "EMP09", "DIS00", "DIS02", "NUM06", "F04"},
)  # fmt: skip

JOBLESS = Person(
    turn=3,
    answers=WELCOME | {
        "S05": code(10), "S06": code(1), "S08": REFUSAL, "S08B": code(3), "S09": code(2),
        "EMP01": code(2), "LOG01": code(3), "D01": code(1), "EDU01": code(0), "D03": code(1),
        "TRA01": code(2022), "TRA02": REFUSAL, "LOG02": code(1), "LOG03": code(1),
        "MOB03": code(5), "EMP08": code(4), "EMP09": codes(4, 10), "INS01": codes(8),
        "DIS01": code(2), "DIS00": code(2), "NUM01": code(2), "NUM02": code(1),
        "NUM06": codes(1, 4), "NUM07": code(4), "NUM03": code(4), "SAN00": code(2),
        "D08A": code(0), "D08B": code(1),
    },
    asked={"S08B", "TRA03", "EMP08", "EMP09", "EMP10", "INS03", "INS04", "NUM06", "NUM10"},
    not_asked={"D02", "EDU02", "EMP02", "LOG08", "DIS02", "INS02", "NUM05", "NUM08", "SAN01"},
)  # fmt: skip


@pytest.mark.parametrize(
    "person",
    [
        pytest.param(TENANT, id="an employed tenant with children", marks=pytest.mark.faults),
        # About 20 s in a browser each: one of the three at every landing.
        pytest.param(RETIRED, id="a retired owner", marks=pytest.mark.nightly),
        pytest.param(JOBLESS, id="jobless, without internet", marks=pytest.mark.nightly),
    ],
)
def test_a_whole_respondent(live_server: Any, world: World, page: Page, person: Person) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(
        parameters=world.wave.parameters | {"MODULES": False}
    )
    interview = in_interview(page, live_server.url, world)
    order, stored = answered(page, person)

    interview.refresh_from_db()
    answers = interview.answers["answers"]
    assert (order[0], order[-1]) == ("S01", "F06")
    assert set(answers) == set(order)
    for item, value in stored.items():
        assert answers[item] == value, item
    assert person.asked <= set(order)
    assert not person.not_asked & set(order)
    assert interview.outcome == "complete"
    assert page.get_by_label("Issue", exact=True).input_value() == "10"


def answered(page: Page, person: Person) -> tuple[list[str], dict[str, Any]]:
    """The items in the order in which they came, and what each must have left."""
    order: list[str] = []
    stored: dict[str, Any] = {}
    while shown := shown_question(page):
        item = shown["item"]
        assert item not in stored, f"{item} came twice"
        keys, value = person.reply(item, shown, len(order))
        order.append(item)
        stored[item] = {"given": True} if shown["store"] == "contact" else value
        give(page, item, keys)
    page.wait_for_url("**/fin/")
    return order, stored
