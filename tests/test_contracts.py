"""The import contracts hold, and are sharp: what they forbid, planted, makes them fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("questionnaire", "cati", "weighting")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)}
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The three packages, to plant something in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc", "static")
        )
    return tmp_path


def test_the_layers_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("questionnaire/core/routing.py", "import django\n"),
        ("cati/core/scheduling.py", "from cati import clock\n"),
        ("weighting/core/kish_again.py", "import celery\n"),
        ("questionnaire/queries.py", "import cati.models\n"),
        ("cati/operations/claim.py", "import cati.web.access\n"),
        ("cati/utils.py", ""),
    ],
)
def test_a_planted_import_or_a_stray_module_breaks_them(tree: Path, file: str, line: str) -> None:
    path = tree / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}")
    result = lint(tree)
    assert result.returncode == 1, result.stdout
