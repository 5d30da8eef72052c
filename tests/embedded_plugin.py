"""Throwaway engines for the suite, up before the settings are read; hence `-p` and no conftest.

With pytest-xdist the controller alone starts them: workers find its variables and start nothing.
So does a suite run against servers of one's own, given as DATABASE_URL and REDIS_URL: the role
in DATABASE_URL must be allowed to create databases.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from cati.embedded import THROWAWAY_SETTINGS, throwaway, throwaway_environment


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        engines = throwaway()
        early_config.add_cleanup(engines.guard.close)
        os.environ |= throwaway_environment(engines)
    elif "PYTEST_XDIST_WORKER" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="cati-")
        early_config.add_cleanup(folder.cleanup)
        os.environ |= THROWAWAY_SETTINGS | {"DATA_DIR": folder.name}
    return (yield)
