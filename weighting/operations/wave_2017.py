"""The wave of 2017, reconstituted: invented respondents whose tables come out as published.

Everybody has a case without contact data, a journal that the engine accepted answer by answer, a
counted place and a weight of calibration. Nothing is drawn but from the committed published
figures and demo margins, so that the wave is the same wherever it is made.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from cati.core.encounters import COMPLETE, Script
from cati.core.population import Profile
from cati.core.respondents import SECTORS, Respondent, Value
from cati.models import Case, Membership, Place, QuotaCell, Role, Sector, User, Wave
from cati.operations import jobs
from cati.operations.demo import load_published_sectors, standing_demo
from cati.operations.demo_journals import Journals, Line
from cati.operations.errors import Refused
from cati.operations.quotas import recount
from cati.operations.setup_wave import (
    create_wave,
    published_sectors,
)
from questionnaire.core.instrument import Item
from questionnaire.core.load import load_instrument
from questionnaire.core.state import Event
from questionnaire.models import InstrumentVersion
from questionnaire.operations import publish
from weighting.core.calibration import calibrate
from weighting.core.criteria import Rules
from weighting.core.demo import demo_collapses, demo_margins
from weighting.core.demo_population import demo_populations
from weighting.core.units import Column, Floats, Units
from weighting.core.wave_2017 import People, Territories, Told, told
from weighting.models import WeightingRun
from weighting.operations import runs
from weighting.operations.margins import load_demo_margins

NAME, SLUG, YEAR = "2017 synthétique", "2017", 2017
INSTRUMENT = "allo_quartiers_2017"
# The themes that the published figures are about, and those that weights and routes need.
THEMES = ("S", "PRO", "LOG", "EMP", "EDU", "INS", "NUM", "BIE", "SAN", "D", "F")
PARAMETERS = {"ANNEE": YEAR, "SELECTION": "quotas", "MODULES": False}
SEED = "2017"
JOBLESS = (2, 5)  # categories of employment: unemployed, otherwise inactive
EASE: tuple[Value, ...] = ({"v": 1}, {"v": 2}, {"special": "dk"}, {"v": 3}, {"v": 4})
SUPPORT: tuple[Value, ...] = ({"v": 1}, {"v": 2}, {"special": "dk"})
NO_SERVICE = 8


@dataclass(frozen=True)
class Reconstituted(Respondent):
    """A respondent who says what was published wherever that settles it."""

    said: Mapping[str, Value] = field(default_factory=dict)

    def answer(self, item: Item, bounds: tuple[Any, Any] = (None, None), turn: int = 0) -> Value:
        if item.code in self.said:
            return self.said[item.code]
        return super().answer(item, bounds, turn)


def prepare_wave_2017(now: datetime) -> Wave:
    """The wave with its official weights; as it stands where it was made before.

    Refused where DEMO is off, or where another wave has its place.
    """
    if not settings.DEMO:
        raise Refused({"": _("La vague reconstituée n’existe que là où DEMO=1.")})
    with transaction.atomic():
        if wave := standing_demo(SLUG):
            return wave
        wave = _wave(now)
        people = _respondents()
        _interview(wave, people)
        load_demo_margins(wave)
        _enrol(wave)
    _weigh(wave, now)
    return wave


def _wave(now: datetime) -> Wave:
    wave = create_wave(
        NAME,
        SLUG,
        YEAR,
        now=now,
        version=_version(now),
        parameters=PARAMETERS,
        state=Wave.State.CLOSED,
        is_demo=True,
    )
    load_published_sectors(wave)
    return wave


def _version(now: datetime) -> InstrumentVersion:
    whole = load_instrument(settings.BASE_DIR / "questionnaire" / "instruments" / "allo_quartiers")
    short = replace(whole, themes=tuple(one for one in whole.themes if one.code in THEMES))
    return publish(short, name=INSTRUMENT, actor=None, now=now)


def _respondents() -> dict[str, list[Reconstituted]]:
    """{sector: its respondents}: criteria, then the weights they will have, then answers."""
    rows = published_sectors()
    sizes = {row.code: row.target for row in rows if row.target is not None}
    populations = demo_populations()
    profiles = {
        sector: populations[sector].sample(size, f"{SEED}:{sector}:0")
        for sector, size in sizes.items()
    }
    weights = _weights(profiles)
    people = {sector: _people(its, weights[sector]) for sector, its in profiles.items()}
    surveyed = [row for row in rows if not row.members]
    places = Territories(
        {row.code: row.members for row in rows if row.members},
        {row.code: row.population for row in surveyed},
        {row.code: row.adults for row in surveyed},
    )
    answers = told(people, places)
    return {
        sector: [
            Reconstituted(
                profile, sector, YEAR, f"{SEED}:{sector}:{rank}", _said(answers[sector], rank)
            )
            for rank, profile in enumerate(its)
        ]
        for sector, its in profiles.items()
    }


def _weights(profiles: Mapping[str, Sequence[Profile]]) -> dict[str, Floats]:
    """The weights that calibration gives them, which the wave's own run finds again."""
    flat = [(sector, one) for sector, its in profiles.items() for one in its]
    criteria = {
        "sexe": [str(one.sex) for _sector, one in flat],
        "age": [str(one.age) for _sector, one in flat],
        "emploi": [str(one.employment) for _sector, one in flat],
        "statut_occupation": [str(one.tenure) for _sector, one in flat],
        "composition_familiale": [str(one.household) for _sector, one in flat],
    }
    strata = Column.of([sector for sector, _one in flat])
    units = Units(
        strata, np.ones(len(flat)), {name: Column.of(codes) for name, codes in criteria.items()}
    )
    rules = Rules(collapses=demo_collapses(), rescale=True)
    result = calibrate(units, demo_margins(), rules=rules)
    if not result.converged:
        raise ValueError("; ".join(problem.message for problem in result.problems))
    own = np.array(strata.categories)[strata.codes]
    return {sector: result.weights[own == sector] for sector in profiles}


def _people(profiles: Sequence[Profile], weights: Floats) -> People:
    return People(
        weights,
        np.array([one.internet - 1 for one in profiles]),
        np.array([one.ease - 1 for one in profiles]),
        np.array([one.employment in JOBLESS for one in profiles]),
    )


def _said(answers: Told, rank: int) -> dict[str, Value]:
    said: dict[str, Value] = {
        "NUM01": {"v": 1 if answers.equipped[rank] else 2},
        "NUM02": {"v": int(answers.internet[rank]) + 1},
        "NUM03": EASE[answers.ease[rank]],
        "NUM04": SUPPORT[answers.support[rank]],
    }
    if answers.no_service[rank]:
        return said | {"INS01": {"v": [NO_SERVICE]}}
    return said | {"INS01": {"v": [1 + rank % (NO_SERVICE - 1)]}}


def _interview(wave: Wave, people: Mapping[str, Sequence[Reconstituted]]) -> None:
    """Journals of whole interviews, one after the other over the autumn of 2017."""
    sectors = {sector.code: sector for sector in wave.sectors.all()}
    actor = User.objects.filter(is_demo=True).order_by("pk").first() or _nobody()
    ordered = [one for code in SECTORS for one in people[code]]
    cases = _cases(wave, sectors, ordered)
    journals = Journals(wave, random.Random(SEED))  # noqa: S311 (inventions, not secrets)
    at = datetime(YEAR, 10, 2, 8, tzinfo=UTC)
    lines: list[tuple[Line, datetime]] = []
    for case, one in zip(cases, ordered, strict=True):
        line = journals.begin(case, actor, at)
        at = journals.talk(line, Script(COMPLETE, one), COMPLETE, at)
        if line.given_code != COMPLETE.code:
            raise ValueError(f"an interview of {one.sector} ends with {line.given_code!r}")
        line.add(Event("end", value={"outcome": "complete", "temporary": False}), at)
        lines.append((line, at))
    journals.write()
    _count(wave, lines)


def _nobody() -> User:
    """Who interviewed is not known: the journal names an account that nobody can open."""
    user, _made = User.objects.get_or_create(
        username="vague-2017", defaults={"is_active": False, "is_demo": True}
    )
    return user


def _cases(
    wave: Wave, sectors: Mapping[str, Sector], people: Sequence[Reconstituted]
) -> list[Case]:
    at = datetime(YEAR, 10, 2, 8, tzinfo=UTC)
    return Case.objects.bulk_create(
        Case(
            wave=wave,
            number=number,
            frame_sector=sectors[one.sector],
            state=Case.State.CLOSED,
            disposition=COMPLETE.code,
            screened=True,
            due_at=at,
        )
        for number, one in enumerate(people, start=1)
    )


def _count(wave: Wave, lines: Sequence[tuple[Line, datetime]]) -> None:
    cells = {cell.sector.code: cell for cell in wave.cells.select_related("sector")}
    Place.objects.bulk_create(
        Place(
            interview=line.interview,
            cell=cells[line.sector],
            state=Place.State.CONFIRMED,
            since=at,
        )
        for line, at in lines
    )
    for code, cell in cells.items():
        counted = sum(line.sector == code for line, _at in lines)
        QuotaCell.objects.filter(pk=cell.pk).update(counted=F("counted") + counted)
    recount(wave)


def _enrol(wave: Wave) -> None:
    """Whoever supervises or administers a demo wave sees this one too."""
    roles = Membership.objects.filter(
        user__is_demo=True, wave__is_demo=True, role__in=[Role.SUPERVISOR, Role.ADMIN]
    )
    Membership.objects.bulk_create(
        (
            Membership(user_id=user, wave=wave, role=role)
            for user, role in roles.values_list("user", "role").distinct()
        ),
        ignore_conflicts=True,
    )


def _weigh(wave: Wave, now: datetime) -> None:
    """The official run, by the job that every wave's weights come from."""
    job = runs.ask_for_run(wave, "raking", None, None, now)
    jobs.run(job.pk, lambda: now)
    job.refresh_from_db()
    if job.state != job.State.DONE:
        raise Refused({"": job.error})
    runs.make_official(WeightingRun.objects.get(job=job), None, "", now)
