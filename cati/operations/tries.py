"""How often somebody may mistake her password: counted in the cache, which may be lost.

A lost count lets people in to try again, and locks nobody out: the telephone room goes on.
"""

from __future__ import annotations

import hashlib
import logging

from django.core.cache import cache

LIMIT = 5
WAIT_SECONDS = 300
logger = logging.getLogger(__name__)


class TooManyTries(Exception):
    """The password was not even looked at: LIMIT tries are used, and the wait is not over."""


def take(username: str, address: str) -> int | None:
    """Use one try of this name from this address, before the password is looked at.

    Returns how many are left, None where the cache cannot tell. The count is taken first, so that
    tries made at once cannot all pass on one reading. Raises TooManyTries.
    """
    key = _key(username, address)
    cache.add(key, 0, WAIT_SECONDS)
    try:
        used = cache.incr(key)
    except ValueError:
        logger.warning("A login try could not be counted: the cache does not answer.")
        return None
    if used > LIMIT:
        logger.warning("Too many login tries from %s.", address)
        raise TooManyTries
    if used == LIMIT:
        # The wait runs from the last try, not from the first.
        cache.touch(key, WAIT_SECONDS)
    return LIMIT - used


def forget(username: str, address: str) -> None:
    """Give all tries back: she is in."""
    cache.delete(_key(username, address))


def _key(username: str, address: str) -> str:
    # Hashed: a name may hold anything, and names do not belong in a cache.
    pair = f"{username.casefold()}\n{address}".encode()
    return f"tries:{hashlib.sha256(pair).hexdigest()}"
