"""What the tests of weights and exports share: files of the test's own, and a counted sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay import again
from tests.weighting import respondents
from tests.weighting.respondents import Unit
from tests.world import World


@pytest.fixture
def own_folder(settings: Any, tmp_path: Path) -> Path:
    """The jobs' files lie in the test's own folder."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def sample(world: World) -> list[Unit]:
    """The 1,500 reference respondents as counted interviews that hold their criteria alone."""
    return again("sample", lambda: counted(world))


def counted(world: World) -> list[Unit]:
    people = respondents.units()
    respondents.counted_by_criteria(world.wave, people)
    return people
