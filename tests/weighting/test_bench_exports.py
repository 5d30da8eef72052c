"""A hundred thousand interviews of the whole questionnaire, from the database to each format.

Each is written by a process of its own, so that its seconds and its memory are its own: under ten
seconds and 500 MB. XLSX, which a spreadsheet reads, at twenty thousand. Prints a table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from cati.models import QuotaCell
from tests.weighting import respondents
from tests.weighting.many import multiplied
from tests.workers import Workers
from tests.world import World

MANY, FEWER = 100_000, 20_000
MODELS = 40
SECONDS, MEGABYTES = 10.0, 500.0

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]


def prepared(world: World, size: int) -> None:
    people = respondents.units(1500 // MODELS)[:MODELS]
    models = respondents.interviewed(world.wave, people)
    assert QuotaCell.objects.filter(wave=world.wave).exists()
    multiplied(world.wave, models, size)


def written(form: str, out: Path) -> tuple[float, float]:
    """Seconds and megabytes of the command, its start included."""
    environment = dict(Workers("", out).environment()) | {"REDIS_URL": os.environ["REDIS_URL"]}
    # Compiled once, as it is wherever the product is installed.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "manage.py", "export_wave", "--wave", "2026", "--format", form]
    begun = time.monotonic()
    process = subprocess.Popen(
        [*command, "--out", str(out)], env=environment, stdout=subprocess.DEVNULL
    )
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, form
    return time.monotonic() - begun, used.ru_maxrss / 1024


def table(title: str, lines: Sequence[tuple[str, float, float, float]]) -> None:
    print(f"\n{title}")
    print("| format | seconds | peak memory, MB | files, MB |\n|---|---:|---:|---:|")
    for form, seconds, memory, size in lines:
        print(f"| {form} | {seconds:.1f} | {memory:.0f} | {size:.0f} |")


def measured(forms: Sequence[str], folder: Path) -> list[tuple[str, float, float, float]]:
    lines = []
    for form in forms:
        out = folder / form
        seconds, memory = written(form, out)
        size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
        lines.append((form, seconds, memory, size))
    return lines


def test_a_hundred_thousand_interviews(world: World, tmp_path: Path) -> None:
    prepared(world, MANY)
    lines = measured(["csv-codes", "parquet", "sav", "dta"], tmp_path)
    table(f"{MANY} interviews × 228 items, from the database to the file", lines)
    frame = pl.read_parquet(next((tmp_path / "parquet").glob("*.parquet")))
    assert len(frame) == MANY
    assert all(seconds < SECONDS and memory < MEGABYTES for _f, seconds, memory, _s in lines)


def test_a_workbook_of_twenty_thousand(world: World, tmp_path: Path) -> None:
    prepared(world, FEWER)
    lines = measured(["xlsx"], tmp_path)
    table(f"{FEWER} interviews × 228 items, from the database to XLSX", lines)
    assert lines[0][2] < MEGABYTES
