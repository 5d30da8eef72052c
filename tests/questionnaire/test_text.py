"""Piping reads as French: agreement, elision, plural, apostrophes and no-break spaces."""

from __future__ import annotations

import pytest

from questionnaire.core.routing import Event, State, apply, render_text
from questionnaire.core.text import accord, de, pluriel, typeset

from .small import compiled

ITEMS = """
- {code: SEXE, type: single, text: S ?, choices: {1: Un homme, 2: Une femme}}
- {code: VILLE, type: single, text: V ?, choices: {1: Gerzat, 2: Aubière, 3: Le Havre}}
- {code: N, type: integer, text: N ?}
- {code: RAISONS, type: multiple, text: R ?, choices: {1: le prix, 2: le calme}}
"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Gerzat", "de Gerzat"), ("Aubière", "d’Aubière"), ("Évry", "d’Évry"),
        ("Œuilly", "d’Œuilly"),
        ("Yerres", "de Yerres"), ("Ytrac", "d’Ytrac"), ("Hyères", "d’Hyères"),
        ("hameau", "de hameau"), ("Hérisson", "de Hérisson"), ("Issoire", "d’Issoire"),
    ],
)  # fmt: skip
def test_de_elides(name: str, shown: str) -> None:
    assert de(name) == shown


@pytest.mark.parametrize(
    ("sex", "shown"), [(1, "prêt"), (2, "prête"), (None, "prêt(e)")]
)  # fmt: skip
def test_a_word_agrees_with_the_sex_and_keeps_both_forms_where_it_is_not_known(
    sex: int | None, shown: str
) -> None:
    assert accord(sex, "prêt", "prête") == shown


def test_forms_that_differ_stand_side_by_side() -> None:
    assert accord(None, "heureux", "heureuse") == "heureux / heureuse"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 enfant"), (1.5, "1,5 enfant"), (2, "2 enfants"), (None, "enfants")]
)
def test_french_has_a_plural_from_two_on(number: float | None, shown: str) -> None:
    assert pluriel(number, "enfant", "enfants") == shown


def test_a_text_is_typeset_once_and_for_all() -> None:
    once = typeset("L'avis : « oui » ? 1 500 habitants, 20 % !")

    assert once.replace("\N{NO-BREAK SPACE}", "~") == "L’avis~: «~oui~»~? 1~500 habitants, 20~%~!"
    assert typeset(once) == once
    assert typeset("Is it so ?", "en") == "Is it so ?"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Vous vivez à {{ VILLE }}.", "Vous vivez à Aubière."),
        ("Les habitants {{ de(VILLE) }}.", "Les habitants d’Aubière."),
        ("Vous êtes {{ accord(SEXE, 'prêt', 'prête') }}.", "Vous êtes prête."),
        ("Vos {{ pluriel(N, 'enfant', 'enfants') }}.", "Vos 3 enfants."),
        ("Dans {{ N + 1 }} ans.", "Dans 4 ans."),
        ("Pour {{ RAISONS }}.", "Pour le prix, le calme."),
        ("En {{ ANNEE }}.", "En 2026."),
        ("{{ PRENOM }}, bonjour.", "…, bonjour."),
    ],
)
def test_piping_is_filled_in(text: str, shown: str) -> None:
    program, state = compiled(ITEMS), State()
    answers = {"SEXE": 2, "VILLE": 2, "N": 3, "RAISONS": [2, 1]}
    for code, value in answers.items():
        state = apply(program, state, Event("answer", code, value={"v": value}))

    assert render_text(program, state, text) == shown


def test_what_is_not_answered_leaves_a_blank() -> None:
    assert render_text(compiled(ITEMS), State(), "À {{ VILLE }}, {{ de(VILLE) }}.") == "À …, …."
