"""Complete interviews without a telephone: respondents who answer the whole questionnaire.

`units()` are 1,500 respondents of the demo with the five criteria of the margins; `interviewed`
writes one complete, counted interview per unit, with answers that lead to those criteria.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cati.models import Case, CaseInterview, Place, QuotaCell, Wave
from cati.models.people import User
from cati.operations import jobs
from questionnaire.core.instrument import Item
from questionnaire.core.program import Program
from questionnaire.core.routing import NeedsDraw, Walker
from questionnaire.core.state import Event, State
from questionnaire.models import Interview
from questionnaire.queries import program_of
from tests.world import NOW
from weighting.models import WeightingRun
from weighting.operations import runs
from weighting.operations.margins import load_demo_margins
from weighting.queries import ROLES

UNITS = Path(__file__).parent / "references" / "units_demo.csv"
SECTORS = ("CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA", "T1", "T2")
BIRTH_OF_AGE = {1: 2005, 2: 1995, 3: 1975, 4: 1960, 5: 1945}
LOG01_OF_STATUS = {1: 1, 2: 2, 3: 3, 4: 5}

Unit = Mapping[str, str]


def units(every: int = 1) -> list[Unit]:
    """The reference respondents, one of `every`."""
    with UNITS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))[::every]


def interviewed(
    wave: Wave,
    people: Iterable[Unit],
    *,
    seed: int = 1,
    place: str = Place.State.CONFIRMED,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Interview]:
    """A case with a complete interview for each; `answers` are given as they are, where asked."""
    program, rng = program_of(wave.version), random.Random(seed)  # type: ignore[arg-type]
    cells = {cell.sector.code: cell for cell in QuotaCell.objects.filter(wave=wave)}
    sectors = {sector.code: sector for sector in wave.sectors.all()}
    number = 10_000 + wave.cases.count()
    interviews = []
    for rank, unit in enumerate(people, start=1):
        state = played(program, unit, rng, answers or {})
        interview = Interview.objects.create(
            version=wave.version,
            answers=state.to_json(),
            sector=unit["secteur"],
            outcome="complete",
            started_at=NOW,
            last_event_at=NOW,
            ended_at=NOW,
        )
        case = Case.objects.create(
            wave=wave,
            number=number + rank,
            frame_sector=sectors[unit["secteur"]],
            state=Case.State.CLOSED,
            due_at=NOW,
        )
        CaseInterview.objects.create(case=case, interview=interview)
        Place.objects.create(
            interview=interview, cell=cells[unit["secteur"]], state=place, since=NOW
        )
        interviews.append(interview)
    return interviews


def copied(wave: Wave, people: Sequence[Unit], models: Sequence[Interview]) -> None:
    """Make them as many as `people`: the others answer as one of `models`, with their own roles."""
    rest = counted_by_criteria(wave, people[len(models) :])
    for rank, (interview, unit) in enumerate(zip(rest, people[len(models) :], strict=True)):
        interview.answers = models[rank % len(models)].answers | {"roles": roles(unit)}
    Interview.objects.bulk_update(rest, ["answers"], batch_size=200)


def counted_by_criteria(wave: Wave, people: Sequence[Unit]) -> list[Interview]:
    """Counted interviews whose projections hold roles alone: enough to be weighted, and quick."""
    version, sectors = wave.version, {sector.code: sector for sector in wave.sectors.all()}
    cells = {cell.sector.code: cell for cell in QuotaCell.objects.filter(wave=wave)}
    assert version is not None
    times = {"started_at": NOW, "last_event_at": NOW, "ended_at": NOW}
    interviews = Interview.objects.bulk_create(
        Interview(
            version=version,
            sector=unit["secteur"],
            outcome="complete",
            answers={"roles": roles(unit)},
            **times,
        )
        for unit in people
    )
    cases = Case.objects.bulk_create(
        Case(wave=wave, number=20_000 + rank, frame_sector=sectors[unit["secteur"]], due_at=NOW)
        for rank, unit in enumerate(people)
    )
    CaseInterview.objects.bulk_create(
        CaseInterview(case=case, interview=interview)
        for case, interview in zip(cases, interviews, strict=True)
    )
    Place.objects.bulk_create(
        Place(interview=interview, cell=cells[unit["secteur"]], state="confirmed", since=NOW)
        for interview, unit in zip(interviews, people, strict=True)
    )
    return interviews


def roles(unit: Unit) -> dict[str, Any]:
    return {"sector": unit["secteur"]} | {
        role: int(unit[criterion]) for criterion, role in ROLES.items()
    }


def played(
    program: Program, unit: Unit, rng: random.Random, given: Mapping[str, Mapping[str, Any]]
) -> State:
    """A whole interview: the unit's criteria, the given answers, chance for the rest."""
    state = State(inputs={"SECTEUR_FICHIER": unit["secteur"], "ENQUETEUR": "Nadia"})
    walker = Walker(program, state)
    fixed = criteria(unit) | dict(given)
    while walker.outcome() is None:
        if walker.needs():
            walker.step(_provided(walker))
            continue
        key = walker.next()
        assert key is not None
        item: Item = program.node(key).entry
        if item.type == "info":
            walker.step(Event("seen", key))
            continue
        value = fixed.get(key) or _drawn(walker, key, item, rng)
        walker.step(Event("answer", key, value=value))
        _confirm(walker)
    assert walker.outcome() == "complete", (walker.outcome(), unit)
    return walker.state


def criteria(unit: Unit) -> dict[str, Mapping[str, Any]]:
    """Answers that lead to the unit's sector and five criteria, for somebody who is eligible."""
    plain = {
        "S01": 1, "S10": 1, "S02": 1, "S03": 1, "S06": 1, "D01": 2, "D02": 1, "EDU01": 1,
        "S05": SECTORS.index(unit["secteur"]) + 1,
        "S08": BIRTH_OF_AGE[int(unit["age"])],
        "S09": int(unit["sexe"]),
        "EMP01": int(unit["emploi"]),
        "LOG01": LOG01_OF_STATUS[int(unit["statut_occupation"])],
        "D03": int(unit["composition_familiale"]),
    }  # fmt: skip
    return {code: {"v": value} for code, value in plain.items()}


def _provided(walker: Walker) -> Event:
    need = walker.needs()[0]
    if isinstance(need, NeedsDraw):
        return Event("draw", value={"name": need.name, "value": need.values[0]})
    return Event("quota_result", value={"quota": need.quota, "cell": need.cell, "result": "held"})


def _drawn(walker: Walker, key: str, item: Item, rng: random.Random) -> dict[str, Any]:
    if item.store == "contact":
        return {"given": True}
    if item.specials and rng.random() < 0.1:
        return {"special": rng.choice(item.specials)}
    if item.type == "multiple":
        free = [choice.code for choice in item.choices if not choice.exclusive]
        return {"v": sorted(rng.sample(free, min(rng.randint(1, item.max or 3), len(free))))}
    if item.choices:
        return {"v": rng.choice(item.choices).code}
    if item.type in ("integer", "decimal"):
        low, high = walker.bounds(key)
        return {"v": rng.randint(int(low), int(high))}
    return {"v": f"mot {rng.randint(1, 9)}"}


def _confirm(walker: Walker) -> None:
    for failure in walker.route().soft_failures:
        walker.step(Event("confirm", failure.key, value={"check": failure.check}))


def weighted(
    wave: Wave, by: User, method: str = "raking", bounds: tuple[float, float] | None = None
) -> WeightingRun:
    """The run of a job that was done at once, on the demo's margins."""
    if not wave.margin_sets.exists():
        load_demo_margins(wave)
    job = runs.ask_for_run(wave, method, bounds, by, NOW)
    assert jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return WeightingRun.objects.get(job=job)


def counts(people: Sequence[Unit]) -> dict[str, int]:
    """How many of them live in each sector."""
    return {code: sum(unit["secteur"] == code for unit in people) for code in SECTORS}
