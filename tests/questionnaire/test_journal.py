"""The journal is the truth of an interview.

1. What was given at the start is journalled: seed, parameters, preloads.
2. An answer that does not fit writes nothing; the message says how to mend it.
3. Replaying the journal gives the projection back, for interviews with corrections.
4. What is kept with the contact never reaches the journal.
5. Publishing the same content gives the same version; an interview stays on its own.
6. A draw is never drawn again; a temporary end leaves the contact to be asked again.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from questionnaire.core.instrument import Instrument
from questionnaire.core.load import load_instrument, load_texts
from questionnaire.core.respondents import random_event, random_value
from questionnaire.core.routing import Event, NeedsDraw
from questionnaire.models import AnswerEvent, InstrumentVersion, Interview
from questionnaire.operations import (
    AnswerRefused,
    EventInput,
    lock_interview,
    preview,
    publish,
    record,
    start_interview,
)
from questionnaire.queries import current_route, program_of, walker_of

NOW = datetime(2026, 3, 17, 14, 0, tzinfo=UTC)
FOLDER = (
    Path(__file__).resolve().parents[2] / "questionnaire" / "instruments" / "allo_quartiers"
)  # fmt: skip
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return load_instrument(FOLDER)


@pytest.fixture
def version(instrument: Instrument) -> InstrumentVersion:
    return publish(instrument, name="allo_quartiers", actor=None, now=NOW)


@pytest.fixture
def interview(version: InstrumentVersion) -> Interview:
    return start_interview(
        version, params={"ANNEE": 2026}, preloads={"SECTEUR_FICHIER": "VE"}, seed=7, actor=None,
        now=NOW,
    )  # fmt: skip


def send(interview: Interview, kind: str, item: str = "", **value: object) -> EventInput:
    event = EventInput(uuid4(), kind, item, value=value)
    record(interview, [event], actor=None, epoch=1, now=NOW)
    return event


def until_sector(interview: Interview) -> None:
    for item, code in (("S01", 1), ("S10", 1), ("S11", 1), ("S02", 1), ("S03", 1)):
        send(interview, "answer", item, v=code)
    send(interview, "answer", "S04", given=True)
    send(interview, "confirm", "S05")


def test_what_an_interview_begins_with_is_journalled(interview: Interview) -> None:
    lines = AnswerEvent.objects.filter(interview=interview).values_list("seq", "kind", "value")

    assert list(lines) == [
        (1, "seed", {"v": 7}),
        (2, "preload", {"name": "ANNEE", "v": 2026}),
        (3, "preload", {"name": "SECTEUR_FICHIER", "v": "VE"}),
    ]


def test_an_answer_that_does_not_fit_writes_nothing(interview: Interview) -> None:
    before = AnswerEvent.objects.count()

    with pytest.raises(AnswerRefused) as refusal:
        send(interview, "answer", "S01", v=12)

    assert refusal.value.messages == [
        "Aucune réponse n’a le code 12. Saisissez un code entre 1 et 9."
    ]
    assert AnswerEvent.objects.count() == before


def test_one_bad_answer_of_several_writes_none_of_them(interview: Interview) -> None:
    events = [
        EventInput(uuid4(), "answer", "S01", value={"v": 1}),
        EventInput(uuid4(), "answer", "S10", value={"v": 9}),
    ]

    with pytest.raises(AnswerRefused):
        record(interview, events, actor=None, epoch=1, now=NOW)

    assert interview.events.count() == 3


@pytest.mark.parametrize(
    ("kind", "item", "value", "message"),
    [
        ("answer", "S10", {"v": 1}, "La question S10 n’est pas posée dans cette situation."),
        ("answer", "X99", {"v": 1}, "La question X99 n’existe pas dans ce questionnaire."),
        ("answer", "S01", {}, "Il manque la réponse."),
        ("answer", "S01", {"v": "1"}, "Aucune réponse n’a le code 1."),
        ("answer", "S01", {"v": True}, "Aucune réponse n’a le code True."),
        ("special", "S01", {"special": "dk"}, "Cette question demande une réponse."),
        ("confirm", "S01", {}, "Il manque la réponse."),
        ("seen", "S01", {}, "La question S01 demande une réponse."),
        ("draw", "", {"name": "MODULE", "value": "C"}, "Le tirage « MODULE » n’a pas"),
        ("preload", "", {"name": "ANNEE", "v": "2026"}, "Le paramètre « ANNEE »"),
        ("preload", "", {"name": "ANNEE", "v": True}, "Le paramètre « ANNEE »"),
        ("preload", "", {"name": "SECTEUR_FICHIER", "v": "ZZ"}, "Le paramètre"),
        ("quota_result", "", {"quota": "SECTEUR", "cell": "VE", "result": "?"}, "Ce résultat"),
        ("seed", "", {"v": "x"}, "La graine du tirage"),
        ("end", "", {}, "La fin d’un entretien a une issue."),
        ("erase", "S01", {}, "Aucun événement ne s’appelle « erase »."),
    ],
)
def test_what_is_refused_says_why(
    interview: Interview, kind: str, item: str, value: dict[str, object], message: str
) -> None:
    with pytest.raises(AnswerRefused, match="^" + message.replace("?", r"\?")):
        send(interview, kind, item, **value)


def test_the_words_kept_with_the_contact_never_reach_the_journal(interview: Interview) -> None:
    for item, code in (("S01", 1), ("S10", 1), ("S11", 1), ("S02", 1), ("S03", 1)):
        send(interview, "answer", item, v=code)

    with pytest.raises(AnswerRefused):
        send(interview, "answer", "S04", v="3 rue des Lilas")
    with pytest.raises(AnswerRefused):
        send(interview, "answer", "S04", given=True, v="3 rue des Lilas")
    send(interview, "answer", "S04", given=True)

    kept = json.dumps(list(interview.events.values_list("value", flat=True)))
    assert "Lilas" not in kept + json.dumps(interview.answers)
    assert interview.next_item == "S05"


def test_a_stray_key_beside_an_answer_is_not_kept(interview: Interview) -> None:
    send(interview, "answer", "S01", v=1, name="Mme Martin")

    assert interview.events.last().value == {"v": 1}  # type: ignore[union-attr]


def test_a_prefilled_answer_is_journalled_when_it_is_confirmed(interview: Interview) -> None:
    until_sector(interview)

    assert interview.events.get(item="S05").value == {"v": 3}
    assert interview.sector == "VE"
    assert [need.cell for need in current_route(interview).needs] == ["VE"]  # type: ignore[union-attr]


def test_a_full_sector_ends_the_interview_and_reopens_when_the_answer_changes(
    interview: Interview,
) -> None:
    until_sector(interview)
    send(interview, "quota_result", quota="SECTEUR", cell="VE", result="full")
    assert (interview.outcome, interview.ended_at) == ("QUOTA", NOW)

    send(interview, "answer", "S05", v=2)

    assert (interview.outcome, interview.ended_at) == ("", None)
    assert [need.cell for need in current_route(interview).needs] == ["CH"]  # type: ignore[union-attr]


def test_a_draw_is_never_drawn_again(interview: Interview) -> None:
    send(interview, "draw", name="MODULE", value="A")

    with pytest.raises(AnswerRefused, match="ne se refait pas"):
        send(interview, "draw", name="MODULE", value="B")


def test_consent_is_dated_and_withdrawn_with_the_answer(interview: Interview) -> None:
    send(interview, "answer", "S01", v=1)
    send(interview, "answer", "S10", v=1)
    assert interview.consent_at == NOW

    send(interview, "answer", "S10", v=3)

    assert interview.consent_at is None
    assert interview.outcome == "40"


def test_after_a_temporary_end_the_contact_is_asked_again_and_nothing_else(
    interview: Interview,
) -> None:
    until_sector(interview)
    send(interview, "quota_result", quota="SECTEUR", cell="VE", result="held")
    send(interview, "draw", name="MODULE", value="A")
    send(interview, "end", outcome="20", temporary=True)
    assert interview.outcome == "20"

    first = interview.next_item
    send(interview, "answer", "S01", v=1)
    second = interview.next_item
    send(interview, "answer", "S10", v=1)

    assert (first, second, interview.next_item) == ("S01", "S10", "S06")
    assert interview.answers["to_confirm"] == []
    assert interview.sector == "VE"


def test_a_preview_changes_nothing(interview: Interview) -> None:
    until_sector(interview)
    before = interview.answers

    effects = preview(interview, EventInput(uuid4(), "answer", "S03", value={"v": 8}))

    assert effects.parked == ("S04", "S05")
    assert effects.outcome == "60"
    interview.refresh_from_db()
    assert interview.answers == before


def test_publishing_the_same_content_gives_the_same_version(
    instrument: Instrument, version: InstrumentVersion
) -> None:
    again = publish(instrument, name="allo_quartiers", actor=None, now=NOW)
    other = load_texts({"t.yaml": "theme: T\ntitle: T\nitems:\n- {code: A, type: text, text: A ?}"})

    second = publish(other, name="allo_quartiers", actor=None, now=NOW)

    assert again == version
    assert (second.number, program_of(second) is program_of(second)) == (2, True)


def test_an_interview_stays_on_the_version_with_which_it_began(interview: Interview) -> None:
    changed = load_texts(
        {"t.yaml": "theme: T\ntitle: T\nitems:\n- {code: NEW, type: text, text: A ?}"}
    )
    publish(changed, name="allo_quartiers", actor=None, now=NOW + timedelta(days=1))

    send(interview, "answer", "S01", v=1)

    assert lock_interview(pk=interview.pk).version.number == 1
    assert interview.next_item == "S10"


def test_rebuilding_finds_every_projection_equal_to_its_journal(version: InstrumentVersion) -> None:
    for seed in range(6):
        play(version, Random(seed))

    out = io.StringIO()
    call_command("rebuild_answers", "--check", stdout=out)

    assert out.getvalue() == "6 interviews, 0 differ from their journal\n"


def test_rebuilding_mends_a_projection_that_was_tampered_with(interview: Interview) -> None:
    send(interview, "answer", "S01", v=1)
    Interview.objects.filter(pk=interview.pk).update(next_item="S01", answers={})

    with pytest.raises(SystemExit):
        call_command("rebuild_answers", "--check", stdout=io.StringIO())
    call_command("rebuild_answers", stdout=io.StringIO())

    mended = Interview.objects.get(pk=interview.pk)
    assert (mended.next_item, mended.answers) == ("S10", interview.answers)


def test_every_value_ever_entered_is_in_the_journal(version: InstrumentVersion) -> None:
    interview, sent = play(version, Random(99))

    kept = list(interview.events.values_list("id", flat=True))

    assert [event.id for event in sent] == kept[-len(sent) :]


def play(version: InstrumentVersion, draw: Random) -> tuple[Interview, list[EventInput]]:
    """A random respondent who comes back on some answers, sent in batches of a few events."""
    interview = start_interview(version, params={}, preloads={}, seed=3, actor=None, now=NOW)
    sent: list[EventInput] = []
    for turn in range(60):
        event = _event(interview, draw)
        if event is None:
            break
        given = EventInput(uuid4(), event.kind, event.item, event.instance, event.value)
        try:
            now = NOW + timedelta(seconds=turn)
            record(interview, [given], actor=None, epoch=1, now=now)
        except AnswerRefused:
            continue
        sent.append(given)
    return interview, sent


def _event(interview: Interview, draw: Random) -> Event | None:
    walker = walker_of(interview)
    for need in walker.needs():
        if isinstance(need, NeedsDraw):
            return Event("draw", value={"name": need.name, "value": draw.choice(need.values)})
        result = draw.choice(["held", "held", "outside", "full"])
        place = {"quota": need.quota, "cell": need.cell, "result": result}
        return Event("quota_result", value=place)
    asked = walker.route().asked
    if draw.random() < 0.3 and asked:
        key = draw.choice(asked)
        return Event("answer", key, value=random_value(walker, key, draw))
    key_next = walker.next()
    return random_event(walker, key_next, draw) if key_next else None


def test_the_command_walks_with_given_answers(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(
        json.dumps({"S01": 1, "TRA04": [1, 7], "S08": 1980, "NUM03": "dk", "MODULE": "A",
                    "SELECTION": "quotas", "ANNEE": 2026})
    )  # fmt: skip
    out = io.StringIO()

    call_command("questionnaire", "walk", str(FOLDER), "--answers", str(answers), stdout=out)

    walked = json.loads(out.getvalue())
    assert (walked["asked"], walked["next"], walked["outcome"]) == (["S01", "S10"], "S10", None)


@pytest.mark.slow
def test_the_command_checks_the_whole_questionnaire() -> None:
    out = io.StringIO()

    call_command("questionnaire", "check", str(FOLDER), stdout=out)

    assert out.getvalue().startswith("228 questions, 20 themes, 91 filtered\n")
    assert out.getvalue().endswith("0 error(s), 0 warning(s)\n")


def test_the_command_shows_the_place_of_an_error_and_fails(tmp_path: Path) -> None:
    (tmp_path / "instrument.yaml").write_text("instrument: x\ntitle: X\nfiles: [a.yaml]\n")
    (tmp_path / "a.yaml").write_text("theme: A\ntitle: A\nitems:\n- {code: A1, typ: text}\n")
    out = io.StringIO()

    with pytest.raises(CommandError):
        call_command("questionnaire", "check", str(tmp_path), stdout=out)

    assert "a.yaml:4:14: Q104 error: typ is not a keyword here." in out.getvalue()
    assert "    - {code: A1, typ: text}\n                 ~~^" in out.getvalue()


def test_the_command_publishes(tmp_path: Path) -> None:
    out = io.StringIO()

    call_command("questionnaire", "publish", str(FOLDER), "--name", "vague", stdout=out)

    assert out.getvalue().split()[0:2] == ["vague", "v1"]
    assert InstrumentVersion.objects.get(name="vague").published_at is not None
