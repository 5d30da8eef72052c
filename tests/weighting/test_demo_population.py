"""The invented population of the demo.

1. Its margins and its answers are those that are given: demo margins, published shares.
2. A sample gives each category its share, and at least three respondents where not collapsed.
3. People under 40 answer half as often as their elders.
4. A respondent is the same for the same seed, fits the questionnaire, and seldom doubts herself.
5. Unweighted, the answers are off what was published; weighted, they are not.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from cati.core.population import AXES, CRITERIA, PROPENSITY, Population, Profile
from cati.core.respondents import Respondent
from cati.operations.setup_wave import published_sectors
from questionnaire.core.instrument import from_json
from questionnaire.core.program import Program, compile_instrument
from questionnaire.core.routing import NeedsDraw, Walker, validate_on
from questionnaire.core.state import Event, State
from tests.weighting import respondents
from tests.weighting.respondents import weighted
from tests.world import World, content
from weighting.core.demo import demo_collapses, demo_margins
from weighting.core.demo_population import (
    TABLES,
    demo_populations,
    demo_sampling,
    published_shares,
)
from weighting.models import Weight

FIELDS = dict(zip(AXES, Profile.__dataclass_fields__, strict=True))
populations = cache(demo_populations)


def targets() -> dict[str, int]:
    return {row.code: row.target for row in published_sectors() if row.target is not None}


@cache
def samples(seed: str = "1") -> dict[str, list[Profile]]:
    """The whole survey: 1,500 respondents by sector."""
    draw = demo_sampling(targets(), seed)
    return {sector: list(draw(sector, 0)) for sector in targets()}


def counts(people: list[Profile], axis: str) -> list[int]:
    found = Counter(getattr(person, FIELDS[axis]) for person in people)
    return [found[code] for code in range(1, max(found) + 1)]


# 1. Margins.


def shares(population: Population, axis: str) -> Any:
    others = tuple(place for place, name in enumerate(AXES) if name != axis)
    return population.joint.sum(axis=others)


def test_the_population_has_the_demo_margins_and_the_published_answers() -> None:
    margins = demo_margins()
    assert set(populations()) == set(targets())
    for sector, population in populations().items():
        for margin in margins[sector]:
            wanted = np.array(list(margin.totals.values())) / margin.total
            assert shares(population, margin.variable) == pytest.approx(wanted, abs=1e-6)
        for item in TABLES:
            wanted = np.array(published_shares(item)[sector])
            assert shares(population, item) == pytest.approx(wanted, abs=1e-6)


def test_the_published_shares_are_read_with_their_stars_and_their_rounding() -> None:
    internet = published_shares("NUM02")
    assert internet["FB"] == pytest.approx((0.13, 0.03, 0.47, 0.37))
    assert internet["T2"] == internet["T1"] == pytest.approx((0.07, 0.01, 0.50, 0.42))
    assert sum(published_shares("NUM03")["CO"]) == pytest.approx(1)


def test_the_older_people_are_the_less_internet_they_have() -> None:
    for population in populations().values():
        by_age = population.joint.sum(axis=tuple(range(2, len(AXES))))
        without = by_age[:, 0] / by_age.sum(axis=1)
        assert (np.diff(without) > 0).all()


# 2. Samples.


@pytest.mark.parametrize("seed", ["1", "2", "2026"])
def test_each_category_has_three_respondents_where_it_is_not_collapsed(seed: str) -> None:
    into = {(one.stratum, one.variable, one.categories[1]): one for one in demo_collapses()}
    for sector, people in samples(seed).items():
        assert len(people) == targets()[sector]
        for margin in demo_margins()[sector]:
            found: Counter[str] = Counter(dict.fromkeys(margin.totals, 0))
            for person in people:
                code = str(getattr(person, FIELDS[margin.variable]))
                collapse = into.get((sector, margin.variable, code))
                found[collapse.categories[0] if collapse else code] += 1
            alone = {code for code in found if (sector, margin.variable, code) not in into}
            assert min(found[code] for code in alone) >= 3, (sector, margin.variable, found)


def test_each_category_has_its_share_among_those_who_answer() -> None:
    for sector, people in samples().items():
        answering = populations()[sector].joint * np.reshape(PROPENSITY, (-1, *[1] * 6))
        answering /= answering.sum()
        for axis in CRITERIA:
            others = tuple(place for place, name in enumerate(AXES) if name != axis)
            wanted = len(people) * answering.sum(axis=others)
            found = np.array((counts(people, axis) + [0] * 5)[: len(wanted)])
            assert (np.abs(found - wanted) <= 4 + 0.08 * wanted).all(), (sector, axis)


def test_half_a_sample_is_as_balanced_as_the_whole() -> None:
    for people in samples().values():
        half, whole = counts(people[: len(people) // 2], "age"), counts(people, "age")
        assert [2 * one for one in half] == pytest.approx(whole, abs=4)


# 3. The young.


def test_people_under_40_answer_half_as_often() -> None:
    for sector, people in samples().items():
        age = next(one for one in demo_margins()[sector] if one.variable == "age")
        population = np.array(list(age.totals.values())) / age.total
        answered = np.array(counts(people, "age")) / len(people)
        young, old = (
            answered[:2].sum() / population[:2].sum(),
            answered[2:].sum() / sum(population[2:]),
        )
        assert young / old == pytest.approx(0.5, abs=0.06)


# 4. Respondents.


@cache
def program() -> Program:
    return compile_instrument(from_json(content()))


def interview(respondent: Respondent) -> tuple[Walker, int]:
    """The whole interview of a respondent, and how many answers she was asked to confirm."""
    inputs = {"SECTEUR_FICHIER": respondent.sector, "ENQUETEUR": "Nadia"}
    walker, doubts = Walker(program(), State(inputs=inputs)), 0
    while walker.outcome() is None:
        if needs := walker.needs():
            need = needs[0]
            if isinstance(need, NeedsDraw):
                value = {"name": need.name, "value": need.values[len(respondent.seed) % 2]}
                walker.step(Event("draw", value=value))
            else:
                value = {"quota": need.quota, "cell": need.cell, "result": "held"}
                walker.step(Event("quota_result", value=value))
            continue
        key = walker.next()
        assert key is not None
        if key in walker.state.answers:
            doubts += 1
            assert not walker.route().hard_failures
            walker.step(Event("confirm", key))
            continue
        item = program().node(key).entry
        value = respondent.answer(item, walker.bounds(key))
        if item.store == "contact" and "v" in value:
            value = {"given": True}
        assert validate_on(walker, key, "", value) == []
        walker.step(Event("answer", key, value=value))
    return walker, doubts


def people(every: int = 15) -> list[Respondent]:
    everybody = [(sector, one) for sector, some in samples().items() for one in some][::every]
    return [
        Respondent(profile, sector, 2026, "x" * (rank % 2) + f"1:{rank}")
        for rank, (sector, profile) in enumerate(everybody)
    ]


def test_every_answer_fits_and_every_interview_is_complete() -> None:
    doubts = asked = specials = 0
    for respondent in people():
        walker, doubted = interview(respondent)
        assert walker.outcome() == "complete"
        profile, roles = respondent.profile, walker.state.roles
        assert roles["sector"] == respondent.sector
        assert (roles["age"], roles["sex"]) == (profile.age, profile.sex)
        assert roles["employment"] == profile.employment
        assert (roles["tenure"], roles["household"]) == (profile.tenure, profile.household)
        doubts += doubted
        answers = walker.state.answers
        asked += len(answers)
        specials += sum("special" in value for code, value in answers.items() if code != "NUM03")
    assert doubts < 10
    assert 0.02 < specials / asked < 0.04


def test_a_respondent_is_the_same_for_a_seed_and_another_for_another() -> None:
    first = people()[0]
    again = Respondent(first.profile, first.sector, first.year, first.seed)
    other = Respondent(first.profile, first.sector, first.year, "elsewhere")
    items = program().instrument.items
    plain = [(item, (0, 5)) for item in items]
    assert [first.answer(*one) for one in plain] == [again.answer(*one) for one in plain]
    assert [first.answer(*one) for one in plain] != [other.answer(*one) for one in plain]
    assert samples("1") != samples("2")


# 5. Against what was published.


def farthest(found: Any, published: Any) -> float:
    return float(np.abs(found - published).max())


def fits(found: Any, published: Any, effective: float) -> bool:
    statistic = effective * ((found - published) ** 2 / published).sum()
    return bool(chi2.sf(statistic, len(published) - 1) > 0.001)


def tabulated(weights: dict[str, list[float]]) -> dict[str, tuple[Any, float]]:
    """{sector: weighted shares of NUM02, effective number of respondents}."""
    tables = {}
    for sector, some in samples().items():
        w = np.array(weights[sector])
        codes = np.array([person.internet - 1 for person in some])
        shares = np.bincount(codes, weights=w, minlength=4) / w.sum()
        tables[sector] = shares, w.sum() ** 2 / (w**2).sum()
    return tables


@pytest.mark.django_db
@pytest.mark.usefixtures("own_folder")
def test_weights_bring_the_answers_back_to_what_was_published(world: World) -> None:
    units = [
        {"secteur": sector, **{axis: str(getattr(one, FIELDS[axis])) for axis in CRITERIA}}
        for sector, some in samples().items()
        for one in some
    ]
    interviews = respondents.counted_by_criteria(world.wave, units)
    run = weighted(world.wave, world.alain)
    by_interview = dict(Weight.objects.filter(run=run).values_list("interview_id", "weight"))
    weights: dict[str, list[float]] = {sector: [] for sector in samples()}
    for one in interviews:
        weights[one.sector].append(by_interview[one.pk])

    published = {sector: np.array(published_shares("NUM02")[sector]) for sector in samples()}
    plain = tabulated({sector: [1.0] * len(some) for sector, some in samples().items()})
    restored = tabulated(weights)
    assert max(farthest(plain[one][0], published[one]) for one in published) >= 0.03
    assert all(fits(restored[one][0], published[one], restored[one][1]) for one in published)
    # What the weights do cannot be had without them.
    assert not all(fits(plain[one][0], published[one], plain[one][1]) for one in published)
