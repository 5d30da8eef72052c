"""Throwaway engines for the suite, up before the settings are read; hence `-p` and no conftest.

With pytest-xdist the controller alone starts them: workers find its variables and start nothing.
So does a suite run against servers of one's own, given as DATABASE_URL and REDIS_URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from cati.embedded import Guard, throwaway, throwaway_environment

guard = pytest.StashKey[Guard]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        engines = throwaway()
        early_config.stash[guard] = engines.guard
        early_config.add_cleanup(engines.guard.close)
        os.environ |= throwaway_environment(engines)
    return (yield)
