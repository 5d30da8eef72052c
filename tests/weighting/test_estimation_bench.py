"""What standard errors cost on the demo wave, 1,500 respondents in ten sectors; see its script."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("bench_estimates.py")
ROOT = SCRIPT.parents[2]
# Of the processor, since other things on the machine lengthen the clock.
CEILINGS = {"500 bootstrap": 0.5, "228 items × 14 domains": 2.0}


@pytest.mark.bench
def test_standard_errors_cost_little() -> None:
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, SCRIPT], env=alone, check=True, capture_output=True, text=True
    )
    figures = json.loads(ran.stdout)

    print("\n| act | clock s | processor s |\n|---|---:|---:|")
    for act, (clock, processor) in figures.items():
        print(f"| {act} | {clock:.2f} | {processor:.2f} |")
    for named, ceiling in CEILINGS.items():
        (spent,) = (spent for act, (_, spent) in figures.items() if act.startswith(named))
        assert spent < ceiling
