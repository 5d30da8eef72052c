"""Redis as a cache that forgets instead of failing: a dead one behaves as an empty one.

Without it, every page that merely wished to be quick would turn into an error page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def forgetful(name: str, empty: Any) -> Callable[..., Any]:
    """The client's method of that name, answering `empty` where Redis is gone."""
    method: Callable[..., Any] = getattr(RedisCacheClient, name)

    @wraps(method)
    def guarded(*args: Any) -> Any:
        try:
            return method(*args)
        except RedisError as error:
            logger.warning("The cache does not answer, going on without it: %s", error)
            return empty

    return guarded


class ForgetfulClient(RedisCacheClient):
    """Answers as a cache that keeps nothing would."""

    add = forgetful("add", False)
    set = forgetful("set", None)
    touch = forgetful("touch", False)
    delete = forgetful("delete", False)
    get_many = forgetful("get_many", {})
    has_key = forgetful("has_key", False)
    set_many = forgetful("set_many", None)
    delete_many = forgetful("delete_many", None)
    clear = forgetful("clear", False)

    def get(self, key: Any, default: Any) -> Any:
        return forgetful("get", default)(self, key, default)

    def incr(self, key: Any, delta: Any) -> Any:
        count = forgetful("incr", None)(self, key, delta)
        if count is None:
            # What Django's caches raise for a key that is not there.
            raise ValueError(f"Key {key!r} not found.")
        return count


class ForgetfulRedis(RedisCache):
    """The cache that CACHES names."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = ForgetfulClient
