"""The instrument holds the questionnaire's outline, question by question.

`outline.csv` is the inventory of the outline: one row per question, in its order. `early` marks
what is asked right after the choice of the person and not again in its theme.

1. Every question of the outline is asked, and no other.
2. A theme asks its questions in the outline's order; the early ones stand before the first theme.
3. A question keeps its type, its number of answers, how many may be given, and its half (A or B).
4. A filter lets through the answers that the outline names, and no other: a "don't know" and a
   refusal only where it cites 98 and 99. A question without a filter is asked of everybody.
5. WHO-5 and the answers that follow from the year of arrival are what the outline says.
6. Every question has a label for the list of answers, and what is read is typeset.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from questionnaire.core.expressions import compile_expression
from questionnaire.core.instrument import Instrument, Item
from questionnaire.core.kleene import UNKNOWN
from questionnaire.core.load import load_instrument
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.text import typeset

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "questionnaire" / "instruments" / "allo_quartiers"
OUTLINE = list(csv.DictReader((HERE / "outline.csv").read_text(encoding="utf-8").splitlines()))
BY_CODE = {row["code"]: row for row in OUTLINE}
TYPES = {"multi": "multiple", "num": "integer", "adresse": "address"}
PUBLISHED = {"NUM01", "NUM02", "NUM03", "NUM04"}  # worded as printed in 2017, to the letter
FILTER = re.compile(r"(\w+) ?(=|>=|in|contient|sauf) ?\(?([\d., ou]+)\)?")
SPECIALS = {98: "dk", 99: "refused"}
ONE_QUESTION = [row["code"] for row in OUTLINE if FILTER.fullmatch(row["filter"])]
SEVERAL = {row["code"] for row in OUTLINE if row["filter"]} - set(ONE_QUESTION)


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return load_instrument(FOLDER)


@pytest.fixture(scope="module")
def program(instrument: Instrument) -> Program:
    return compile_instrument(instrument)


# ---------------------------------------------------------------------- what is asked


def test_the_outline_and_the_instrument_hold_the_same_questions(instrument: Instrument) -> None:
    asked = [item.code for item in instrument.items if item.type != "info"]

    assert sorted(asked) == sorted(BY_CODE)


@pytest.mark.parametrize("theme", dict.fromkeys(row["theme"] for row in OUTLINE))
def test_a_theme_asks_in_the_order_of_the_outline(instrument: Instrument, theme: str) -> None:
    late = [row["code"] for row in OUTLINE if row["theme"] == theme and not row["early"]]

    assert [item.code for item in instrument.items if item.code in late] == late


def test_what_the_quotas_rest_on_is_asked_before_the_themes(instrument: Instrument) -> None:
    codes = [item.code for item in instrument.items]

    early = codes[codes.index("S09") + 1 : codes.index("TRA01")]

    assert sorted(early) == sorted(row["code"] for row in OUTLINE if row["early"])


# ---------------------------------------------------------------------- how it is asked


def test_every_question_keeps_its_type(instrument: Instrument) -> None:
    rows = [(item.code, "grid" if item.grid else item.type) for item in instrument.items]

    kept = {code: kind for code, kind in rows if code in BY_CODE}

    assert kept == {row["code"]: TYPES.get(row["type"], row["type"]) for row in OUTLINE}


def test_a_line_of_a_grid_stands_in_the_grid_of_its_code(instrument: Instrument) -> None:
    lines = {item.code: item.grid for item in instrument.items if item.grid}

    assert lines == {code: code[:-1] for code in lines}


def test_every_question_keeps_its_answers_numbered_from_one(instrument: Instrument) -> None:
    codes = {item.code: [choice.code for choice in item.choices] for item in instrument.items}

    assert codes == {row["code"]: list(range(1, int(row["choices"] or 0) + 1)) for row in OUTLINE}


def test_a_maximum_of_answers_is_where_the_outline_has_one(instrument: Instrument) -> None:
    most = {item.code: item.max for item in instrument.items if item.max}

    assert most == {row["code"]: int(row["max"]) for row in OUTLINE if row["max"]}


def test_each_half_of_the_sample_is_asked_its_own_questions(instrument: Instrument) -> None:
    halves = {item.code: item.module for item in instrument.items}

    assert halves == {row["code"]: row["module"] for row in OUTLINE}


# ---------------------------------------------------------------------- of whom


def _settled(program: Program, given: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """The values and tags of all slots where `given` is all that is known, A and B both asked."""
    values: list[Any] = [UNKNOWN] * len(program.nodes)
    tags = [""] * len(program.nodes)
    for node in program.nodes:
        if node.kind == "input":
            default = False if node.name == "MODULES" else node.entry.default
            values[node.slot] = given.get(node.name, default)
        elif node.kind == "gate":
            values[node.slot] = node.when is None or node.when(values, tags)
        elif node.kind == "compute" and node.run is not None:
            values[node.slot] = node.run(values, tags)
        elif node.kind == "item" and node.name in given:
            answer = given[node.name]
            special = answer in SPECIALS.values()
            values[node.slot] = UNKNOWN if special else answer
            tags[node.slot] = answer if special else "answered"
    return values, tags


def _asked(program: Program, code: str, given: Mapping[str, Any]) -> bool:
    when = program.node(code).when
    return when is None or when(*_settled(program, given)) is True


def _let_through(sign: str, listed: str, codes: list[int]) -> set[int]:
    """The codes, 98 and 99 among them, that a filter of the outline names."""
    named: set[int] = set()
    for low, high in re.findall(r"(\d+)(?:\.\.(\d+))?", listed):
        named |= set(range(int(low), int(high or low) + 1))
    if sign == ">=":
        return {code for code in codes if code >= min(named)}
    return set(codes) - named - set(SPECIALS) if sign == "sauf" else named


@pytest.mark.parametrize("code", ONE_QUESTION)
def test_a_filter_lets_through_what_the_outline_names(program: Program, code: str) -> None:
    match = FILTER.fullmatch(BY_CODE[code]["filter"])
    assert match is not None
    name, sign, listed = match.groups()
    source = program.instrument.item(name)
    codes = [choice.code for choice in source.choices] or [0, 1, 2]

    asked = {
        one for one in codes
        if _asked(program, code, {name: frozenset({one}) if source.type == "multiple" else one})
    }  # fmt: skip
    asked |= {one for one, special in SPECIALS.items() if _asked(program, code, {name: special})}

    assert asked == _let_through(sign, listed, codes)


@pytest.mark.parametrize(
    ("code", "given", "asked"),
    [
        ("S07", {"S06": 2, "SELECTION": "anniversaire"}, True),
        ("S07", {"S06": 1, "SELECTION": "anniversaire"}, False),
        ("S07", {"S06": 2, "SELECTION": "quotas"}, False),
        ("S08B", {"S08": "refused"}, True),
        ("S08B", {"S08": "dk"}, True),
        ("S08B", {"S08": 1980}, False),
        ("ENV05", {"ENV02A": 3, "ENV02F": 1}, True),
        ("ENV05", {"ENV02A": 1, "ENV02B": "dk"}, True),
        ("ENV05", {f"ENV02{line}": 2 for line in "ABCDEF"}, False),
        ("ENV05", {}, False),
        ("AVE03", {"S05": 7}, True),
        ("AVE03", {"S05": 8}, True),
        ("AVE03", {"S05": 9}, False),
        ("AVE03", {"S05": 10}, False),
        ("F04", {"F02": 1, "F03": 2}, True),
        ("F04", {"F02": 2, "F03": 1}, True),
        ("F04", {"F02": 2, "F03": 2}, False),
    ],
)
def test_a_filter_over_several_things_is_true_and_false_where_it_should_be(
    program: Program, code: str, given: Mapping[str, Any], asked: bool
) -> None:
    assert code in SEVERAL
    assert _asked(program, code, given) is asked


def test_a_question_without_a_filter_is_asked_of_everybody(program: Program) -> None:
    unfiltered = [row["code"] for row in OUTLINE if not row["filter"]]

    assert [code for code in unfiltered if not _asked(program, code, {})] == []


# ---------------------------------------------------------------------- what follows


@pytest.mark.parametrize(
    ("answers", "score"),
    [([1] * 5, 100), ([6] * 5, 0), ([1, 2, 3, 4, 5], 60), ([1, 1, 1, 1, "dk"], UNKNOWN)],
)
def test_who5_goes_from_0_to_100_and_wants_its_five_answers(
    program: Program, answers: list[Any], score: int | None
) -> None:
    given = {f"BIE04{line}": answer for line, answer in zip("ABCDE", answers, strict=True)}

    values, _ = _settled(program, given)

    assert values[program.nodes_of("compute", "WHO5")[0].slot] == score


@pytest.mark.parametrize("code", ["REP05", "CAD05", "AVE01"])
@pytest.mark.parametrize(
    ("arrival", "proposed"), [(2022, [4]), (2021, []), (1980, []), ("dk", []), ("refused", [])]
)
def test_less_than_five_years_here_proposes_that_the_person_did_not_live_here(
    program: Program, code: str, arrival: Any, proposed: list[int]
) -> None:
    state = _settled(program, {"ANNEE": 2026, "TRA01": arrival})

    prefills = program.node(code).prefill

    assert [value for value, when in prefills if when(*state) is True] == proposed


@pytest.mark.parametrize("code", ["REP05", "CAD05", "AVE01"])
def test_who_did_not_live_here_is_out_of_the_base(program: Program, code: str) -> None:
    base = compile_expression(program.instrument.item(code).base, program.scope).run

    answers: list[Any] = [1, 2, 3, 4, "dk", "refused"]

    counted = [one for one in answers if base(*_settled(program, {code: one})) is True]
    assert counted == [1, 2, 3, "dk"]


# ---------------------------------------------------------------------- how it reads


def test_every_question_has_a_label_for_the_list_of_answers(instrument: Instrument) -> None:
    assert [item.code for item in instrument.items if not 0 < len(item.short) <= 30] == []


def test_what_is_read_is_typeset(instrument: Instrument) -> None:
    slips = [
        (item.code, text)
        for item in instrument.items if item.code not in PUBLISHED
        for text in _words(item)
        if text != typeset(text) or "..." in text
    ]  # fmt: skip

    assert slips == []


def _words(item: Item) -> Iterator[str]:
    yield from (item.stem, item.text, item.instruction, item.short, *item.probes)
    yield from (choice.label for choice in item.choices)
    yield from (re.sub(r"{{.*?}}", "", check.message) for check in item.checks)
