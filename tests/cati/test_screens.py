"""What a question's screen says and weighs, over every question of a whole interview.

1. A line of a grid stands among all lines of its grid, in the order in which they are asked.
2. In English, what is read aloud is English; the page's own words stay French.
3. The time to expect never grows from a question to the next one in source order, and ends low.
4. A question weighs at most 5 kB on the wire, and the first page with all it needs 150 kB.
5. The strip of themes is sent again only where the theme changes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from random import Random

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

from cati.web import screens
from cati.web.sheet import Sheet
from questionnaire.core.pace import seconds_left
from questionnaire.core.respondents import random_walk
from questionnaire.models import InstrumentVersion, Interview
from questionnaire.queries import program_of
from tests.cati.routes import rows_in_hand
from tests.world import NOW, World

pytestmark = pytest.mark.django_db
MOST_BYTES = 5_000
MOST_BYTES_AT_FIRST = 150_000


@pytest.fixture
def sheet(instrument: InstrumentVersion) -> Sheet:
    return told(instrument)


def told(instrument: InstrumentVersion, spoken: str = "") -> Sheet:
    """The longest of some interviews that random respondents have finished."""
    program = program_of(instrument)
    walks = (random_walk(program, Random(seed)) for seed in range(1, 7))
    longest = max(walks, key=lambda walk: len(walk.route().asked))
    answers = longest.state.to_json()
    interview = Interview(version=instrument, answers=answers, started_at=NOW, last_event_at=NOW)
    return Sheet(interview, spoken)


def drawn(sheet: Sheet) -> Iterator[tuple[screens.Screen, str]]:
    """Each question of the interview as its reply carries it, with its themes."""
    for key in sheet.route.asked:
        screen = screens.screen(sheet, key, 3, {})
        context = {"screen": screen, "themes": screens.themes(sheet, key)}
        yield screen, render_to_string("cati/interviewer/question.html", context)


def test_a_line_of_a_grid_stands_among_its_own_in_the_order_asked(sheet: Sheet) -> None:
    grids = [key for key in sheet.route.asked if sheet.item(key).grid]
    assert grids
    for key in grids:
        grid = sheet.item(key).grid
        asked = [one for one in sheet.route.asked if sheet.item(one).grid == grid]
        screen = screens.screen(sheet, key, 3, {})
        assert sheet.lines(key) == asked
        assert screen.asked.line == asked.index(key) + 1
        assert all(line.said for line in screen.asked.lines)


def test_what_is_read_in_english_is_english(instrument: InstrumentVersion) -> None:
    english, french = told(instrument, "en"), told(instrument)
    for (read, html), (written, _html) in zip(drawn(english), drawn(french), strict=True):
        assert read.asked.lang == "en"
        assert read.asked.text != written.asked.text
        assert 'lang="en"' in html
    titles = [{theme["title"] for theme in screens.themes(one, "S01")} for one in (english, french)]
    assert len(titles[0] & titles[1]) < 3  # « Introduction » is a word of both


def test_the_time_to_expect_shrinks_from_question_to_question(sheet: Sheet) -> None:
    left = list(seconds_left(sheet.walker.program).values())[::-1]
    assert left == sorted(left, reverse=True)
    assert 20 * 60 < left[0] < 40 * 60
    assert screens.screen(sheet, sheet.route.asked[-1], 3, {}).left == 1


def test_a_question_weighs_little(sheet: Sheet) -> None:
    weights = {screen.item: len(gzip.compress(html.encode())) for screen, html in drawn(sheet)}
    assert len(weights) > 100
    assert max(weights.values()) <= MOST_BYTES


def test_the_first_page_with_all_that_it_needs_weighs_little(world: World) -> None:
    number = rows_in_hand(world)["number"]
    client: Client = world.client(world.nadia)
    page = client.get(f"/v/{world.wave.slug}/fiche/{number}/entretien/").content
    folder = settings.BASE_DIR / "cati" / "static" / "cati"
    scripts = ("cati.css", "interview.css", "shell.js", "theme.js", "interview.js")
    font = (folder / "fonts" / "source-sans-3-latin.woff2").stat().st_size
    texts = [page, *((folder / name).read_bytes() for name in scripts)]
    assert font + sum(len(gzip.compress(text)) for text in texts) <= MOST_BYTES_AT_FIRST


def test_the_strip_of_themes_comes_again_only_with_another_theme(world: World) -> None:
    rows = rows_in_hand(world)
    interview = Interview.objects.get(pk=rows["interviews"])
    case = interview.case_link.case
    within = screens.question_context(case, interview, NOW, after="S01")
    elsewhere = screens.question_context(case, interview, NOW, after="CAD01")
    assert within is not None and elsewhere is not None
    assert within["themes"] == []
    assert len(elsewhere["themes"]) > 20
