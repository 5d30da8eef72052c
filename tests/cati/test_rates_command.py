"""`manage.py rates --counts`: JSON on the way out, a clear word on the way in, no database."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

COUNTS = "I=4,P=2,R=1,NC=1,O=1,UH=1,UR=1,UO=1,NE=1"


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, float]:
    call_command("rates", "--counts", COUNTS, *options)
    found: dict[str, float] = json.loads(capsys.readouterr().out)
    return found


def test_it_prints_e_and_the_sixteen_rates(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys)
    assert list(found)[:3] == ["e", "RR1", "RR2"]
    assert len(found) == 17
    assert round(found["RR3"], 3) == 0.342


def test_a_share_may_be_given_for_all_or_by_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--e", "1")["RR3"] == printed(capsys)["RR1"]
    by_class = printed(capsys, "--e", "UH=0,UR=0,UO=0")
    assert by_class["RR3"] == by_class["RR5"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--counts", "I=4,Q=2"], "--counts: Q is no class; use I, P"),
        (["--counts", ""], "--counts: CLASS=number is expected here, as in I=4,P=2"),
        (["--counts", COUNTS, "--e", "90 %"], "--e: a share is a number from 0 to 1"),
        (["--counts", COUNTS, "--by", "sector"], "--by: counts have no groups"),
    ],
)
def test_a_slip_says_where_and_how_to_mend_it(options: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as slip:
        call_command("rates", *options)
    assert slip.value.returncode == 1


@pytest.mark.slow
def test_it_runs_where_no_server_is() -> None:
    nowhere = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "rates", "--counts", COUNTS],
        cwd=settings.BASE_DIR, env=os.environ | nowhere, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["e"] == 0.9
