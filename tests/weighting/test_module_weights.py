"""Weights of the modules that half the sample was asked, from the draw to the dataset.

1. A module is calibrated on sets of sectors that may be published: never a single small sector.
2. Its weights sum to the adults of each set and meet the pooled margins; only those who were asked
   it have any.
3. A set that cannot be calibrated has no weights and says why; the run stands.
4. The dataset has a column for each module, and its questions are weighed by it.
5. Tables use the same weights: of groups alone, and of none whose sets were not all calibrated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from questionnaire.models import Interview
from tests.weighting import respondents
from tests.weighting.respondents import Unit, weighted
from tests.world import World
from weighting import queries
from weighting.core.criteria import Rules
from weighting.core.design import Sample
from weighting.core.margins import Collapse
from weighting.core.modules import calibrate_module, collapses_of_sets, publication_sets
from weighting.core.tables import tabulate
from weighting.exports.dataset import dataset_of
from weighting.exports.frequencies import summary
from weighting.flash.answers import ADULTS as OF_ADULTS
from weighting.flash.answers import answers_of
from weighting.flash.build import Ask, Made, made
from weighting.flash.rows import by_sector
from weighting.models import Margin, ModuleWeight, Weight, WeightingRun

GROUPS = {
    "QPV": ["CN", "CH", "VE", "FB", "LG", "CO", "SJ"],
    "QN": ["CN", "CH", "VE"],
    "MOY": ["T1", "T2"],
    "TOTAL": ["CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA", "T1", "T2"],
}
ADULTS = {
    "CN": 2100.0, "CH": 1239.0, "VE": 1700.0, "FB": 1417.0, "LG": 2954.0, "CO": 1173.0,
    "SJ": 2691.0, "QVA": 1500.0, "T1": 107_900.0, "T2": 47_511.0,
}  # fmt: skip
HALVES = {
    "CN": 52, "CH": 50, "VE": 53, "FB": 46, "LG": 53, "CO": 42, "SJ": 54, "QVA": 45, "T1": 205,
    "T2": 150,
}  # fmt: skip
SETS = [("CN", "CH", "VE"), ("FB", "LG", "CO", "SJ"), ("QVA", "T1"), ("T2",)]


# ------------------------------------------------------------------------------- 1. sets


def test_sectors_of_the_same_published_groups_are_calibrated_together() -> None:
    assert publication_sets(HALVES, GROUPS, ADULTS) == SETS


def test_a_set_that_is_too_small_joins_the_largest_population() -> None:
    few = {sector: n // 10 for sector, n in HALVES.items()}
    assert publication_sets(few, GROUPS, ADULTS) == [tuple(HALVES)]
    assert publication_sets(HALVES, {}, ADULTS) == [
        ("CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA"), ("T1",), ("T2",),
    ]  # fmt: skip


def test_what_is_merged_in_a_sector_is_merged_in_its_set() -> None:
    declared = [Collapse("tenure", ("3", "4"), sector, "rare") for sector in ("CN", "CH", "T9")]
    everywhere = Collapse("age", ("4", "5"))
    found = collapses_of_sets([*declared, everywhere], {"CN": "QN", "CH": "QN", "VE": "QN"})
    assert found == (Collapse("tenure", ("3", "4"), "QN", "rare"), everywhere)


# ------------------------------------------------------------------------------- 2. a run


@pytest.fixture
def drawn(world: World) -> list[Unit]:
    """1,500 counted interviews, every other one of each sector asked module A, the others B."""
    people = respondents.units()
    interviews = respondents.counted_by_criteria(world.wave, people)
    seen: dict[str, int] = defaultdict(int)
    for interview in interviews:
        seen[interview.sector] += 1
        module = "AB"[seen[interview.sector] % 2]
        interview.answers["draws"] = {"MODULE": module}
        if module == "A":
            interview.answers["answers"] = {"IMA03A": {"v": 1 + interview.pk % 4}}
    Interview.objects.bulk_update(interviews, ["answers"], batch_size=500)
    return people


def weights_of(run: WeightingRun, module: str) -> dict[int, float]:
    found = ModuleWeight.objects.filter(run=run, module=module)
    return dict(found.values_list("interview_id", "weight"))


def totals(
    run: WeightingRun, module: str, people: Sequence[Unit], criterion: str
) -> dict[tuple[int, str], float]:
    """{(rank of the set, category): weighted respondents}, after the merger of tenures."""
    order = Weight.objects.filter(run=run).order_by("interview").values_list("interview", flat=True)
    units = dict(zip(order, people, strict=True))
    found: dict[tuple[int, str], float] = defaultdict(float)
    for interview, weight in weights_of(run, module).items():
        unit = units[interview]
        rank = next(at for at, its in enumerate(SETS) if unit["secteur"] in its)
        found[rank, unit[criterion]] += weight
    return found


def weighs_by_module(run: WeightingRun) -> None:
    """The dataset has the weights of each module, and its questions are weighed by them."""
    dataset = dataset_of(run)
    frame = dataset.frame
    for module in "AB":
        column = zip(frame["entretien"], frame[f"weight_{module.lower()}"], strict=True)
        found = {interview: weight for interview, weight in column if weight is not None}
        assert found == pytest.approx(weights_of(run, module), rel=1e-14)
    headings = {one.name: one for one in dataset.columns}
    assert headings["IMA03A"].weight == "weight_a"
    assert headings["IMA02"].weight == "weight_b"
    assert headings["EMP01"].weight == "weight"
    (undrawn,) = [one for one in summary(headings["IMA03A"], frame).counts if one.code == 100]
    # They have a weight in the full sample, and none in the module that they were not asked.
    assert (undrawn.n, undrawn.weighted) == (frame["weight_b"].count(), 0.0)


def tables_are_those_of_its_weights(run: WeightingRun) -> None:
    """Shares are those of the run's weights, errors those of the module calibrated once more."""
    answers = answers_of(run, OF_ADULTS)
    found = made(answers, Ask("IMA03A"))
    weights = weights_of(run, "A")
    said = {one.pk: one for one in Interview.objects.filter(pk__in=weights)}
    for head, state, shares in zip(found.rows, found.table.states, found.table.values, strict=True):
        if state != "shown":
            assert np.isnan(shares).all()
            continue
        given = np.zeros(4)
        for interview, weight in weights.items():
            one = said[interview]
            if one.sector in GROUPS[head.code]:
                given[one.answers["answers"]["IMA03A"]["v"] - 1] += weight
        assert shares == pytest.approx(given / given.sum(), rel=1e-12)
    # The whole less QPV and both control sectors would be QVA, which stands for nobody else.
    assert states(found) == {"QPV": "shown", "QN": "shown", "MOY": "shown", "TOTAL": "secondary"}
    again = calibrated_again(run)
    asked = found.question.asked.base
    rows = by_sector(answers).domains[asked]
    columns = found.question.asked
    other = tabulate(
        again, type(columns)(columns.heads, columns.given[asked], columns.base[asked]), rows
    ).table
    printed = np.array(found.table.printed)
    assert found.table.se[printed] == pytest.approx(other.se[printed], rel=1e-9)


def calibrated_again(run: WeightingRun) -> Sample:
    sample = queries.units_of(run.wave)
    asked = queries.asked_modules(sample.ids)["A"]
    groups = {sector: "+".join(its) for its in SETS for sector in its}
    collapses = collapses_of_sets(queries.collapses_of(run.wave), groups)
    margins = queries.margins_of(run.wave)
    rules = Rules(collapses=collapses)
    return Sample.of(calibrate_module(sample.units, margins, asked, groups, None, rules))


def states(found: Made) -> dict[str, str]:
    """{group: whether its row has figures}; no sector's may have any."""
    told = dict(zip((head.code for head in found.rows), found.table.states, strict=True))
    assert {told.pop(sector) for sector in ADULTS} == {"module"}
    return told


@pytest.mark.django_db
@pytest.mark.usefixtures("own_folder")
def test_the_weights_of_a_module_meet_the_margins_of_its_sets(
    world: World, drawn: list[Unit]
) -> None:
    run = weighted(world.wave, world.alain)
    told = {module["name"]: module for module in run.report["modules"]}
    assert list(told) == ["A", "B"]
    for name, module in told.items():
        assert {frozenset(one["sectors"]) for one in module["sets"]} == set(map(frozenset, SETS))
        assert module["n"] == len(weights_of(run, name))
        for one in module["sets"]:
            adults = sum(world.sectors[code].adults or 0 for code in one["sectors"])
            assert one["adults"] == pytest.approx(adults, rel=1e-9)
            assert one["worst"] < 1e-6 and one["refusals"] == []
        found = totals(run, name, drawn, "age")
        for rank, sectors in enumerate(SETS):
            margins = Margin.objects.ruling(world.wave).filter(
                sector__code__in=sectors, criterion="age"
            )
            wanted: dict[str, float] = defaultdict(float)
            for margin in margins:
                wanted[margin.category] += margin.total
            for category, total in wanted.items():
                assert found[rank, category] == pytest.approx(total, rel=1e-6)
    weighs_by_module(run)
    tables_are_those_of_its_weights(run)
    asked = set(weights_of(run, "A")) | set(weights_of(run, "B"))
    assert len(asked) == 1500 and not set(weights_of(run, "A")) & set(weights_of(run, "B"))


@pytest.mark.django_db
@pytest.mark.usefixtures("own_folder")
def test_where_everybody_is_asked_everything_there_are_no_weights_of_modules(
    world: World, drawn: list[Unit]
) -> None:
    for interview in Interview.objects.all():
        interview.answers["inputs"] = {"MODULES": False}
        interview.save(update_fields=["answers"])
    run = weighted(world.wave, world.alain)
    assert run.report["modules"] == []
    assert not ModuleWeight.objects.exists()


# ------------------------------------------------------------------------------- 3. refusals


@pytest.mark.django_db
@pytest.mark.usefixtures("own_folder")
def test_a_set_without_somebody_has_no_weights_and_says_why(
    world: World, drawn: list[Unit]
) -> None:
    # Of those who are alone with two children in T2, all were asked module B.
    alone = [
        one
        for one in Interview.objects.filter(sector="T2")
        if one.answers["roles"]["household"] == 4
    ]
    for interview in alone:
        interview.answers["draws"]["MODULE"] = "B"
        interview.save(update_fields=["answers"])
    run = weighted(world.wave, world.alain)
    module = run.report["modules"][0]
    [refused] = [one for one in module["sets"] if one["refusals"]]
    assert refused["sectors"] == ["T2"]
    label = world.sectors["T2"].label
    assert refused["refusals"][0].startswith(f"{label}, Composition, ")
    assert "personne n’a été interrogé dans cette modalité" in refused["refusals"][0]
    of_t2 = ModuleWeight.objects.filter(run=run, module="A", interview__sector="T2")
    assert not of_t2.exists()
    assert ModuleWeight.objects.filter(run=run, module="B", interview__sector="T2").exists()
    # Without T2, neither the control sectors nor the whole are what they are called.
    assert states(made(answers_of(run), Ask("IMA03A"))) == {
        "QPV": "shown", "QN": "shown", "MOY": "module", "TOTAL": "module",
    }  # fmt: skip
    page = world.client(world.alain).get(f"/v/2026/redressement/{run.number}/").content.decode()
    assert "Poids du module A" in page and refused["refusals"][0] in page.replace("&#x27;", "'")
