"""Every error of the catalogue: a small broken questionnaire, its code, its place, its message."""
# ruff: noqa: E501 (one row of the table is one line)

from __future__ import annotations

from pathlib import Path

import pytest

from questionnaire.core.check import examine, report_on
from questionnaire.core.errors import CATALOGUE, InstrumentErrors, Problem
from questionnaire.core.load import examine_texts, load_instrument

from .small import MANIFEST

HEAD = "theme: T\ntitle: Thème\nitems:\n"
A = "- {code: A, type: single, text: A ?, choices: {1: Oui, 2: Non}}\n"
M = "- {code: M, type: multiple, text: M ?, choices: {1: un, 2: deux}}\n"

# (code, YAML of t.yaml, line, column, message). Lines of items count from 4, after HEAD.
BROKEN = [
    # The file
    ("Q101", HEAD + "- {code: [A", 4, 12, "this is not YAML: expected ',' or ']', but got '<stream end>'."),
    ("Q101", "", 1, 1, "this is not YAML: the file is empty."),
    ("Q101", HEAD + "\t- x", 4, 1, "this is not YAML: found character '\\t' that cannot start any token."),
    ("Q102", HEAD + "- {code: A, type: text, text: A ?, text: B ?}", 4, 36, "the key text stands twice."),
    ("Q102", HEAD + "- {code: A, type: single, text: A, choices: {1: a, 1: b}}", 4, 52, "the key 1 stands twice."),
    ("Q103", HEAD + "- {code: A, type: single, text: A, choices: &x {1: a}}", 4, 45, "anchors and aliases (& and *) are not used here."),
    ("Q104", HEAD + "- {code: A, typ: text, type: text, text: A}", 4, 13, "typ is not a keyword here."),
    ("Q104", HEAD + "- {question: A}", 4, 4, "question is not a keyword here."),
    ("Q105", HEAD + "- {code: A, type: text}", 4, 3, "text is missing."),
    ("Q105", "title: T\nitems: []", 1, 1, "theme is missing."),
    ("Q106", HEAD + "- code", 4, 3, "an entry such as {code: …, type: …} was expected, the text “code” was found."),
    ("Q106", HEAD + "- {code: A, type: single, text: A, choices: {1: {label: a, exclusive: ON}}}", 4, 71, "true or false was expected, the text “ON” was found."),
    ("Q106", HEAD + "- {code: A, type: single, text: A, choices: {1: true}}", 4, 49, "a text was expected, true was found."),
    ("Q106", HEAD + "- {code: A, type: single, text: A, choices: {1: 2017}}", 4, 49, "a text was expected, the number 2017 was found."),
    ("Q106", HEAD + "- {code: A, type: text, text: A, max_length: 18:30}", 4, 46, "a whole number from 1 on was expected, the text “18:30” was found."),
    ("Q106", HEAD + "- {code: A, type: single, text: A, choices: {true: a}}", 4, 46, "a word or a whole number as a key was expected, true was found."),
    ("Q106", HEAD + "- {code: A, type: integer, text: A, bounds: [1]}", 4, 45, "two bounds, [low, high], was expected, a list was found."),
    ("Q107", HEAD + "- {code: A, type: single, text: A, choices: {1: , 2: b}}", 4, 48, "this text is empty."),
    ("Q107", HEAD + "- {code: A, type: text, text: '  '}", 4, 31, "this text is empty."),
    # The structure
    ("Q201", HEAD + A + A, 5, 10, "A is already defined, in t.yaml:4."),
    ("Q201", HEAD + "- {compute: ANNEE, type: integer, value: 1}", 4, 13, "ANNEE is already defined, in instrument.yaml:6."),
    ("Q202", HEAD + "- {code: a b, type: text, text: A}", 4, 10, "a b cannot be a name."),
    ("Q202", HEAD + f"- {{code: {'A' * 41}, type: text, text: A}}", 4, 10, f"{'A' * 41} cannot be a name."),
    ("Q203", HEAD + "- {code: A, type: choice, text: A}", 4, 19, "there is no type choice."),
    ("Q204", HEAD + "- {code: A, type: scale, text: A, choices: oui5}", 4, 44, "there is no scale oui5."),
    ("Q205", HEAD + "- {code: A, type: single, text: A}", 4, 10, "an item of type single needs choices."),
    ("Q205", HEAD + "- {code: A, type: text, text: A, choices: yes_no}", 4, 34, "an item of type text takes no choices."),
    ("Q206", HEAD + "- {code: A, type: single, text: A, choices: {1: a, 98: NSP}}", 4, 52, "98 cannot be a choice code."),
    ("Q206", HEAD + "- {code: A, type: single, text: A, choices: {un: a}}", 4, 46, "un cannot be a choice code."),
    ("Q207", HEAD + "- {code: A, type: single, text: A, choices: {1: a, 2: a}}", 4, 52, "the label a stands twice."),
    ("Q208", HEAD + "- {code: A, type: integer, text: A, bounds: [9, 1]}", 4, 46, "the bounds are reversed: 9 > 1."),
    ("Q209", HEAD + "- {code: A, type: text, text: A, bounds: [0, 1]}", 4, 34, "bounds does not apply to an item of type text."),
    ("Q210", HEAD + "- {code: A, type: text, text: A, specials: [nsp]}", 4, 45, "there is no special nsp."),
    ("Q211", HEAD + "- {code: A, type: text, text: A, module: C}", 4, 42, "C is not among the modules."),
    ("Q211", HEAD + "- {code: A, type: text, text: A, store: drawer}", 4, 41, "drawer is not among what store may be."),
    ("Q212", HEAD + "- {code: A, type: single, text: A, choices: yes_no, table_order: [1, 3]}", 4, 70, "3 is no value of its list."),
    ("Q213", HEAD + "- block: B\n  order: random\n  items:\n  - {code: A, type: text, text: A}\n  - end: {if: answered(A), outcome: X, text: Fin.}", 8, 15, "an `end` cannot stand inside a block in random order."),
    ("Q213", HEAD + "- {roster: R, count: 1, max: 1, items: [{roster: S, count: 1, max: 1, items: []}]}", 4, 50, "an `roster` cannot stand inside a roster."),
    ("Q214", HEAD + "- {code: A, type: multiple, text: A, max: 2, choices: yes_no}", 4, 43, "max: 2 can never be exceeded by 2 choices."),
    ("Q215", HEAD + "- {draw: D, values: [X]}", 4, 21, "a draw needs two different values or more."),
    ("Q216", HEAD + "- {code: A, type: integer, text: A, store: contact}", 4, 44, "a text stored with the contact must be text or address."),
    # Expressions
    ("Q301", HEAD + A + "- {code: B, type: text, text: B, ask_if: A ==}", 5, 45, "this is not an expression: invalid syntax."),
    ("Q302", HEAD + A + "- {code: B, type: text, text: B, ask_if: A.x == 1}", 5, 42, "an attribute (.) is not part of the language."),
    ("Q303", HEAD + A + f"- {{code: B, type: text, text: B, ask_if: {' or '.join(['A == 1'] * 80)}}}", 5, 42, "this expression is too large."),
    ("Q304", HEAD + A + "- {code: B, type: text, text: B, ask_if: C == 1}", 5, 42, "nothing is called C."),
    ("Q304", HEAD + "- end: {if: ANNEE == 1, outcome: X, text: FIN_PERDUE}", 4, 43, "nothing is called FIN_PERDUE."),
    ("Q304", HEAD + "- end: {if: quota_full(Q), outcome: X, text: Fin.}", 4, 24, "nothing is called the quota Q before this place."),
    ("Q305", HEAD + "- {code: B, type: text, text: B, ask_if: A == 1}\n" + A, 4, 42, "A comes later than this place."),
    ("Q306", HEAD + "- block: B\n  order: random\n  items:\n  - {code: C, type: text, text: C}\n  - {code: D, type: text, text: D, ask_if: answered(C)}", 8, 53, "C stands in the same block in random order."),
    ("Q307", HEAD + A + "- {code: B, type: text, text: B, ask_if: \"A == 'x'\"}", 5, 43, "a number cannot be compared with a text."),
    ("Q307", HEAD + M + "- {code: B, type: text, text: B, ask_if: M == 1}", 5, 42, "several answers cannot be compared with a number."),
    ("Q308", HEAD + A + "- {code: B, type: text, text: B, ask_if: \"A in [1, 3]\"}", 5, 52, "A has no code 3."),
    ("Q308", HEAD + A + "- {code: B, type: text, text: B, ask_if: A == 7}", 5, 47, "A has no code 7."),
    ("Q308", HEAD + M + "- {code: B, type: text, text: B, ask_if: 3 in M}", 5, 42, "M has no code 3."),
    ("Q309", HEAD + A + "- {code: B, type: text, text: B, ask_if: len(A) == 1}", 5, 42, "len() is not a function here."),
    ("Q309", HEAD + "- {code: B, type: text, text: B, ask_if: dk(ANNEE)}", 4, 45, "dk() wants the name of an item."),
    ("Q310", HEAD + "- {code: K, type: text, text: K, store: contact}\n- {code: B, type: text, text: B, ask_if: \"K == 'x'\"}", 5, 43, "K is kept with the contact: its words are never read."),
    ("Q311", HEAD + A + "- {code: B, type: text, text: B, ask_if: A + 1}", 5, 42, "this gives a number, a boolean is needed here."),
    ("Q312", HEAD + "- {roster: R, count: 1, max: 2, items: [{code: X, type: integer, text: X}]}\n- {code: B, type: text, text: B, ask_if: X == 1}", 5, 42, "X belongs to the roster R."),
    ("Q313", HEAD + A + "- {code: B, type: text, text: 'B {{ A'}", 5, 34, "this piping is not closed."),
    # Warnings
    ("Q501", HEAD + A + "- {code: B, type: text, text: B, ask_if: A != 1}", 5, 42, "a \"don't know\" of A slips through here: the comparison is then unknown."),
    ("Q501", HEAD + A + "- {code: B, type: text, text: B, ask_if: not (A == 1)}", 5, 42, "a \"don't know\" of A slips through here: the comparison is then unknown."),
    ("Q502", HEAD + A + "- {code: B, type: text, text: 'B {{ A }} ?'}", 5, 34, "A may not be answered when this text is read."),
    ("Q504", HEAD + A + "- {code: B, type: text, text: B, ask_if: \"A in [1, 2] or dk(A) or refused(A)\"}", 5, 42, "this filter is always true."),
    ("Q505", HEAD + A + "- {code: B, type: text, text: B, ask_if: A == 1 and A == 2}", 5, 42, "this filter can never be true."),
    ("Q506", HEAD + "- {code: A, type: single, text: A, choices: {1: a, 3: b}}", 4, 52, "the codes jump from 1 to 3."),
    ("Q507", HEAD + "- {code: A, type: integer, text: A, bounds: [0, 120]}", 4, 49, "98 lies inside the bounds and is the usual code of a special."),
    ("Q508", HEAD + A + "- end: {if: A == 1, outcome: X}", 5, 8, "nobody says goodbye: this end has no text."),
    ("Q509", "theme: T\ntitle: T\nask_if: ANNEE >= 0\nitems:\n- {code: A, type: info, text: A}\n- end: {if: ANNEE >= 0, outcome: X, text: Fin.}", 3, 9, "no route of this questionnaire can be complete."),
]  # fmt: skip


def problems(theme: str, manifest: str = MANIFEST) -> list[Problem]:
    return list(report_on(examine_texts({"instrument.yaml": manifest, "t.yaml": theme})).problems)


@pytest.mark.parametrize(("code", "theme", "line", "column", "message"), BROKEN)
def test_an_error_tells_its_place_and_what_is_wrong(
    code: str, theme: str, line: int, column: int, message: str
) -> None:
    found = [one for one in problems(theme) if one.code == code]

    assert [(one.file, one.line, one.column, one.message) for one in found][:1] == [
        ("t.yaml", line, column, message)
    ]
    assert found[0].mend


def test_every_code_of_the_catalogue_has_a_broken_questionnaire() -> None:
    elsewhere = {"Q108", "Q503"}

    assert {row[0] for row in BROKEN} | elsewhere == set(CATALOGUE)


def test_a_file_that_is_missing_is_named_where_it_is_listed(tmp_path: Path) -> None:
    (tmp_path / "instrument.yaml").write_text(MANIFEST)

    with pytest.raises(InstrumentErrors) as errors:
        load_instrument(tmp_path)

    (found,) = errors.value.problems
    assert (found.code, found.line, found.column) == ("Q108", 14, 9)


def test_a_folder_without_its_manifest_says_so(tmp_path: Path) -> None:
    (found,) = examine(tmp_path).problems

    assert (found.code, found.file) == ("Q108", "instrument.yaml")


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / "instrument.yaml").write_bytes("title: é".encode("cp1252"))

    (found,) = examine(tmp_path).problems

    assert found.message == "instrument.yaml cannot be read: it is not UTF-8."


def test_a_missing_translation_is_named() -> None:
    manifest = MANIFEST.replace("specials:", "languages: [en]\nspecials:")

    end = "- end: {if: A == 2, outcome: QUOTA, text: Merci.}"
    checked = (
        "- {code: B, type: integer, text: B, short: B, en: {text: B},"
        " checks: [{must: B < 9, message: Trop.}]}"
    )

    found = [
        one.message.removesuffix(" is missing in en.")
        for one in problems(HEAD + A + end + "\n" + checked, manifest)
        if one.code == "Q503"
    ]

    assert found == ["text of FIN_MERCI", "title of theme T", "text of A", "choice 1 of A",
                     "choice 2 of A", "text of T_END1", "short of B",
                     "message of B_CHECK1"]  # fmt: skip


def test_the_place_is_underlined() -> None:
    (found,) = problems(HEAD + A + "- {code: B, type: text, text: B, ask_if: A == 7}")

    assert str(found).splitlines() == [
        "t.yaml:5:47: Q308 error: A has no code 7.",
        "    - {code: B, type: text, text: B, ask_if: A == 7}",
        "                                                  ^",
        "  = Its codes are 1, 2.",
    ]


def test_all_errors_are_told_at_once() -> None:
    theme = HEAD + A + "- {code: B, type: text, text: B, ask_if: X == 1}\n"
    theme += "- {code: C, type: text, text: C, ask_if: Y == 1}"

    assert [one.code for one in problems(theme)] == ["Q304", "Q304"]


@pytest.mark.parametrize("ask_if", ["answered(A) and A != 1", "A != 1 or dk(A)", "not dk(A)"])
def test_a_negation_that_says_what_a_dont_know_means_is_no_leak(ask_if: str) -> None:
    theme = HEAD + A + f"- {{code: B, type: text, text: B, ask_if: {ask_if}}}"

    assert problems(theme) == []
