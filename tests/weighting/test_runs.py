"""Weighting runs, from counted interviews to a frozen run.

1. Margins are loaded whole or not at all, as persons that add up to the adults of the sector.
2. `weight` sums to the adults of each sector, `diffusion` to its inhabitants; every margin, after
   the declared collapses, is met to 1e-6.
3. A run is refused by name: sector, criterion, category, and how to mend it.
4. A run is frozen: interviews, margins, parameters, digest; one is official.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import Sum

from cati.models import Job, Place
from cati.operations import jobs
from cati.operations.errors import Refused
from questionnaire.models import Interview
from tests.weighting import respondents
from tests.weighting.respondents import Unit, weighted
from tests.world import NOW, World
from weighting import queries
from weighting.core.demo import DEMO
from weighting.models import DeclaredCollapse, Margin, Weight, WeightingRun
from weighting.operations import runs
from weighting.operations.margins import MarginRow, load_demo_margins, load_margins

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]


def run_job(world: World, method: str = "raking", bounds: Any = None) -> Job:
    job = runs.ask_for_run(world.wave, method, bounds, world.alain, NOW)
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    return job


# ------------------------------------------------------------------------------- 1. margins


def test_the_demo_margins_are_persons_of_each_sector(world: World) -> None:
    assert load_demo_margins(world.wave) == 210
    sums = Margin.objects.ruling(world.wave).order_by().values("sector__adults", "criterion")
    for row in sums.annotate(total=Sum("total")):
        assert row["total"] == pytest.approx(row["sector__adults"], abs=1e-6)
    assert DeclaredCollapse.objects.filter(wave=world.wave).count() == 8


def shares(*values: str, sector: str = "CN") -> list[MarginRow]:
    return [
        MarginRow(sector, "sexe", str(code), f"Sexe {code}", share=Decimal(value))
        for code, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (shares("47", "50"), "la somme est 97, il faut 100"),
        (shares("47", "53", sector="XX"), "Secteur inconnu de la vague : XX"),
        (shares("47", "53") + shares("47"), "Déjà donné à la ligne 1"),
        (shares("-3", "103"), "négatif"),
        (shares("NaN", "100"), "pas un nombre"),
        ([MarginRow("CN", "sexe", "1", total=Decimal(2000))], "il faut 2\xa0100"),
        ([MarginRow("CN", "sexe", "1")], "donnez une part ou un total"),
    ],
)
def test_margins_that_do_not_add_up_are_refused_whole(
    world: World, rows: list[MarginRow], said: str
) -> None:
    load_demo_margins(world.wave)
    with pytest.raises(Refused) as refusal:
        load_margins(world.wave, rows)
    assert said in " ".join(refusal.value.messages.values())
    assert Margin.objects.ruling(world.wave).count() == 210


def test_totals_in_persons_are_taken_as_they_are(world: World) -> None:
    rows = [
        MarginRow("CN", "sexe", "1", total=Decimal(1000)),
        MarginRow("CN", "sexe", "2", total=Decimal(1100)),
    ]
    load_margins(world.wave, rows)
    assert list(Margin.objects.values_list("total", flat=True)) == [1000, 1100]


def test_the_command_loads_files_or_says_what_is_wrong(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collapses = DEMO / "collapses_demo.csv"
    call_command("load_margins", DEMO / "margins_demo.csv", wave="2026", collapses=collapses)
    assert capsys.readouterr().out == "210 totals, 8 collapses\n"
    assert Margin.objects.ruling(world.wave).count() == 210
    wrong = tmp_path / "faux.csv"
    wrong.write_text("sector,criterion\nCN,sexe\n")
    with pytest.raises(CommandError, match="la colonne « code »"):
        call_command("load_margins", wrong, wave="2026")
    text = (DEMO / "margins_demo.csv").read_text()
    wrong.write_text(text.replace("Homme,47", "Homme,quarante", 1))
    with pytest.raises(CommandError, match="Ligne 2 : Ce n’est pas un nombre"):
        call_command("load_margins", wrong, wave="2026")
    assert Margin.objects.ruling(world.wave).count() == 210


# ------------------------------------------------------------------------------- 2. sums


def test_weights_add_up_to_adults_and_inhabitants(world: World, sample: list[Unit]) -> None:
    run = weighted(world.wave, world.alain)
    sums = Weight.objects.filter(run=run).aggregate(w=Sum("weight"), d=Sum("diffusion"))
    assert sums["w"] == pytest.approx(170_185, abs=1e-3)
    assert sums["d"] == pytest.approx(210_600, abs=1e-3)
    by_sector = Weight.objects.filter(run=run).order_by().values("sector")
    for row in by_sector.annotate(w=Sum("weight"), d=Sum("diffusion")):
        sector = world.sectors[row["sector"]]
        assert row["w"] == pytest.approx(sector.adults, rel=1e-9)
        assert row["d"] == pytest.approx(sector.population, rel=1e-9)
    total = run.report["total"]
    assert total["n"] == run.interviews == 1500
    assert total["inhabitants"] == pytest.approx(210_600)
    assert total["allocation"] == pytest.approx(1.88, abs=0.005)
    assert sum(count for _low, count in run.report["histogram"]) == 1500


def test_every_margin_is_met_after_the_declared_collapses(world: World, sample: list[Unit]) -> None:
    run = weighted(world.wave, world.alain)
    weights = dict(Weight.objects.filter(run=run).values_list("interview_id", "weight"))
    found: dict[tuple[str, str, str], float] = defaultdict(float)
    collapsed = {
        (row.sector.code, row.criterion, row.category): row.into
        for row in DeclaredCollapse.objects.select_related("sector")
    }
    interviews = queries.counted(world.wave)
    for (pk, weight), unit in zip(sorted(weights.items()), sample, strict=True):
        assert interviews.get(pk=pk).sector == unit["secteur"] if pk % 500 == 0 else True
        for criterion in queries.ROLES:
            key = (unit["secteur"], criterion, unit[criterion])
            found[key[0], key[1], collapsed.get(key, key[2])] += weight
    wanted: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in Margin.objects.ruling(world.wave).select_related("sector"):
        key = (row.sector.code, row.criterion, row.category)
        wanted[key[0], key[1], collapsed.get(key, key[2])] += row.total
    assert found.keys() == wanted.keys()
    for key, total in wanted.items():
        assert found[key] == pytest.approx(total, rel=1e-6), key


def test_bounded_methods_keep_g_between_their_bounds(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    job = run_job(world, "logit", (0.2, 4.0))
    assert job.state == "done", job.error
    run = WeightingRun.objects.get(job=job)
    g = Weight.objects.filter(run=run).values_list("g_weight", flat=True)
    assert 0.2 < min(g) <= max(g) < 4.0
    assert (run.report["total"]["g_min"], run.report["total"]["g_max"]) == (min(g), max(g))


def test_interviews_outside_the_quota_are_left_out(world: World, sample: list[Unit]) -> None:
    outside = Place.objects.filter(interview__sector="T1").first()
    assert outside is not None
    Place.objects.filter(pk=outside.pk).update(state=Place.State.OUTSIDE)
    run = weighted(world.wave, world.alain)
    assert run.interviews == 1499
    assert not Weight.objects.filter(run=run, interview=outside.interview).exists()
    assert Weight.objects.filter(run=run).aggregate(w=Sum("weight"))["w"] == pytest.approx(170_185)


# ------------------------------------------------------------------------------- 3. refusals


def refused(world: World, method: str = "raking", bounds: Any = None) -> str:
    job = run_job(world, method, bounds)
    assert job.state == "failed"
    assert not WeightingRun.objects.exists()
    return job.error


def test_an_empty_category_is_named(world: World) -> None:
    people = [unit for unit in respondents.units() if (unit["secteur"], unit["age"]) != ("VE", "5")]
    respondents.counted_by_criteria(world.wave, people)
    load_demo_margins(world.wave)
    assert refused(world) == (
        "Les Vergnes, Âge, 75 ans ou plus : personne n’a été interrogé dans cette modalité."
        " Interrogez quelqu’un, ou déclarez un regroupement avec la modalité voisine."
    )


def test_a_criterion_without_an_answer_is_named(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    interview = queries.counted(world.wave).filter(sector="CH").first()
    roles = interview.answers["roles"]
    del roles["employment"]
    Interview.objects.filter(pk=interview.pk).update(answers={"roles": roles})
    assert refused(world).startswith("Champratel, Emploi : des personnes n’ont pas répondu")


def test_margins_that_contradict_each_other_are_named(world: World, sample: list[Unit]) -> None:
    load_demo_margins(world.wave)
    Margin.objects.filter(sector__code="CO", criterion="sexe").update(total=1.0)
    assert refused(world).startswith("QPV de Cournon, ")


def test_bounds_too_narrow_are_refused_with_some_that_would_do(
    world: World, sample: list[Unit]
) -> None:
    load_demo_margins(world.wave)
    error = refused(world, "logit", (0.9, 1.1))
    assert "aucun poids ne tient les marges entre ces bornes" in error
    assert "suffiraient" in error


def test_without_margins_or_interviews_the_reason_is_said(world: World) -> None:
    assert refused(world).startswith("Aucune marge n’est chargée")
    load_demo_margins(world.wave)
    assert refused(world).startswith("Aucun entretien n’est compté")


@pytest.mark.parametrize(
    ("method", "bounds", "field"),
    [
        ("magic", None, "method"),
        ("logit", None, "bounds"),
        ("raking", (0.5, 2.0), "bounds"),
        ("truncated", (1.5, 2.0), "bounds"),
    ],
)
def test_a_method_that_cannot_be_is_refused_at_once(
    world: World, method: str, bounds: Any, field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        runs.ask_for_run(world.wave, method, bounds, world.alain, NOW)
    assert list(refusal.value.messages) == [field]
    assert not Job.objects.exists()


# ------------------------------------------------------------------------------- 4. frozen


def test_the_same_inputs_give_the_same_digest_and_weights(world: World, sample: list[Unit]) -> None:
    first, second = weighted(world.wave, world.alain), weighted(world.wave, world.alain)
    assert (first.number, second.number) == (1, 2)
    assert first.digest == second.digest
    values = [
        list(run.weights.order_by("interview").values_list("interview", "weight", "diffusion"))
        for run in (first, second)
    ]
    assert values[0] == values[1]
    Margin.objects.filter(sector__code="CN", criterion="sexe", category="1").update(total=1000.0)
    Margin.objects.filter(sector__code="CN", criterion="sexe", category="2").update(total=1100.0)
    third = weighted(world.wave, world.alain)
    assert third.digest != first.digest
    first.refresh_from_db()
    assert first.margins["CN"] != third.margins["CN"]


def test_one_run_is_official(world: World, sample: list[Unit]) -> None:
    first, second = weighted(world.wave, world.alain), weighted(world.wave, world.alain)
    runs.make_official(first, world.alain, "", NOW)
    runs.make_official(second, world.alain, "meilleur", NOW)
    assert queries.official(world.wave) == second
    with pytest.raises(IntegrityError, match="run_one_official"), transaction.atomic():
        WeightingRun.objects.filter(pk=first.pk).update(official=True)


def test_a_job_that_ran_twice_makes_one_run(
    world: World, sample: list[Unit], own_folder: Path
) -> None:
    run = weighted(world.wave, world.alain)
    assert not jobs.run(run.job_id, lambda: NOW)
    assert WeightingRun.objects.count() == 1
