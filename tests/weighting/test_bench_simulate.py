"""The whole survey over HTTP: 1,500 interviews by twenty people, then weights and the file.

It takes the better part of an hour on two cores, and prints what was played and how fast.
"""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F, Sum

from cati import clock
from cati.models import QuotaCell, User
from cati.operations import jobs
from cati.operations.demo import prepare_demo
from questionnaire.models import Interview
from questionnaire.operations import rebuild_all
from tests.weighting.respondents import weighted
from weighting.exports.job import ask_for_export
from weighting.models import Weight

pytestmark = [
    pytest.mark.bench,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("own_folder"),
]


def test_fifteen_hundred_interviews_fill_the_ten_sectors(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    wave = prepare_demo(clock.now())
    # Exits with 1, and fails here, on any error.
    call_command("simulate", interviews=1500, interviewers=20, seed=1, serve=True)

    cells = QuotaCell.objects.filter(wave=wave, family="sector")
    assert cells.count() == cells.filter(counted=F("target")).count() == 10
    assert rebuild_all(Interview.objects.select_related("version").iterator(500), save=False) == []

    admin = User.objects.get(username="a.vidal")
    # A job is done only where every margin, after the declared collapses, is met to 1e-6.
    run = weighted(wave, admin)
    sums = Weight.objects.filter(run=run).aggregate(w=Sum("weight"), d=Sum("diffusion"))
    assert sums["w"] == pytest.approx(170_185, rel=1e-9)
    assert sums["d"] == pytest.approx(210_600, rel=1e-9)
    job = ask_for_export(wave, run.number, "csv-codes", admin, clock.now())
    assert jobs.run(job.pk, clock.now)
    job.refresh_from_db()
    with (jobs.folder() / job.file).open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 1500
    for column, total in (("weight", 170_185), ("weight_diffusion", 210_600)):
        assert sum(float(row[column]) for row in rows) == pytest.approx(total, rel=1e-9)
