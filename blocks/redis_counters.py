"""Counts of a door in Redis: each window is one key that ends by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from blocks.wakeups import translated
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
        self._redis = Redis.from_url(
            url.get_secret_value(),
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=5,
            socket_timeout=10,
        )

    async def count(self, name: str, seconds: int) -> Counted:
        """Count once more; the first time begins a window of so many seconds."""
        with _errors(f"counting {name}"):
            number, left = await cast(Any, self._redis.eval(_COUNT, 1, _key(name), seconds))
        return Counted(number=number, seconds=left)

    async def counted(self, name: str) -> Counted:
        with _errors(f"reading {name}"):
            number, left = await cast(Any, self._redis.eval(_COUNTED, 1, _key(name)))
        return Counted(number=number, seconds=left)

    async def remember(self, name: str, seconds: int) -> None:
        with _errors(f"remembering {name}"):
            await self._redis.set(_key(name), "1", ex=seconds)

    async def remembers(self, name: str) -> bool:
        with _errors(f"reading {name}"):
            return bool(await self._redis.exists(_key(name)))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def _key(name: str) -> str:
    return f"slipway:api:{name}"


@contextmanager
def _errors(attempted: str) -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise translated(error, attempted) from error
