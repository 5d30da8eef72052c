"""The questionnaire can be read in English from the first word to the last.

1. Every text that is heard or read has its English one, and no English text stands alone.
2. Both say the same: what is piped, the numbers, a question where there is a question.
3. What English pipes reads as English, in every sector, without a wave giving anything.
4. A label that stands in several questions is the same in English everywhere.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from questionnaire.core.check import examine
from questionnaire.core.errors import InstrumentErrors
from questionnaire.core.instrument import Choice, End, Input, Instrument, Item
from questionnaire.core.load import load_instrument, load_texts
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.respondents import random_walk
from questionnaire.core.routing import COMPLETE, State, render_text
from questionnaire.core.wording import render
from tests.questionnaire.small import MANIFEST, compiled

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parents[2] / "questionnaire" / "instruments" / "allo_quartiers"
FIELDS = ("title", "intro", "text", "stem", "short", "instruction", "message", "when")
PIPE = re.compile(r"\{\{.*?\}\}")
NUMBER_WORDS = {
    "deux": 2, "two": 2, "trois": 3, "three": 3, "quatre": 4, "four": 4, "cinq": 5, "five": 5,
}  # fmt: skip
# QUARTIER is a French phrase made of the sector: the English question makes its own.
MADE_OF = {"QUARTIER": "SECTEUR_FICHIER"}
SAME_IN_BOTH = {
    "Clermont-Ferrand", "Cournon-d’Auvergne", "Gerzat", "Aubière", "Beaumont", "Chamalières",
    "Croix-de-Neyrat", "Champratel", "Les Vergnes", "Fontaine du Bac", "La Gauthière",
    "Saint-Jacques", "Le Patural - Les Pègues (Gerzat)", "Contact", "Introduction", "Situation",
    "Tensions", "Train", "Smartphone",
}  # fmt: skip
LONGEST_SHORT = 30  # characters that a line of the list of answers has room for


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return load_instrument(FOLDER)


@pytest.fixture(scope="module")
def program(instrument: Instrument) -> Program:
    return compile_instrument(instrument)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A French text and its English one, '' where there is none."""

    where: str
    field: str
    french: str
    english: str


def pairs(value: Any, owner: str = "") -> Iterator[Pair]:
    """Every text of an instrument, down to labels and messages of checks."""
    if isinstance(value, tuple):
        for one in value:
            yield from pairs(one, owner)
    elif isinstance(value, Choice):
        yield Pair(owner, "label", value.label, value.translations.get("en", ""))
    elif dataclasses.is_dataclass(value) and not isinstance(value, Input):
        owner = getattr(value, "code", "") or getattr(value, "name", "")
        yield from own(value, owner)
        for one in dataclasses.fields(value):
            yield from pairs(getattr(value, one.name), owner)


def own(value: Any, owner: str) -> Iterator[Pair]:
    english = getattr(value, "translations", {}).get("en", {})
    if isinstance(value, Instrument):
        return  # its title is the survey's name
    for field in FIELDS:
        french = "" if field == "when" and isinstance(value, End) else getattr(value, field, "")
        if french or field in english:
            yield Pair(owner, field, french, english.get(field, ""))


def told(instrument: Instrument, wrong: Any) -> list[Pair]:
    return [pair for pair in pairs(instrument) if wrong(pair)]


# ---------------------------------------------------------------------- 1


def test_every_text_has_its_english_one_and_no_english_stands_alone(
    instrument: Instrument,
) -> None:
    found = list(pairs(instrument))

    assert not [pair for pair in found if not pair.french or not pair.english]
    # The search itself: questions, themes, replies and messages are among them.
    assert {pair.field for pair in found} == {*FIELDS, "label"}
    assert {pair.where for pair in found} >= {item.code for item in instrument.items}


def test_no_french_is_left_in_the_place_of_english(instrument: Instrument) -> None:
    same = {pair.french for pair in pairs(instrument) if pair.french == pair.english}

    assert same == SAME_IN_BOTH
    assert not told(instrument, lambda pair: re.search(r"[«»]|\s[?!:;]", pair.english))


def test_check_finds_nothing_missing() -> None:
    assert examine(FOLDER).problems == ()


# ---------------------------------------------------------------------- 2


def names(text: str) -> set[str]:
    """What a text pipes; the words inside quotes are no names."""
    pieces = " ".join(PIPE.findall(text))
    found = set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", re.sub(r"'[^']*'", "", pieces)))
    return {MADE_OF.get(name, name) for name in found}


def numbers(text: str) -> set[int]:
    """What a text says in digits or in words: « 1 500 », “1,500”, « cinq ans »."""
    plain = re.sub(r"(?<=\d)[\s,](?=\d{3}\b)", "", PIPE.sub("", text))
    words = re.findall(r"\b[a-z]+\b(?!-)", plain.lower())
    digits = {int(each) for each in re.findall(r"\d+", plain)}
    return digits | {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS}


def test_both_pipe_the_same(instrument: Instrument) -> None:
    assert not told(instrument, lambda pair: names(pair.french) != names(pair.english))
    assert names("{{ recode(SECTEUR_FICHIER, {'CN': 'ici'}) }}") == names("{{ QUARTIER }}")


def test_both_say_the_same_numbers(instrument: Instrument) -> None:
    assert not told(instrument, lambda pair: numbers(pair.french) != numbers(pair.english))
    assert (
        numbers("1 500 €, deux-roues, 18-24 ans") == numbers("€1,500 for 18-24") == {1500, 18, 24}
    )


def test_a_question_is_a_question_in_both(instrument: Instrument) -> None:
    assert not told(
        instrument, lambda pair: pair.french.rstrip(") ").endswith("?")
        != pair.english.rstrip(") ").endswith("?")
    )  # fmt: skip


def test_a_short_label_fits_in_the_list_of_answers(instrument: Instrument) -> None:
    assert not told(
        instrument, lambda pair: pair.field == "short" and len(pair.english) > LONGEST_SHORT
    )


# ---------------------------------------------------------------------- 3


def inputs_of(instrument: Instrument) -> dict[str, Input]:
    return {one.name: one for one in (*instrument.parameters, *instrument.preloads)}


def test_a_phrase_that_is_piped_is_english_by_default(
    instrument: Instrument, program: Program
) -> None:
    inputs = inputs_of(instrument)
    piped = {name for pair in pairs(instrument) for name in names(pair.english)} & inputs.keys()
    phrases = {name for name in piped if " " in str(inputs[name].default)}

    assert phrases == {"INSTITUT", "CONTACT_DPO", "SOURCE_FICHIER", "ENQUETEUR"}
    for pair in pairs(instrument):
        said = render_text(program, State(), pair.english, "en")
        assert not [name for name in phrases if str(inputs[name].default) in said], said


@pytest.mark.parametrize("sector", ["CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA", "T1", "T2"])
def test_the_neighbourhood_is_named_in_english_and_a_control_sector_never(
    program: Program, sector: str
) -> None:
    english = program.instrument.item("S05").translations["en"]["text"]

    said = render_text(program, State(inputs={"SECTEUR_FICHIER": sector}), english, "en")

    assert re.fullmatch(r"So you do live in the .*neighbourhood.*\?", said)
    assert "control" not in said
    assert ("you have just mentioned" in said) == (sector in ("T1", "T2"))


def test_the_message_of_a_check_is_said_in_english(program: Program) -> None:
    walks = (random_walk(program, Random(seed)) for seed in count())
    walker = next(walk for walk in walks if walk.outcome() == COMPLETE)
    [check] = program.instrument.item("EDU01").checks

    said = render(walker, check.translations["en"]["message"], lang="en")

    people, adults, children = (walker.value(name) for name in ("D01", "S06", "EDU01"))
    assert f"{people} in all, {adults} of them aged 18 or over" in said
    assert f"entering {children} as the number of children" in said


IN_ENGLISH = MANIFEST.replace("specials:", "languages: [en]\nspecials:").replace(
    "PRENOM: {type: text}", "PRENOM: {type: text, default: votre voisin, en: {default: your pal}}"
)


def test_a_default_has_its_english_words_and_a_given_value_reads_as_given() -> None:
    program = compiled("- {code: A, type: text, text: 'Ici {{ PRENOM }} ?'}", IN_ENGLISH)

    def said(inputs: dict[str, Any], lang: str) -> str:
        return render_text(program, State(inputs=inputs), "Here {{ PRENOM }}", lang)

    assert said({}, "en") == "Here your pal"
    assert said({}, "fr") == "Here votre voisin"
    assert said({"PRENOM": "Rosa"}, "en") == "Here Rosa"


def test_a_slip_in_the_english_message_of_a_check_is_told_when_it_is_loaded() -> None:
    item = """
- code: A
  type: integer
  text: Combien ?
  checks:
  - {must: A < 9, message: "Vraiment {{ A }} ?", en: {message: "Really {{ AA }}?"}}
"""
    theme = f"theme: T\ntitle: Thème\nitems:{item}"

    with pytest.raises(InstrumentErrors) as told:
        load_texts({"instrument.yaml": IN_ENGLISH, "t.yaml": theme})

    assert [one.code for one in told.value.problems] == ["Q304"]


# ---------------------------------------------------------------------- 4


def test_a_label_is_the_same_in_english_wherever_it_stands(instrument: Instrument) -> None:
    said: dict[str, set[str]] = {}
    for item in instrument.items:
        for choice in item.choices if not who5(item) else ():
            said.setdefault(choice.label, set()).add(choice.translations["en"])

    several = {french: english for french, english in said.items() if len(english) > 1}
    assert several == {"Mauvaise": {"Bad", "Poor"}}  # bad health, poor understanding


def who5(item: Item) -> bool:
    """WHO-5 has answers of its own in English: “At no time” for « Jamais »."""
    return item.grid == "BIE04"
