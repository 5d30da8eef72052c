"""The twelve rules of meaning, and route repair.

1. Unknown: not asked, goes on, passes, not answered, unclassified; dk() and its like are yes or no.
2. Operators and names.
4. Temporary ends: what is marked per_contact is asked again.
5. The first true end stops; an edit reopens it; a milestone separates.
6. Info items are answered by having been seen.
7. Parked and prefilled values are unread until confirmed.
8. A check belongs to its last item; a soft confirmation is keyed by the values.
9. A special replaces the whole value; multiples are sets.
10. Random order changes what is shown first, by the seed alone.
11. Draws and places are effects.
12. Lines of a grid are items; the ids of a roster are never reused, shrinking parks.
"""

from __future__ import annotations

from typing import Any

import pytest

from questionnaire.core.routing import Event, NeedsDraw, NeedsPlace, preview, validate

from .small import MANIFEST, Scenario

YES_NO = "type: single, text: Q ?, choices: yes_no"


# --- 1 and 2: unknown


@pytest.mark.parametrize(
    ("expression", "answer", "asked"),
    [
        ("A == 1", 1, True),
        ("A == 1", 2, False),
        ("A == 1", "dk", False),
        ("A != 1 or dk(A)", "dk", True),
        ("not (A == 1) or dk(A)", "refused", False),
        ("A == 1 or dk(A)", "dk", True),
        ("A == 1 or A != 1", "dk", False),
        ("dk(A) and not refused(A)", "dk", True),
        ("answered(A)", 2, True),
        ("answered(A)", "dk", False),
        ("not answered(A)", "dk", True),
        ("A in [2, 1]", 2, True),
        ("A not in [2] or dk(A)", 1, True),
        ("1 <= A < 2", 1, True),
        ("(A + 1) * 2 - 1 == 3", 1, True),
        ("A // 0 == 1 or dk(A)", 1, False),
        ("(1 if A == 1 else 2) == 2", 2, True),
        ("(1 if A == 1 else 2) == 2", "dk", False),
        ("band(A, [2]) == 2", 2, True),
        ("recode(A, {1: 'x'}) == 'x'", 1, True),
        ("recode(A, {1: 'x'}) == 'x'", 2, False),
        ("ANNEE - A == 2025", 1, True),
        ("-A == -1", 1, True),
    ],
)
def test_an_item_is_asked_where_its_filter_is_true(
    expression: str, answer: Any, asked: bool
) -> None:
    interview = Scenario(
        f'- {{code: A, {YES_NO}}}\n- {{code: B, {YES_NO}, ask_if: "{expression}"}}'
    ).answer(A=answer)

    assert ("B" in interview.asked) is asked


@pytest.mark.parametrize(
    ("expression", "given", "asked"),
    [
        ("2 in M", [1, 2], True),
        ("2 not in M", [1], True),
        ("count(M) == 2", [1, 2], True),
        ("count(M) >= 0", "dk", False),
        ("2 in M", "dk", False),
        ("2 in M and 1 in M", [2], False),
    ],
)
def test_several_answers_are_searched_and_counted(expression: str, given: Any, asked: bool) -> None:
    interview = Scenario(
        "- {code: M, type: multiple, text: M ?, choices: {1: un, 2: deux}}\n"
        f"- {{code: B, {YES_NO}, ask_if: {expression}}}"
    ).answer(M=given)

    assert ("B" in interview.asked) is asked


def test_off_the_route_a_dont_know_is_no_dont_know() -> None:
    interview = Scenario(
        f"- {{code: A, {YES_NO}}}\n- {{code: B, {YES_NO}, ask_if: A == 1}}\n"
        f"- {{code: C, {YES_NO}, ask_if: dk(B)}}"
    ).answer(A=1, B="dk")
    assert "C" in interview.asked

    interview.answer(A=2)

    assert "C" not in interview.asked


def test_a_compute_of_what_is_not_answered_is_not_answered() -> None:
    interview = Scenario(
        "- {code: A, type: integer, text: A ?}\n- {compute: B, type: integer, value: A + 1}\n"
        f"- {{code: C, {YES_NO}, ask_if: B >= 0}}"
    ).answer(A="dk")

    assert interview.route.computed == {"B": None}
    assert interview.route.outcome == "complete"


# --- 4: temporary ends

CONTACT = f"""
- {{code: S, {YES_NO}, per_contact: true}}
- end: {{if: S == 2, outcome: "20", text: FIN_MERCI, temporary: true}}
- {{code: A, {YES_NO}, ask_if: S == 1}}
- {{code: AGE, type: integer, text: Âge ?}}
- end: {{if: AGE < 18, outcome: "20", text: FIN_MERCI, temporary: true}}
- {{code: B, {YES_NO}}}
"""


def test_after_a_temporary_end_only_the_contact_is_asked_again() -> None:
    interview = Scenario(CONTACT).answer(S=1, A=2).do("end", outcome="20", temporary=True)
    assert interview.route.next == "S"

    interview.answer(S=1)

    assert (interview.asked, interview.route.to_confirm) == (["S", "A", "AGE"], ())


def test_what_a_temporary_end_is_about_is_asked_again_too() -> None:
    interview = Scenario(CONTACT).answer(S=1, A=2, AGE=12)
    assert interview.route.outcome == "20"

    interview.do("end", outcome="20", temporary=True).answer(S=1)

    assert interview.route.next == "AGE"


# --- 5: ends


def test_the_first_true_end_stops_and_an_edit_reopens_it() -> None:
    interview = Scenario(
        f"- {{code: A, {YES_NO}}}\n- end: {{if: A == 2, outcome: '40', text: FIN_MERCI}}\n"
        f"- milestone: partial\n- {{code: B, {YES_NO}}}\n"
        "- end: {if: B == 2, outcome: '60', text: FIN_MERCI}"
    ).answer(A=1, B=2)
    assert (interview.route.outcome, interview.route.milestones) == ("60", ("partial",))

    interview.answer(A=2)
    assert (interview.route.outcome, interview.route.milestones) == ("40", ())
    assert interview.route.parked == ("B",)

    interview.answer(A=1)
    assert (interview.route.next, interview.route.to_confirm) == ("B", ("B",))


# --- 6 and 7: seen, parked, prefilled


def test_an_info_is_answered_by_having_been_seen() -> None:
    interview = Scenario(f"- {{code: I, type: info, text: Lire.}}\n- {{code: A, {YES_NO}}}")
    assert interview.route.next == "I"

    interview.do("seen", "I")

    assert interview.route.next == "A"
    assert interview.walker.state.seen == {"I"}


REPAIR = f"""
- {{code: A, {YES_NO}}}
- {{code: B, {YES_NO}, ask_if: A == 1}}
- {{code: C, {YES_NO}, ask_if: B == 1}}
- {{code: D, {YES_NO}}}
"""


def test_a_changed_answer_parks_what_falls_off_and_prefills_what_comes_back() -> None:
    interview = Scenario(REPAIR).answer(A=1, B=1, C=2, D=1)

    interview.answer(A=2)
    assert (interview.route.parked, interview.route.outcome) == (("B", "C"), "complete")

    interview.answer(A=1)
    assert (interview.route.next, interview.route.to_confirm) == ("B", ("B", "C"))
    assert interview.walker.state.answers["C"] == {"v": 2}

    interview.do("confirm", "B").do("confirm", "C")
    assert (interview.route.outcome, interview.route.parked) == ("complete", ())


def test_the_interviewer_is_told_before_anything_is_parked() -> None:
    interview = Scenario(REPAIR).answer(A=1, B=1, C=2, D=1)
    state = interview.walker.state

    effects = preview(interview.program, state, Event("answer", "A", value={"v": 2}))

    assert effects.parked == ("B", "C")
    assert (effects.restored, effects.next, effects.outcome) == ((), None, "complete")
    assert state.parked == set()


def test_the_interviewer_is_told_what_comes_back() -> None:
    interview = Scenario(REPAIR).answer(A=1, B=1, C=2, D=1).answer(A=2)

    effects = preview(
        interview.program, interview.walker.state, Event("answer", "A", value={"v": 1})
    )

    assert (effects.restored, effects.to_confirm, effects.next) == (("B",), ("B", "C"), "B")


def test_what_only_waits_for_an_earlier_answer_is_not_parked() -> None:
    interview = Scenario(REPAIR).answer(A=1, B=1, C=2, D=1)

    interview.do("clear", "A")
    assert (interview.route.next, interview.route.parked) == ("A", ())

    interview.answer(A=1)
    assert interview.route.outcome == "complete"


def test_a_prefilled_answer_is_unread_until_it_is_confirmed() -> None:
    interview = Scenario(
        f"- {{code: A, {YES_NO}}}\n- {{code: B, {YES_NO}, prefill: {{2: A == 2}}}}\n"
        f"- {{code: C, {YES_NO}, ask_if: B == 2}}"
    ).answer(A=2)

    assert (interview.walker.prefill("B"), interview.route.next) == (2, "B")
    assert "C" not in interview.asked

    interview.do("confirm", "B", v=2)
    assert interview.route.next == "C"


# --- 8: checks

CHECKS = """
- {code: A, type: integer, text: A ?}
- code: B
  type: integer
  text: B ?
  checks:
  - {must: B >= A, hard: true, message: "Au moins {{ A }}."}
  - {must: B <= A + 10, message: "Vraiment {{ B }}."}
- {code: C, type: single, text: C ?, choices: yes_no}
"""


def test_a_hard_check_holds_the_route_and_cannot_be_confirmed() -> None:
    interview = Scenario(CHECKS).answer(A=5, B=3)
    assert interview.route.next == "B"
    assert [failure.message for failure in interview.route.hard_failures] == ["Au moins 5."]

    interview.do("confirm", "B")
    assert interview.route.next == "B"

    interview.answer(B=5)
    assert interview.route.next == "C"


def test_a_soft_check_is_confirmed_for_these_values_only() -> None:
    interview = Scenario(CHECKS).answer(A=1, B=30)
    assert [failure.message for failure in interview.route.soft_failures] == ["Vraiment 30."]

    interview.do("confirm", "B")
    assert (interview.route.next, interview.route.soft_failures) == ("C", ())

    interview.answer(B=31)
    assert interview.route.next == "B"


def test_editing_an_earlier_item_of_a_check_asks_to_confirm_the_last_one() -> None:
    interview = Scenario(CHECKS).answer(A=1, B=5, C=1)

    interview.answer(A=2)
    assert (interview.route.next, interview.route.to_confirm) == ("B", ("B",))

    interview.do("confirm", "B")
    assert interview.route.outcome == "complete"


def test_a_check_on_a_dont_know_passes() -> None:
    assert Scenario(CHECKS).answer(A="dk", B=3).route.next == "C"


# --- 9: values


def test_a_special_replaces_the_whole_value() -> None:
    items = (
        "- {code: M, type: multiple, text: M ?, choices: {1: un, 2: {label: autre, other: true}}}"
    )
    interview = Scenario(items).do("answer", "M", v=[2], other={"2": "bleu"}).answer(M="dk")

    assert interview.walker.state.answers["M"] == {"special": "dk"}


def test_a_multiple_is_a_set_and_keeps_its_order_of_mention_aside() -> None:
    items = "- {code: M, type: multiple, text: M ?, choices: {1: un, 2: deux, 3: trois}}"
    interview = Scenario(items).answer(M=[3, 1, 3])

    assert interview.walker.state.answers["M"] == {"v": [1, 3], "mentions": [3, 1]}
    assert interview.value("M") == frozenset({1, 3})


VALUES = """
- {code: S, type: single, text: S ?, choices: yes_no}
- {code: M, type: multiple, text: M ?, max: 2, choices: {1: un, 2: deux, 3: trois, 4: {label: aucun, exclusive: true}, 5: {label: autre, other: true}}}
- {code: N, type: integer, text: N ?, bounds: [1, 12]}
- {code: X, type: decimal, text: X ?, bounds: [0, ANNEE]}
- {code: T, type: text, text: T ?, max_length: 5, specials: []}
- {code: K, type: address, text: K ?, store: contact}
- {code: I, type: info, text: Lire.}
"""  # noqa: E501


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        ("S", {"v": 3}, "Aucune réponse n’a le code 3. Saisissez 1 ou 2."),
        ("S", {"v": [1]}, "Aucune réponse n’a le code [1]. Saisissez 1 ou 2."),
        ("S", {"special": "na"}, "Cette réponse n’est pas proposée ici. Choisissez une réponse, "
         "ou Ne se prononce pas ou Refuse de répondre."),
        ("T", {"special": "dk"}, "Cette question demande une réponse. Choisissez-en une dans la "
         "liste."),
        ("M", {"v": []}, "Choisissez au moins une réponse. Saisissez un code entre 1 et 5."),
        ("M", {"v": [1, 2, 3]}, "2 réponses au plus. Retirez-en 1."),
        ("M", {"v": [1, 4]}, "« aucun » se choisit seule. Gardez-la, ou gardez les autres."),
        ("M", {"v": [1], "other": {"5": "x"}}, "Une précision ne se donne que pour une réponse "
         "« autre » qui est choisie."),
        ("M", {"v": [5], "other": {"5": "x" * 251}}, "La précision compte 250 caractères au plus. "
         "Raccourcissez-la."),
        ("N", {"v": 13}, "Saisissez un nombre entre 1 et 12."),
        ("N", {"v": 1.5}, "Saisissez un nombre entier entre 1 et 12."),
        ("N", {"v": True}, "Saisissez un nombre entier entre 1 et 12."),
        ("X", {"v": float("nan")}, "Saisissez un nombre entre 0 et 2026."),
        ("T", {"v": "abcdef"}, "5 caractères au plus. Raccourcissez la réponse."),
        ("T", {"v": "  "}, "Saisissez la réponse."),
        ("T", {"v": "a\x00"}, "La réponse contient un caractère illisible. Saisissez-la de "
         "nouveau."),
        ("T", {"v": "\ud800"}, "La réponse contient un caractère illisible. Saisissez-la de "
         "nouveau."),
        ("K", {"v": "3 rue X"}, "Cette réponse se garde avec les coordonnées, jamais avec les "
         "réponses."),
        ("I", {"v": 1}, "Il n’y a rien à saisir ici : confirmez la lecture."),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_and_says_how_to_mend_it(
    code: str, value: dict[str, Any], message: str
) -> None:
    interview = Scenario(VALUES)

    found = validate(interview.program, interview.walker.state, code, "", value)

    assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in found] == [message]


@pytest.mark.parametrize(
    ("code", "value"),
    [("S", {"v": 1}), ("M", {"v": [2, 1]}), ("M", {"v": [5], "other": {"5": "bleu"}}),
     ("N", {"v": 12}), ("X", {"v": 0.5}), ("T", {"v": "dk"}), ("K", {"given": True}),
     ("S", {"special": "dk"})],
)  # fmt: skip
def test_a_value_that_fits_is_taken(code: str, value: dict[str, Any]) -> None:
    interview = Scenario(VALUES)

    assert validate(interview.program, interview.walker.state, code, "", value) == []


def test_a_verbatim_dk_is_no_special() -> None:
    items = "- {code: T, type: text, text: T ?}\n- {code: B, type: text, text: B ?, ask_if: dk(T)}"
    interview = Scenario(items).do("answer", "T", v="dk")

    assert interview.route.outcome == "complete"


# --- 10: random order

SHUFFLED = f"""
- block: BLOC
  order: random
  fixed: [R5]
  items:
  - {{code: R1, {YES_NO}}}
  - {{code: R2, {YES_NO}}}
  - {{code: R3, {YES_NO}}}
  - {{code: R4, {YES_NO}}}
  - {{code: R5, {YES_NO}}}
- {{code: FIN, {YES_NO}}}
"""


def shown(seed: int) -> list[str]:
    interview = Scenario(SHUFFLED, seed=seed)
    while interview.route.next:
        interview.answer(**{interview.route.next: 1})
    return interview.asked


def test_a_random_block_follows_its_seed_and_keeps_its_fixed_end() -> None:
    orders = [shown(seed) for seed in range(40)]

    assert orders == [shown(seed) for seed in range(40)]
    assert len({tuple(order) for order in orders}) > 10
    assert all(order[4:] == ["R5", "FIN"] and sorted(order)[1:5] == ["R1", "R2", "R3", "R4"]
               for order in orders)  # fmt: skip


def test_every_item_of_a_random_block_comes_first_about_as_often() -> None:
    first = [shown(seed)[0] for seed in range(400)]

    assert all(70 <= first.count(code) <= 130 for code in ("R1", "R2", "R3", "R4"))


def test_a_seed_that_comes_late_shuffles_what_is_shown() -> None:
    interview = Scenario(SHUFFLED, seed=1)
    before = interview.route.next

    moved = {Scenario(SHUFFLED).do("seed", v=seed).route.next for seed in range(20)}

    assert before in moved
    assert len(moved) == 4


# --- 11: effects

EFFECTS = """
- {code: A, type: single, text: A ?, choices: {1: un, 2: deux}, specials: [dk]}
- {compute: CELL, type: text, value: "recode(A, {1: 'U', 2: 'D'})"}
- {quota: Q, cell: CELL}
- end: {if: quota_full(Q), outcome: QUOTA, text: FIN_MERCI}
- {draw: D, values: [X, Y], stratum: CELL}
- {code: B, type: text, text: B ?, ask_if: D == 'X'}
"""


def place(result: str, cell: str = "U") -> dict[str, str]:
    return {"quota": "Q", "cell": cell, "result": result}


def test_a_place_then_a_draw_are_waited_for_one_at_a_time() -> None:
    interview = Scenario(EFFECTS).answer(A=1)
    assert interview.route.needs == (NeedsPlace("Q", "U"),)
    assert (interview.route.next, interview.route.outcome) == (None, None)

    interview.do("quota_result", **place("held"))
    assert interview.route.needs == (NeedsDraw("D", "U", ("X", "Y")),)

    interview.do("draw", name="D", value="X")
    assert (interview.route.needs, interview.route.next) == ((), "B")


@pytest.mark.parametrize(("result", "outcome"), [("full", "QUOTA"), ("outside", None)])
def test_a_full_cell_ends_and_outside_goes_on(result: str, outcome: str | None) -> None:
    assert (
        Scenario(EFFECTS).answer(A=1).do("quota_result", **place(result)).route.outcome == outcome
    )


def test_an_unclassified_respondent_needs_no_place() -> None:
    assert Scenario(EFFECTS).answer(A="dk").route.needs == (NeedsDraw("D", "", ("X", "Y")),)


def test_a_changed_cell_needs_a_new_place_and_is_not_drawn_again() -> None:
    interview = Scenario(EFFECTS).answer(A=1).do("quota_result", **place("held"))
    interview.do("draw", name="D", value="Y").do("draw", name="D", value="X").answer(A=2)

    assert interview.route.needs == (NeedsPlace("Q", "D"),)
    assert interview.walker.state.draws == {"D": "Y"}


def test_a_released_place_is_asked_for_again() -> None:
    interview = Scenario(EFFECTS).answer(A=1).do("quota_result", **place("held"))

    interview.do("quota_result", **place("released"))

    assert interview.route.needs == (NeedsPlace("Q", "U"),)


# --- 12: grids and rosters

ROSTER = """
- {code: N, type: integer, text: N ?, bounds: [0, 6]}
- roster: ENFANTS
  count: N
  max: 3
  items:
  - {code: AGE, type: integer, text: Âge ?, bounds: [0, 17]}
  - {code: ECOLE, type: text, text: "École à {{ AGE }} ans ?", ask_if: AGE >= 3}
- {compute: TOTAL, type: integer, value: sum(AGE)}
- {code: GARDE, type: text, text: G ?, ask_if: any(AGE < 3)}
"""


def test_each_line_of_a_grid_has_its_own_filter_and_special() -> None:
    interview = Scenario(
        f"- {{code: A, {YES_NO}}}\n"
        "- {grid: G, text: Êtes-vous satisfait…, choices: oui4, rows: [\n"
        "    {code: G1, text: un ?}, {code: G2, text: deux ?, ask_if: A == 1}]}"
    ).answer(A=2, G1="dk")

    assert interview.asked == ["A", "G1"]
    assert interview.program.instrument.item("G2").stem == "Êtes-vous satisfait…"


def test_a_roster_asks_each_instance_and_folds_over_them() -> None:
    interview = Scenario(ROSTER).answer(N=2, AGE__1=2, AGE__2=9, ECOLE__2="Oui")

    assert interview.asked == ["N", "AGE@1", "AGE@2", "ECOLE@2", "GARDE"]
    assert interview.route.computed == {"TOTAL": 11}


def test_shrinking_a_roster_parks_and_growing_brings_back() -> None:
    interview = Scenario(ROSTER).answer(N=2, AGE__1=1, AGE__2=2, GARDE="x")

    interview.answer(N=1)
    assert (interview.route.parked, interview.value("TOTAL")) == (("AGE@2",), 1)

    interview.answer(N=2)
    assert (interview.route.next, interview.route.to_confirm) == ("AGE@2", ("AGE@2",))


def test_the_id_of_a_removed_instance_is_never_given_again() -> None:
    interview = Scenario(ROSTER).answer(N=2, AGE__1=1, AGE__2=2)

    interview.do("clear", "ENFANTS@1")
    assert interview.asked == ["N", "AGE@2", "AGE@3"]
    assert interview.route.parked == ("AGE@1",)

    interview.answer(N=3)
    assert interview.walker.on_route("AGE@4")
    assert not interview.walker.on_route("AGE@1")


def test_a_roster_is_never_longer_than_its_maximum() -> None:
    interview = Scenario(ROSTER).answer(N=6, AGE__1=1, AGE__2=1, AGE__3=1)

    assert interview.asked == ["N", "AGE@1", "AGE@2", "AGE@3", "GARDE"]


def test_an_aggregate_over_something_not_known_is_unknown() -> None:
    interview = Scenario(ROSTER).answer(N=2, AGE__1="dk", AGE__2=9, ECOLE__2="Oui")

    assert interview.route.computed == {"TOTAL": None}
    assert interview.route.outcome == "complete"


def test_english_stands_beside_french() -> None:
    manifest = MANIFEST.replace("specials:", "languages: [en]\nspecials:")
    interview = Scenario(
        "- {code: A, type: single, text: Oui ?, en: {text: 'Yes?'},\n"
        "   choices: {1: {label: Oui, en: 'Yes'}, 2: {label: Non, en: 'No'}}}", manifest
    )  # fmt: skip
    item = interview.program.instrument.item("A")

    assert item.translations == {"en": {"text": "Yes?"}}
    assert [choice.translations for choice in item.choices] == [{"en": "Yes"}, {"en": "No"}]


# --- what one answer costs


def test_one_answer_evaluates_what_depends_on_it_however_long_the_questionnaire() -> None:
    def cost(copies: int) -> int:
        rows = "".join(
            f"- {{code: A{n}, {YES_NO}}}\n- {{code: B{n}, {YES_NO}, ask_if: A{n} == 1}}\n"
            for n in range(copies)
        )
        interview = Scenario(rows).answer(A0=1)
        before = interview.walker.evaluated
        interview.answer(A0=2)
        return interview.walker.evaluated - before

    assert cost(2) == cost(200) == 2
