"""One whole interview by the keyboard alone, from the login to the supervisor's board.

1. An interviewer logs in, takes the next case and calls it.
2. She answers every question on the route by keys, and records outcome 10.
3. The supervisor's board shows the interview counted.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from cati.models import Attempt, Case, Note, Place
from questionnaire.models import Interview
from tests.journeys.driving import answer_everything, answer_until, in_interview, log_in, on
from tests.world import World


def test_an_interview_by_the_keyboard_alone_is_counted_on_the_board(
    live_server: Any, world: World, page: Page, context: BrowserContext
) -> None:
    log_in(page, live_server.url, "nadia")
    expect(page.get_by_role("button", name="Prochaine fiche")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/fiche/*/")
    case = Case.objects.get(holder=world.nadia)

    page.keyboard.press("a")
    expect(page.get_by_text("En communication")).to_be_visible()
    assert Attempt.objects.get(case=case).closed_at is None
    page.keyboard.press("e")
    page.wait_for_url("**/entretien/")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()

    typed = answer_everything(page)
    page.wait_for_url("**/fin/")
    expect(page.get_by_label("Issue", exact=True)).to_have_value("10")
    page.wait_for_timeout(700)  # the closing words are read; a key pressed too soon is ignored
    page.keyboard.press("Enter")
    page.wait_for_url("**/enquete/")
    expect(page.get_by_role("status").first).to_contain_text("Entretien complet")

    assert Attempt.objects.get(case=case).disposition == "10"
    interview = Interview.objects.get(case_link__case=case)
    assert interview.outcome == "complete"
    assert Place.objects.get(interview=interview).state == Place.State.CONFIRMED
    for item, value in typed.items():
        assert interview.answers["answers"][item] == value, item

    assert context.browser is not None
    board = context.browser.new_context(locale="fr-FR").new_page()
    log_in(board, live_server.url, "claire")
    row = board.get_by_role("row").filter(has_text=world.sectors[interview.sector].label)
    expect(row).to_contain_text(f"1 / {world.cells[interview.sector].target}")


def test_a_correction_says_what_leaves_the_route_and_enter_alone_changes_nothing(
    live_server: Any, world: World, page: Page
) -> None:
    interview = in_interview(page, live_server.url, world)
    answer_until(page, "S06")
    page.keyboard.press("Alt+r")
    expect(page.get_by_role("dialog").get_by_role("button", name="S05")).to_be_focused()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    on(page, "S02")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 réponses sortiront du parcours")
    expect(dialog.get_by_role("button", name="Garder la réponse")).to_be_focused()

    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    on(page, "S02")
    expect(page.get_by_label("Code", exact=True)).to_have_value("1")
    interview.refresh_from_db()
    assert interview.answers["answers"]["S02"] == {"v": 1}

    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("m")
    page.wait_for_url("**/fin/")
    interview.refresh_from_db()
    assert interview.answers["answers"]["S02"] == {"v": 2}
    assert interview.answers["parked"] == ["S03", "S04", "S05"]


def test_a_cut_network_keeps_the_answer_and_the_keys_that_follow_it(
    live_server: Any, world: World, page: Page, context: BrowserContext
) -> None:
    interview = in_interview(page, live_server.url, world)
    context.set_offline(True)
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    state = page.locator("#save")
    expect(state).to_contain_text("Réseau coupé, continuez : 1 réponse en attente")
    # She goes on: S10 is answered « oui », S11 « non », before the first reply is back.
    for key in ("1", "Enter", "2", "Enter"):
        page.keyboard.press(key)
    context.set_offline(False)
    on(page, "S02")
    expect(state).to_contain_text("Tout est enregistré")
    interview.refresh_from_db()
    kept = interview.answers["answers"]
    assert [kept[item] for item in ("S01", "S10", "S11")] == [{"v": 1}, {"v": 1}, {"v": 2}]
    assert interview.events.filter(kind="answer").count() == 3


def test_a_double_press_of_enter_skips_nothing(live_server: Any, world: World, page: Page) -> None:
    in_interview(page, live_server.url, world)
    answer_until(page, "S05")
    # The neighbourhood of the sample stands ready: only an Enter of its own confirms it.
    page.keyboard.press("PageUp")
    on(page, "S04")
    # Both in one turn of the page: on a loaded machine two presses from here are two decisions.
    page.evaluate(
        "for (const _ of [1, 2]) document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', code: 'Enter', bubbles: true}))"
    )
    on(page, "S05")
    page.wait_for_timeout(300)
    on(page, "S05")


def test_a_note_is_kept_without_leaving_the_question(
    live_server: Any, world: World, page: Page
) -> None:
    in_interview(page, live_server.url, world)
    page.keyboard.press("Alt+b")
    page.keyboard.type("Parle vite, relire les échelles")
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_contain_text("Parle vite, relire les échelles")
    on(page, "S01")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    on(page, "S10")
    assert Note.objects.get().item == "S01"
