"""Two versions of a questionnaire compared.

1. Every kind of difference is found, with item, code, before and after.
2. A code means its label: spelling is free, another label must be declared a correction, and a
   label that another code has or had is refused, as is another type.
3. No difference is silent: changing any field of any part shows; equal contents show nothing.
4. A new order is told by the fewest entries that moved.
5. Wordings are compared word by word.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from questionnaire.core.compare import Change, Gravity, Kind, compare, plain, words
from questionnaire.core.instrument import (
    Check,
    Choice,
    Compute,
    Draw,
    End,
    Group,
    Input,
    Instrument,
    Item,
    Message,
    Milestone,
    QuotaPoint,
    Theme,
    content_hash,
    to_json,
)
from questionnaire.core.load import load_texts
from tests.questionnaire.small import MANIFEST

A1 = "- {code: A1, type: single, text: Premier point ?, choices: {1: Oui, 2: Non, 3: Peut-être}}\n"
A2 = "- {code: A2, type: integer, text: Combien de pièces avez-vous ?, bounds: [0, 9]}\n"
A3 = "- {code: A3, type: single, text: Êtes-vous d’accord ?, choices: yes_no, ask_if: A1 == 1}\n"


def instrument(items: str, manifest: str = MANIFEST) -> Instrument:
    theme = f"theme: T\ntitle: Thème\nitems:\n{items}"
    return load_texts({"instrument.yaml": manifest, "t.yaml": theme})


def changes(old: str, new: str) -> list[Change]:
    return list(compare(instrument(old), instrument(new)).changes)


def single(choices: str) -> str:
    return f"- {{code: A1, type: single, text: Premier point ?, choices: {choices}}}\n"


# ------------------------------------------------------------------------------- 1. kinds

DIFFERENCES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("an item more", A1, A1 + A2,
     {"kind": "added", "name": "A2", "after": "Combien de pièces avez-vous ?"}),
    ("an item less", A1 + A2, A1,
     {"kind": "removed", "name": "A2", "before": "Combien de pièces avez-vous ?"}),
    ("another order", A1 + A2, A2 + A1,
     {"kind": "moved", "name": "A2", "before": "T, après A1", "after": "T, en tête"}),
    ("a word of the question", A2, A2.replace("pièces", "chambres"),
     {"kind": "wording", "name": "A2", "field": "text", "gravity": "none"}),
    ("an instruction", A2, A2.replace("}", ", instruction: Relire}"),
     {"kind": "wording", "field": "instruction", "after": "Relire"}),
    ("another filter", A1 + A3, A1 + A3.replace("== 1", "== 2"),
     {"kind": "filter", "name": "A3", "before": "A1 == 1", "after": "A1 == 2"}),
    ("other bounds", A2, A2.replace("9]", "12]"),
     {"kind": "setting", "field": "bounds", "before": "[0, 9]", "after": "[0, 12]"}),
    ("a code more", single("{1: Oui, 2: Non}"), single("{1: Oui, 2: Non, 3: Parfois}"),
     {"kind": "code added", "name": "A1", "code": 3, "after": "Parfois", "gravity": "none"}),
    ("a code less", single("{1: Oui, 2: Non, 3: Parfois}"), single("{1: Oui, 2: Non}"),
     {"kind": "code removed", "name": "A1", "code": 3, "before": "Parfois", "gravity": "none"}),
    ("codes in another order", single("{1: Oui, 2: Non}"), single("{2: Non, 1: Oui}"),
     {"kind": "setting", "field": "choices", "before": "1 2", "after": "2 1"}),
    ("an exclusive answer", single("{1: Oui, 2: Non}"),
     single("{1: Oui, 2: {label: Non, other: true}}"),
     {"kind": "setting", "field": "other", "code": 2, "after": "true"}),
    ("a computed variable", A2 + "- {compute: X, type: integer, value: A2 + 1}\n",
     A2 + "- {compute: X, type: integer, value: A2 + 2}\n",
     {"kind": "setting", "what": "compute", "name": "X", "field": "value", "after": "A2 + 2"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [row[1:] for row in DIFFERENCES],
    ids=[row[0] for row in DIFFERENCES],
)
def test_a_difference_is_named(old: str, new: str, expected: dict[str, Any]) -> None:
    [change] = changes(old, new)
    assert {name: getattr(change, name) for name in expected} == expected


def test_a_new_ending_shows_alone_though_endings_are_numbered() -> None:
    ends = [f"- end: {{if: A1 == {code}, outcome: '60', text: FIN_MERCI}}\n" for code in (1, 2)]
    [change] = changes(A1 + ends[1], A1 + ends[0] + ends[1])
    assert (change.kind, change.what, change.name) == (Kind.ADDED, "end", "A1 == 1")


def test_a_theme_that_moves_is_one_line() -> None:
    first, second, third = (
        Theme(code, code, (Item(code + "1", "info", "…", code),)) for code in "ABC"
    )
    before = Instrument("x", "x", (first, second, third))
    [change] = compare(before, Instrument("x", "x", (second, third, first))).changes
    assert (change.kind, change.name, change.after) == (Kind.MOVED, "A", "après C")


def test_an_item_that_changes_theme_says_from_where_to_where() -> None:
    stays, moves = Item("A1", "info", "…", "A"), Item("A2", "info", "…", "A")
    before = Instrument("x", "x", (Theme("A", "A", (stays, moves)), Theme("B", "B", ())))
    after = Instrument("x", "x", (Theme("A", "A", (stays,)), Theme("B", "B", (moves,))))
    [change] = compare(before, after).changes
    assert (change.before, change.after) == ("A, après A1", "B, en tête")


# ----------------------------------------------------------------------------- 2. meaning

LABELS: list[tuple[str, str, str, list[tuple[int, Gravity, int | None]]]] = [
    ("case", "{1: Oui, 2: Non}", "{1: OUI, 2: Non}", [(1, Gravity.NONE, None)]),
    ("apostrophe", "{1: L'été, 2: Non}", "{1: L’été, 2: Non}", [(1, Gravity.NONE, None)]),
    ("punctuation", "{1: 'Oui, bien sûr', 2: Non}", "{1: Oui bien sûr., 2: Non}",
     [(1, Gravity.NONE, None)]),
    ("blanks in a number", "{1: 1000 €, 2: Plus}", "{1: 1\u202f000\u00a0€, 2: Plus}",
     [(1, Gravity.NONE, None)]),
    ("an accent", "{1: Salé, 2: Non}", "{1: Sale, 2: Non}", [(1, Gravity.MEANING, None)]),
    ("another amount", "{1: Moins de 1 000 €, 2: Plus}", "{1: Moins de 1 200 €, 2: Plus}",
     [(1, Gravity.MEANING, None)]),
    ("a sign", "{1: Bac +2, 2: Non}", "{1: Bac -2, 2: Non}", [(1, Gravity.MEANING, None)]),
    ("bounds", "{1: 18-24 ans, 2: Non}", "{1: 1824 ans, 2: Non}", [(1, Gravity.MEANING, None)]),
    ("another word", "{1: Oui, 2: Rarement}", "{1: Oui, 2: Jamais}", [(2, Gravity.MEANING, None)]),
    ("two labels exchanged", "{1: Oui, 2: Non}", "{1: Non, 2: Oui}",
     [(1, Gravity.CONTRADICTION, 2), (2, Gravity.CONTRADICTION, 1)]),
    ("renumbered after a removal", "{1: Oui, 2: Parfois, 3: Non}", "{1: Oui, 2: Non}",
     [(2, Gravity.CONTRADICTION, 3)]),
    ("an answer slipped in", "{1: Oui, 2: Non}", "{1: Oui, 2: Parfois, 3: Non}",
     [(2, Gravity.CONTRADICTION, 3)]),
    ("a removed label reused", "{1: Oui, 2: Non, 3: Jamais}", "{1: Jamais, 2: Non}",
     [(1, Gravity.CONTRADICTION, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"), [row[1:] for row in LABELS], ids=[row[0] for row in LABELS]
)
def test_a_code_means_its_label(
    old: str, new: str, expected: list[tuple[int, Gravity, int | None]]
) -> None:
    found = [one for one in changes(single(old), single(new)) if one.kind == Kind.LABEL]
    assert [(one.code, one.gravity, one.rival) for one in found] == expected


def test_a_translated_label_follows_the_same_rule() -> None:
    def choices(first: str, second: str) -> Instrument:
        codes = (Choice(1, "Oui", translations={"en": first}),
                 Choice(2, "Non", translations={"en": second}))  # fmt: skip
        return Instrument("x", "x", (Theme("A", "A", (Item("A1", "single", "?", "A", codes),)),))

    swapped = compare(choices("Yes", "No"), choices("No", "Yes"))
    assert [one.field for one in swapped.graver(Gravity.CONTRADICTION)] == ["en", "en"]
    assert not compare(choices("", ""), choices("Yes", "No")).graver(Gravity.MEANING)


def test_another_type_is_refused_whatever_is_declared() -> None:
    [change] = changes(A2, A2.replace("integer", "decimal"))
    assert (change.kind, change.gravity) == (Kind.TYPE, Gravity.CONTRADICTION)
    assert (change.before, change.after) == ("integer", "decimal")


@pytest.mark.parametrize(
    ("text", "gravity"),
    [
        ("Combien de chambres avez-vous ?", Gravity.NONE),
        ("Combien, au total, de pièces avez-vous ?", Gravity.NONE),
        ("Quel âge a votre aîné ?", Gravity.MEANING),
    ],
)
def test_a_code_that_would_ask_another_question_must_be_declared(
    text: str, gravity: Gravity
) -> None:
    [change] = changes(A2, A2.replace("Combien de pièces avez-vous ?", f'"{text}"'))
    assert (change.kind, change.gravity) == (Kind.WORDING, gravity)


# --------------------------------------------------------------------- 3. nothing is silent

PARTS: list[Any] = [
    Item("A1", "single", "Un ?", "A", (Choice(1, "Oui"), Choice(2, "Non")),
         checks=(Check("c", "A1 == 1", "Non"),)),
    Compute("X", "integer", "A1"),
    End("E1", "A1 == 2", "60"),
    Draw("M", ("A", "B")),
    QuotaPoint("Q", "X"),
    Milestone("partial"),
    Group("block", "G", (Item("G1", "info", "…", "A"),)),
]  # fmt: skip
WHOLE = Instrument(
    "x", "Titre", (Theme("A", "Un", tuple(PARTS)),),
    parameters=(Input("P", "integer", default=1),), texts=(Message("FIN", "Merci"),),
)  # fmt: skip
OTHER: dict[type, Any] = {
    str: "autre", bool: False, int: 7, float: 0.5, tuple: ("z",), dict: {"en": {"text": "z"}},
}  # fmt: skip


def variants(part: Any) -> list[tuple[str, Any]]:
    """The part with each of its fields set to something else."""
    fields = [one for one in dataclasses.fields(part) if one.name not in {"entries", "themes"}]
    made = []
    for one in fields:
        value = getattr(part, one.name)
        other: Any = not value if isinstance(value, bool) else OTHER[type(value)]
        if one.name == "choices":
            other = (Choice(1, "Oui"),)
        if one.name in {"parameters", "preloads", "texts"}:
            other = (dataclasses.replace(WHOLE.parameters[0], name="AUTRE"),)
        made.append((one.name, dataclasses.replace(part, **{one.name: other})))
    return made


def differing() -> list[Any]:
    """The whole instrument with one field of one part changed, for every field of every part."""
    made = [
        pytest.param(other, id=f"instrument.{name}") for name, other in variants(WHOLE)
    ]  # fmt: skip
    theme = WHOLE.themes[0]
    for name, other in variants(theme):
        made.append(pytest.param(dataclasses.replace(WHOLE, themes=(other,)), id=f"theme.{name}"))
    for rank, part in enumerate(PARTS):
        for name, other in variants(part):
            if (part.tag, name) in {("item", "stem"), ("end", "name")}:
                continue  # the text of its grid; a number that the loader gives
            entries = (*PARTS[:rank], other, *PARTS[rank + 1 :])
            changed = dataclasses.replace(theme, entries=entries)
            made.append(
                pytest.param(dataclasses.replace(WHOLE, themes=(changed,)), id=f"{part.tag}.{name}")
            )
    return made


@pytest.mark.parametrize("other", differing())
def test_no_difference_is_silent(other: Instrument) -> None:
    assert content_hash(to_json(other)) != content_hash(to_json(WHOLE))
    assert compare(WHOLE, other).changes


def test_the_same_content_differs_in_nothing() -> None:
    assert compare(WHOLE, WHOLE).changes == ()


# ------------------------------------------------------------------------------- 4. order


def test_the_fewest_entries_moved() -> None:
    codes = ["B1", "B2", "B3", "B4", "B5"]

    def row(order: list[str]) -> Instrument:
        return Instrument(
            "x", "x", (Theme("B", "B", tuple(Item(c, "info", c, "B") for c in order)),)
        )

    moved = compare(row(codes), row(["B2", "B3", "B4", "B5", "B1"])).changes
    assert [(one.name, one.after) for one in moved] == [("B1", "B, après B5")]
    more = compare(row(codes), row(["B1", "B6", "B2", "B3", "B4", "B5"])).changes
    assert [(one.kind, one.name) for one in more] == [(Kind.ADDED, "B6")]


# ------------------------------------------------------------------------------- 5. words


def test_wordings_are_compared_word_by_word() -> None:
    assert words("Avez-vous un médecin traitant ?", "Avez-vous un médecin de famille ?") == [
        ("same", "Avez-vous un médecin "),
        ("gone", "traitant "),
        ("come", "de famille "),
        ("same", "?"),
    ]
    assert words("", "Relire") == [("come", "Relire")]


def test_a_label_of_signs_alone_keeps_them() -> None:
    assert plain("…") != plain("?")
