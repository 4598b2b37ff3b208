"""Counts of a door in Redis: each window is one key that ends by itself."""

from typing import Any, cast

from pydantic import SecretStr

from blocks.redis_client import redis_client, redis_errors
from domain.limits import Counted

_COUNT = """
local number = redis.call('INCR', KEYS[1])
if number == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {number, redis.call('TTL', KEYS[1])}
"""

_COUNTED = "return {tonumber(redis.call('GET', KEYS[1]) or '0'), math.max(0, redis.call('TTL', KEYS[1]))}"


class RedisCounters:
    """Fulfil `domain.limits.Counters` for a process with one event loop, over connections that are kept."""

    def __init__(self, url: SecretStr) -> None:
        self._redis = redis_client(url.get_secret_value())

    async def count(self, name: str, seconds: int) -> Counted:
        """Count once more; the first time begins a window of so many seconds."""
        with redis_errors(f"counting {name}"):
            number, left = await cast(Any, self._redis.eval(_COUNT, 1, _key(name), seconds))
        return Counted(number=number, seconds=left)

    async def counted(self, name: str) -> Counted:
        with redis_errors(f"reading {name}"):
            number, left = await cast(Any, self._redis.eval(_COUNTED, 1, _key(name)))
        return Counted(number=number, seconds=left)

    async def remember(self, name: str, seconds: int) -> None:
        with redis_errors(f"remembering {name}"):
            await self._redis.set(_key(name), "1", ex=seconds)

    async def remembers(self, name: str, seconds: int) -> bool:
        """Tell whether it is remembered; what is, is for so many seconds more."""
        with redis_errors(f"reading {name}"):
            return bool(await self._redis.expire(_key(name), seconds))

    async def forget(self, name: str) -> None:
        """Remember it no more."""
        with redis_errors(f"forgetting {name}"):
            await self._redis.delete(_key(name))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def _key(name: str) -> str:
    return f"slipway:api:{name}"
