"""An instrument that has, beside plain questions, everything that a format may stumble over.

A name of 70 characters and one that is a word of SPSS, names that differ by case alone, a label of
300 accented characters, one that is a formula and a script, choices of both, « autre », a roster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cati.models import Case, CaseInterview, Job, Place, QuotaCell, Wave
from questionnaire.core.instrument import (
    Choice,
    Compute,
    Draw,
    Entry,
    Group,
    Instrument,
    Item,
    Theme,
    content_hash,
    to_json,
)
from questionnaire.core.routing import State, Walker
from questionnaire.models import InstrumentVersion, Interview
from questionnaire.queries import program_of
from tests.world import NOW
from weighting.models import ModuleWeight, Weight, WeightingRun

POLYGLOT = "=cmd|' /C calc'!A0 \"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
LONG_NAME = "NOM_" + "TRES_" * 12 + "LONG_X"
LONG_LABEL = "é" * 299 + "?"
BROKEN = 'Première ligne\nseconde « ligne »\r\n\ttroisième, "entre" guillemets ; \\N'
LONG_TEXT = "à" * 3000
YES_NO = (Choice(1, "Oui"), Choice(2, "Non"))


def instrument(*, later: bool = False) -> Instrument:
    """The first version; `later` drops a code of WITH, adds another, and asks one more question."""
    theme = "T"
    words = (YES_NO[0], Choice(3, "Peut-être")) if later else YES_NO
    entries: list[Entry] = [
        Draw("MODULE", ("A", "B")),
        Item("Q1", "single", LONG_LABEL, theme, YES_NO),
        Item("Q2", "single", POLYGLOT, theme, (Choice(1, POLYGLOT), Choice(2, LONG_LABEL)),
             ask_if="Q1 == 1"),
        Item("Q3", "multiple", POLYGLOT, theme,
             (Choice(1, "Un"), Choice(2, "Deux"), Choice(9, "Autre", other=True))),
        Item("Q4", "integer", "Combien ?", theme, bounds=(-5, 10**6)),
        Item("Q5", "text", "Pourquoi ?", theme),
        Item("Q6", "decimal", "Quelle part ?", theme, specials=(), bounds=(-1, 1)),
        Item("M1", "single", "Du module A", theme, YES_NO, module="A"),
        Item("M2", "text", "Du module B", theme, module="B"),
        Item(LONG_NAME, "single", "Nom long", theme, YES_NO, specials=("dk", "refused", "na")),
        Item("WITH", "single", "Mot de SPSS", theme, words),
        Item("Weight", "single", "Comme le poids", theme, YES_NO),
        Item("ADRESSE", "text", "Adresse", theme, store="contact"),
        Compute("DOUBLE", "integer", "Q4 + Q4"),
        Compute("OUI", "boolean", "Q1 == 1 and not dk(Q3)"),
        Compute("MOT", "text", "recode(Q1, {1: 'un', 2: 'deux'})"),
        Item("COMBIEN", "integer", "Combien de personnes ?", theme, bounds=(0, 3)),
        _roster(theme),
    ]  # fmt: skip
    if later:
        entries.append(Item("Q9", "single", "Question nouvelle", theme, YES_NO))
    return Instrument(
        "awkward", "Enquête d’essai", (Theme(theme, "Thème", tuple(entries)),),
        modules={"A": "MODULE == 'A'", "B": "MODULE == 'B'"},
    )  # fmt: skip


def _roster(theme: str) -> Group:
    entries = (
        Item("AGE_P", "integer", "Âge de la personne", theme, bounds=(0, 120), roster="MENAGE"),
        Item("LIEN", "single", "Lien", theme, YES_NO, roster="MENAGE"),
        Compute("MAJEUR", "boolean", "AGE_P >= 18"),
    )
    return Group("roster", "MENAGE", entries, count="COMBIEN", max=3)


def v(value: Any, **more: Any) -> dict[str, Any]:
    return {"v": value, **more}


# What three people said; the second was drawn the other module and does not know much.
PEOPLE: list[Mapping[str, Any]] = [
    {
        "Q1": v(1), "Q2": v(1), "Q3": v([1, 9], other={"9": POLYGLOT}), "Q4": v(98),
        "Q5": v(BROKEN), "Q6": v(0.1), "M1": v(2), LONG_NAME: v(1), "WITH": v(1), "Weight": v(2),
        "ADRESSE": {"given": True}, "COMBIEN": v(2), "AGE_P@1": v(40), "LIEN@1": v(1),
        "AGE_P@2": {"special": "dk"}, "LIEN@2": v(2),
    },
    {
        "Q1": v(2), "Q3": {"special": "dk"}, "Q4": {"special": "refused"}, "Q5": v("dk"),
        "Q6": v(-0.5), "M2": v(POLYGLOT), LONG_NAME: {"special": "na"},
        "WITH": {"special": "refused"}, "Weight": v(1), "ADRESSE": {"special": "refused"},
        "COMBIEN": v(0),
    },
    {
        "Q1": {"special": "dk"}, "Q3": v([2]), "Q4": v(-5), "Q5": v(LONG_TEXT), "Q6": v(1),
        "M1": {"special": "refused"}, LONG_NAME: v(2), "WITH": v(2), "Weight": v(1),
        "ADRESSE": {"given": True}, "COMBIEN": {"special": "dk"},
    },
]  # fmt: skip
DRAWN = ("A", "B", "A")
WEIGHTS = (0.1 + 0.2, 1 / 3, 1e5 / 7)
DRAWN_LATER = "B"
LATER: Mapping[str, Any] = PEOPLE[1] | {"WITH": v(3), "Q9": v(1)}


def published(number: int, *, later: bool = False) -> InstrumentVersion:
    content = to_json(instrument(later=later))
    return InstrumentVersion.objects.create(
        name="awkward", number=number, content=content, hash=content_hash(content),
        published_at=NOW,
    )  # fmt: skip


def interviewed(
    wave: Wave, version: InstrumentVersion, said: Mapping[str, Any], drawn: str
) -> Interview:
    """A complete, counted interview; an answer to Q2 is parked where Q2 is not asked."""
    state = State(answers={"Q2": v(2), **said}, draws={"MODULE": drawn})
    walker = Walker(program_of(version), state)
    assert walker.outcome() == "complete", walker.route()
    interview = Interview.objects.create(
        version=version, answers=walker.state.to_json(), sector="CN", outcome="complete",
        started_at=NOW, last_event_at=NOW, ended_at=NOW,
    )  # fmt: skip
    sector = wave.sectors.get(code="CN")
    number = 50_000 + interview.pk
    case = Case.objects.create(wave=wave, number=number, frame_sector=sector, due_at=NOW)
    CaseInterview.objects.create(case=case, interview=interview)
    cell = QuotaCell.objects.get(wave=wave, sector=sector)
    Place.objects.create(interview=interview, cell=cell, state="confirmed", since=NOW)
    return interview


def fieldwork(wave: Wave) -> WeightingRun:
    """Three interviews on the first version, one on the second, and a run that weighs them."""
    first, second = published(1), published(2, later=True)
    interviews = [
        interviewed(wave, first, said, drawn) for said, drawn in zip(PEOPLE, DRAWN, strict=True)
    ]
    interviews.append(interviewed(wave, second, LATER, DRAWN_LATER))
    run = run_without_interviews(wave, second)
    Weight.objects.bulk_create(
        Weight(run=run, interview=one, sector="CN", weight=w, g_weight=w / 2, diffusion=w * 1.25)
        for one, w in zip(interviews[:3], WEIGHTS, strict=True)
    )
    ModuleWeight.objects.bulk_create(
        ModuleWeight(run=run, module=module, interview=one, weight=2 * w, g_weight=w)
        for one, module, w in zip(interviews[:3], DRAWN, WEIGHTS, strict=True)
    )
    return run


def run_without_interviews(wave: Wave, version: InstrumentVersion) -> WeightingRun:
    """A run of a wave on that version, whose interviews, if any, nobody has weighed."""
    Wave.objects.filter(pk=wave.pk).update(version=version)
    job = Job.objects.create(wave=wave, kind="weights", at=NOW, state=Job.State.DONE)
    return WeightingRun.objects.create(
        wave=Wave.objects.get(pk=wave.pk), job=job, number=1, method="raking", interviews=3,
        official=True, at=NOW,
    )  # fmt: skip
