"""`manage.py simulate`, on a web server, from the first call to the weighted file.

1. It fills the sector through the screens: no error, nothing over the target.
2. What it leaves is sound: journals rebuild every projection, nobody holds a case.
3. The interviews can be weighted and exported: one row each, the sums of the sector.
4. It plays demo waves alone.
"""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from cati import clock
from cati.core.encounters import Script
from cati.models import Attempt, Case, QuotaCell, User, Wave
from cati.operations import jobs
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import rebuild_all
from tests.weighting.respondents import weighted
from tests.weighting.short_wave import short_wave
from weighting.exports.job import ask_for_export
from weighting.management.simulation.browser import Browser
from weighting.management.simulation.interviewer import Interviewer
from weighting.management.simulation.room import Room
from weighting.models import Weight

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("own_folder"),
    pytest.mark.faults,
]
TARGET = 40


@pytest.fixture
def wave(settings: Any) -> Wave:
    # The server reads its own settings, and would not know a hash that only the suite makes.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    return short_wave(clock.now(), sector="T1", target=TARGET, cases=4 * TARGET)


def test_forty_interviews_are_played_weighted_and_exported(
    wave: Wave, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("simulate", interviews=TARGET, interviewers=4, seed=3, serve=True)

    printed = capsys.readouterr().out
    assert re.search(r"^errors +0$", printed, re.MULTILINE)
    assert re.search(rf"^interviews counted +{TARGET}$", printed, re.MULTILINE)
    cell = QuotaCell.objects.get(wave=wave)
    assert (cell.counted, cell.reserved) == (TARGET, 0)
    outcomes = set(Attempt.objects.values_list("disposition", flat=True))
    assert {"10", "32", "40"} <= outcomes

    assert rebuild_all(Interview.objects.select_related("version"), save=False) == []
    assert not Case.objects.filter(holder__isnull=False).exists()
    assert not Attempt.objects.filter(closed_at__isnull=True).exists()
    assert AnswerEvent.objects.filter(ms_on_screen__isnull=False).exists()

    admin = User.objects.get(username="a.vidal")
    run = weighted(wave, admin)
    assert run.interviews == TARGET
    sums = Weight.objects.filter(run=run).aggregate(w=Sum("weight"), d=Sum("diffusion"))
    sector = cell.sector
    assert sums["w"] == pytest.approx(sector.adults, rel=1e-9)
    assert sums["d"] == pytest.approx(sector.population, rel=1e-9)
    job = ask_for_export(wave, run.number, "csv-codes", admin, clock.now())
    assert jobs.run(job.pk, clock.now)
    job.refresh_from_db()
    assert len(rows(jobs.folder() / job.file)) == TARGET


def rows(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines, delimiter=";"))[1:]


class Colleague:
    """An interviewer without a telephone: every call of hers is complete after a moment."""

    username = "sim.001"
    repairs = answers = 0

    def __init__(self, numbers: Iterator[int]) -> None:
        self.numbers, self.outcomes, self.browser = numbers, Counter[str](), Browser("")

    def log_in(self) -> None: ...

    def claim(self) -> int | None:
        return next(self.numbers, None)

    def call(self, number: int, script: Any) -> bool:
        time.sleep(0.002)
        self.outcomes["10"] += 1
        return True


@pytest.mark.parametrize(("cases", "complete"), [(200, 25), (10, 10), (0, 0)])
def test_no_more_is_played_than_is_asked_or_than_there_are_cases(cases: int, complete: int) -> None:
    numbers = iter(range(cases))
    room = Room(25, {}, stranger=cast("Script", None))
    tally = room.work([cast("Interviewer", Colleague(numbers)) for _ in range(8)])
    assert tally.outcomes["10"] == complete
    assert tally.errors == []


def test_a_server_that_does_not_answer_is_an_error(
    wave: Wave, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("simulate", interviews=1, interviewers=2, url="http://127.0.0.1:9/")
    assert ended.value.code == 1
    assert "/connexion/" in capsys.readouterr().err


def test_a_wave_that_is_no_demo_is_not_played(wave: Wave) -> None:
    Wave.objects.filter(pk=wave.pk).update(is_demo=False)
    with pytest.raises(CommandError, match="démonstration"):
        call_command("simulate", interviews=1, url="http://127.0.0.1:9/")
    assert not User.objects.filter(username__startswith="sim.").exists()
