"""A questionnaire that changes while it is being answered.

1. An interview begun on version 1 finishes on it; the next one begins on version 2.
2. A code that would mean another thing is refused, by name; so is another type; a correction of
   words must be declared. Every version with interviews counts, not the last one alone.
3. Before any interview, everything may change.
4. What no interview could begin on is refused; a closed wave keeps what it has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cati.models import Case, Wave
from cati.operations.errors import Refused
from cati.operations.versions import propose, publish_for_wave
from questionnaire.core.instrument import (
    Choice,
    Group,
    Input,
    Instrument,
    Item,
    from_json,
)
from questionnaire.models import InstrumentVersion, Interview
from questionnaire.operations import rebuild
from questionnaire.queries import program_of
from tests.cati.test_interview_life import Call
from tests.world import World, content

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

LOCAL = Item("NUM99", "single", "Un lieu d’aide au numérique vous manque-t-il ?", "NUM",
             (Choice(1, "Oui"), Choice(2, "Non")))  # fmt: skip


def edited(
    code: str, edit: Callable[[Item], Item | None], *more: Item, of: Instrument | None = None
) -> Instrument:
    """The survey's questionnaire with one item changed (or dropped), and `more` put after it."""

    def entries(given: tuple[Any, ...]) -> tuple[Any, ...]:
        row: list[Any] = []
        for one in given:
            if isinstance(one, Group):
                one = dataclasses.replace(one, entries=entries(one.entries))
            if isinstance(one, Item) and one.code == code:
                changed = edit(one)
                row += [*([changed] if changed else []), *more]
            else:
                row.append(one)
        return tuple(row)

    whole = of or from_json(content())
    themes = (dataclasses.replace(one, entries=entries(one.entries)) for one in whole.themes)
    return dataclasses.replace(whole, themes=tuple(themes))


def labelled(item: Item, **labels: str) -> Item:
    """The item with other labels: `labelled(item, _1="Oui")`; '' drops the code."""
    given = {int(name[1:]): label for name, label in labels.items()}
    kept = (dataclasses.replace(one, label=given.pop(one.code, one.label)) for one in item.choices)
    choices = [one for one in kept if one.label]
    choices += [Choice(code, label) for code, label in given.items()]
    return dataclasses.replace(item, choices=tuple(choices))


def relabelled(code: str, **labels: str) -> Instrument:
    return edited(code, lambda item: labelled(item, **labels))


def second_version() -> Instrument:
    """A question more, another one gone, and a code more."""
    whole = edited("NUM09", lambda item: None, LOCAL)
    return edited("NUM07", lambda item: labelled(item, _5="Ne sait pas ce que c’est"), of=whole)


def publish(world: World, instrument: Instrument, *, wording: bool = False) -> InstrumentVersion:
    return publish_for_wave(
        world.wave, instrument, actor=world.alain, now=world.now, accept_wording=wording
    )


def refused(world: World, instrument: Instrument, *, wording: bool = False) -> dict[str, str]:
    with pytest.raises(Refused) as refusal:
        publish(world, instrument, wording=wording)
    assert InstrumentVersion.objects.count() == 1
    return refusal.value.messages


@pytest.fixture
def begun(world: World) -> Call:
    """Nadia is in an interview on version 1, past the sector."""
    call = Call(world, world.nadia)
    call.to_sector()
    return call


# ------------------------------------------------------------------- 1. two versions at once


def test_an_interview_finishes_on_its_version_and_the_next_begins_on_the_new_one(
    world: World, begun: Call
) -> None:
    version = publish(world, second_version())
    assert (version.number, version.published_by) == (2, world.alain)
    other = Call(world, world.yann)
    other.to_sector(1)

    for call in (begun, other):
        assert call.to_the_end()["outcome"] == "complete"
        assert call.end("10")["counted"] is True
    first, second = begun.interview(), other.interview()
    assert (first.version.number, second.version.number) == (1, 2)
    assert set(first.events.values_list("version__number", flat=True)) == {1}
    assert set(second.events.values_list("version__number", flat=True)) == {2}
    assert "NUM09" in asked(first) and "NUM99" not in asked(first)
    assert "NUM99" in asked(second) and "NUM09" not in asked(second)
    assert rebuild(first) == rebuild(second) == []


def asked(interview: Interview) -> set[str]:
    return set(
        interview.events.filter(kind__in=["answer", "special"]).values_list("item", flat=True)
    )


def test_a_suspended_interview_is_resumed_on_its_own_version(world: World, begun: Call) -> None:
    begun.end("20", at=world.now + timedelta(hours=2))
    publish(world, second_version())
    world.now += timedelta(hours=2, minutes=1)
    again = Call(world, world.nadia)
    assert again.case.pk == begun.case.pk
    assert again.begin().version.number == 1
    again.to_the_end()
    assert "NUM99" not in asked(again.interview())


def test_the_same_content_again_is_no_new_version(world: World) -> None:
    assert "rien n’est à publier" in refused(world, from_json(content()))[""]


# ------------------------------------------------------------------------------ 2. meaning


@pytest.mark.parametrize("wording", [False, True])
@pytest.mark.parametrize(
    ("proposed", "fields", "says"),
    [
        (
            lambda: relabelled("NUM01", _1="Non", _2="Oui"),
            {"NUM01 1", "NUM01 2"},
            "le code 2 porte",
        ),
        (
            lambda: relabelled("LOG09", _1="Pas un problème", _3=""),
            {"LOG09 1"},
            "« Une charge très lourde » deviendrait « Pas un problème »",
        ),
        (
            lambda: edited("D08A", lambda item: dataclasses.replace(item, type="decimal")),
            {"D08A"},
            "« integer » à « decimal »",
        ),
    ],
)
def test_a_code_that_changes_its_meaning_is_refused_by_name(
    world: World,
    begun: Call,
    proposed: Callable[[], Instrument],
    fields: set[str],
    says: str,
    wording: bool,
) -> None:
    messages = refused(world, proposed(), wording=wording)
    assert set(messages) == fields
    assert says in " ".join(messages.values())


def test_other_words_for_a_code_must_be_declared_a_correction(world: World, begun: Call) -> None:
    clearer = relabelled("LOG05", _2="De bonne taille")
    assert set(refused(world, clearer)) == {"LOG05 2"}
    assert publish(world, clearer, wording=True).number == 2


def test_what_was_declared_once_is_not_asked_again(world: World, begun: Call) -> None:
    clearer = relabelled("LOG05", _2="De bonne taille")
    publish(world, clearer, wording=True)
    world.wave.refresh_from_db()
    with_more = dataclasses.replace(clearer, title="Allô Quartiers, suite")
    assert propose(world.wave, with_more).to_declare == ()
    back = propose(world.wave, relabelled("LOG05", _2="De taille moyenne"))
    assert [one.after for one in back.to_declare] == ["De taille moyenne"]


def test_spelling_alone_needs_no_declaration(world: World, begun: Call) -> None:
    assert publish(world, relabelled("LOG05", _2="de taille adaptée.")).number == 2


def test_a_code_may_not_come_back_with_another_meaning_two_versions_later(
    world: World, begun: Call
) -> None:
    publish(world, relabelled("LOG09", _3=""))
    back = propose(Wave.objects.get(pk=world.wave.pk), relabelled("LOG09", _3="Ne paie rien"))
    assert [(one.name, one.code) for one in back.to_declare] == [("LOG09", 3)]
    # With the version of the wave alone, code 3 is simply new.
    assert [(one.kind, one.code) for one in back.comparison.changes] == [("code added", 3)]


# ------------------------------------------------------------------- 3. before any interview


def test_before_any_interview_codes_may_change(world: World) -> None:
    version = publish(world, relabelled("NUM01", _1="Non", _2="Oui"))
    world.wave.refresh_from_db()
    assert world.wave.version == version
    assert program_of(version).instrument.item("NUM01").choices[0].label == "Non"


def test_another_wave_keeps_its_version_and_its_interviews_bind_nobody_else(
    world: World, begun: Call
) -> None:
    world.wave, mine = world.other_wave, world.wave
    publish(world, relabelled("NUM01", _1="Non", _2="Oui"))
    mine.refresh_from_db()
    assert mine.version is not None
    assert mine.version.number == 1


# --------------------------------------------------------------------- 4. what cannot begin


def test_a_questionnaire_on_which_no_interview_could_begin_is_refused(world: World) -> None:
    whole = from_json(content())
    other = Input("SELECTION", "text", values=("anniversaire",), default="anniversaire")
    parameters = tuple(other if one.name == other.name else one for one in whole.parameters)
    messages = refused(world, dataclasses.replace(whole, parameters=parameters))
    assert "SELECTION" in messages["parameters"]
    assert not Interview.objects.exists()


def with_preload(kind: str) -> Instrument:
    """The second version, which takes a variable more from the sample."""
    whole = second_version()
    return dataclasses.replace(whole, preloads=(*whole.preloads, Input("ANCIENNETE", kind)))


def test_what_the_sample_knows_of_a_case_reaches_its_interview(world: World) -> None:
    publish(world, with_preload("integer"))
    Case.objects.update(preloads={"ANCIENNETE": 12, "INCONNUE": 1})
    interview = Call(world, world.nadia).begin()
    given = interview.events.filter(kind="preload").values_list("value", flat=True)
    assert {"name": "ANCIENNETE", "v": 12} in given
    assert {"name": "INCONNUE", "v": 1} not in given


def test_a_questionnaire_that_does_not_read_the_sample_is_refused(world: World) -> None:
    Case.objects.filter(number=1).update(preloads={"ANCIENNETE": 12})
    Case.objects.filter(number=2).update(preloads={"ANCIENNETE": "douze"})
    messages = refused(world, with_preload("integer"))
    assert "douze" in messages["parameters"]


def test_a_closed_wave_keeps_its_questionnaire(world: World) -> None:
    Wave.objects.filter(pk=world.wave.pk).update(state="closed")
    assert "close" in refused(world, second_version())[""]
