"""Keys on the interview's screens: log in, get on the line, answer, as an interviewer does."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from questionnaire.models import Interview
from tests.world import PASSWORD, World

# What this respondent says where the first code would end the interview or lead nowhere.
SPOKEN = {
    "S03": "1", "S05": "1", "S06": "2", "S08": "1980", "S09": "2",
    "D01": "2", "EDU01": "0", "TRA01": "2010",
}  # fmt: skip
READ = """() => {
  const question = document.getElementById("question");
  const choices = "#question [name=choice]:not([data-other]):not([data-exclusive])";
  const codes = [...document.querySelectorAll(choices)].map((choice) => Number(choice.value));
  const low = document.getElementById("range")?.innerText.match(/\\d+/)?.[0] ?? "2";
  return question && { ...question.dataset, codes, low };
}"""
NEXT = "#question:not([data-item='{}']), .outcome-form"


def in_interview(page: Page, address: str, world: World) -> Interview:
    """Nadia on the line in Croix-de-Neyrat, at the first question."""
    world.wave.cases.exclude(frame_sector__code="CN").update(state="closed")
    log_in(page, address, "nadia")
    get_on_the_line(page)
    return Interview.objects.get(case_link__case__holder=world.nadia)


def get_on_the_line(page: Page) -> None:
    """From her home to the first question: next case, call, interview."""
    expect(page.get_by_role("button", name="Prochaine fiche")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/fiche/*/")
    page.keyboard.press("a")
    expect(page.get_by_text("En communication")).to_be_visible()
    page.keyboard.press("e")
    page.wait_for_url("**/entretien/")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()


def on(page: Page, item: str) -> None:
    expect(page.locator(f"#question[data-item='{item}']")).to_have_count(1)


def answer_until(page: Page, last: str) -> None:
    while (shown := shown_question(page))["item"] != last:
        keys, _value = reply(shown)
        give(page, shown["item"], keys)


def answer_everything(page: Page) -> dict[str, Any]:
    """Answer by keys until the end, and give back what was typed, as it should be stored."""
    typed: dict[str, Any] = {}
    while shown := shown_question(page):
        item = shown["item"]
        assert item not in typed, f"{item} came twice"
        keys, typed[item] = reply(shown)
        give(page, item, keys)
    return {item: value for item, value in typed.items() if value is not None}


def shown_question(page: Page) -> dict[str, Any]:
    """The question on the screen, read in one go; {} where there is none."""
    return page.evaluate(READ) or {}


def give(page: Page, item: str, keys: str) -> None:
    """Type an answer and wait for what comes after it."""
    if keys in {"F2", "F4"}:
        page.keyboard.press(keys)
    else:
        page.keyboard.type(keys)
    page.keyboard.press("Enter")
    page.locator(NEXT.format(item)).wait_for(state="attached")


def reply(shown: dict[str, Any]) -> tuple[str, Any]:
    """The keys for a question, and the tagged value that they must leave; None for a reading."""
    item, mode = shown["item"], shown["mode"]
    if mode == "info":
        return "", None
    if mode in {"text", "line"}:
        words = f"Rien à ajouter sur {item}"
        return words, {"given": True} if shown["store"] == "contact" else {"v": words}
    if mode in {"number", "decimal"}:
        figure = SPOKEN.get(item, shown["low"])
        return figure, {"v": int(figure)}
    if mode == "many":
        return "1", {"v": [1]}
    code = SPOKEN.get(item, "1")
    return code, {"v": int(code)}


def log_in(page: Page, address: str, name: str, password: str = PASSWORD) -> None:
    page.goto(address)
    expect(page.locator("#id_username")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/v/" in url)
