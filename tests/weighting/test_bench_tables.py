"""All 228 items × sectors as tables with errors, marks and protection: under five seconds.

1,500 interviews of the whole questionnaire, weighted by a run of the product. Prints a table.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, process_time

import pytest

from tests.weighting import respondents
from tests.world import World
from weighting.flash import workbook
from weighting.flash.answers import answers_of
from weighting.flash.build import Made
from weighting.flash.job import all_tables

pytestmark = [pytest.mark.bench, pytest.mark.django_db]
MODELS = 40
SECONDS = 5.0


@pytest.mark.usefixtures("own_folder")
def test_all_items_by_sector_take_less_than_five_seconds(world: World, tmp_path: Path) -> None:
    people = respondents.units()
    models = respondents.interviewed(world.wave, people[:MODELS])
    respondents.copied(world.wave, people, models)
    run = respondents.weighted(world.wave, world.alain)
    figures: dict[str, tuple[float, float]] = {}

    def timed(act: str, start: tuple[float, float]) -> None:
        figures[act] = perf_counter() - start[0], process_time() - start[1]

    start = perf_counter(), process_time()
    answers = answers_of(run)
    timed("reading the weighted answers", start)
    start = perf_counter(), process_time()
    tables: list[Made] = list(all_tables(answers, "standard"))
    cells = sum(made.table.values.size for made in tables)
    timed(f"{len(tables)} questions × {len(tables[0].rows)} rows, {cells:,} cells", start)
    start = perf_counter(), process_time()
    workbook.write(tmp_path / "all.xlsx", tables)
    timed("their workbook", start)

    print("\n| act | clock s | processor s |\n|---|---:|---:|")
    for act, (clock, processor) in figures.items():
        print(f"| {act} | {clock:.2f} | {processor:.2f} |")
    assert len(tables) >= 200
    assert sum(processor for _clock, processor in list(figures.values())[:2]) < SECONDS
