"""A hundred thousand rows become cases, from CSV and from XLSX, and are searched.

Numbers are generated, in no range of fiction (it is too small): they are never shown or dialled.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from xlsxwriter import Workbook

from cati.models import Case
from cati.operations.import_sample import import_sample
from cati.queries import found_cases
from tests.world import NOW, World

pytestmark = [pytest.mark.bench, pytest.mark.django_db]
ROWS = 100_000
HEADER = ("telephone", "nom", "adresse", "secteur", "replicat")
SECTORS = ("CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA", "T1", "T2")


def rows(first: int) -> Iterator[tuple[str, ...]]:
    for n in range(ROWS):
        sector = SECTORS[n % len(SECTORS)]
        yield f"06{first + n:08d}", f"Personne {n}", f"{n} rue du Port", sector, str(1 + n % 4)


def as_csv(first: int) -> bytes:
    lines = (";".join(row) for row in (HEADER, *rows(first)))
    return "\n".join(lines).encode()


def as_workbook(first: int) -> bytes:
    out = io.BytesIO()
    with Workbook(out, {"in_memory": False, "constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((HEADER, *rows(first))):
            sheet.write_row(number, 0, row)
    return out.getvalue()


@contextmanager
def timed(what: str, most: float) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"{what:<44}{seconds:8.2f} s  (at most {most:g})")
    assert seconds < most


def test_a_hundred_thousand_rows_are_imported_and_searched(world: World) -> None:
    print(f"\nSample of {ROWS} rows")
    for what, content in (("CSV", as_csv(12_000_000)), ("XLSX", as_workbook(20_000_000))):
        megabytes = len(content) / 1e6
        with timed(f"import of {what}, {megabytes:.1f} MB", 60):
            report = import_sample(world.wave, io.BytesIO(content), what, by=world.alain, now=NOW)
        assert (report.accepted, report.refused) == (ROWS, 0)
    assert Case.objects.count() == 2 * ROWS + len(world.cases)
    for text in ("personne 4242", "0612004242", "4242"):
        with timed(f"search of « {text} »", 2):
            assert list(found_cases(world.wave, {"q": text})[:30])
