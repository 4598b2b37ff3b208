"""Counts of a door in Redis, each a key that ends by itself; every request costs one exchange."""

from typing import Any, cast

from pydantic import SecretStr

from blocks.redis_client import redis_at, redis_errors
from domain.limits import GUESSES, TRUSTED, WINDOW, Knock

_KNOCK = """
local ours, guesses, uses = unpack(KEYS)
local digest, rate, most, window, trusted = unpack(ARGV)
local known = redis.call('EXPIRE', ours, trusted)
if known == 0 then
  uses = guesses .. ':uses'
  if redis.call('SISMEMBER', guesses, digest) == 0 then
    if redis.call('SCARD', guesses) >= tonumber(most) then return {0, redis.call('TTL', guesses)} end
    redis.call('SADD', guesses, digest)
    if redis.call('TTL', guesses) < 0 then redis.call('EXPIRE', guesses, window) end
  end
end
local number = redis.call('INCR', uses)
if number == 1 then redis.call('EXPIRE', uses, window) end
return {known, number > tonumber(rate) and redis.call('TTL', uses) or -1}
"""

_KNOW = """
redis.call('SET', KEYS[1], '', 'EX', ARGV[2])
redis.call('SREM', KEYS[2], ARGV[1])
return 0
"""


class RedisCounters:
    """Fulfil `domain.limits.Counters`."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url.get_secret_value()

    async def knock(self, address: str, digest: str, rate: int) -> Knock:
        """Count what was shown, and say whether it may be looked at."""
        known, wait = cast(list[int], await self._run(_KNOCK, address, digest, rate, GUESSES, WINDOW, TRUSTED))
        return Knock(known=bool(known), wait=None if wait < 0 else max(1, wait))

    async def know(self, address: str, digest: str) -> None:
        """Remember that it is ours, and no guess."""
        await self._run(_KNOW, address, digest, TRUSTED)

    async def ping(self) -> None:
        """Return when Redis answers."""
        with redis_errors("asking whether it is there"):
            async with redis_at(self._url) as redis:
                await cast(Any, redis.ping())

    async def _run(self, script: str, address: str, digest: str, *more: int) -> Any:
        names = (f"ours:{address}:{digest}", f"guesses:{address}", f"uses:{digest}")
        with redis_errors("counting at a door"):
            async with redis_at(self._url) as redis:
                keys = (f"slipway:{{doors}}:{name}" for name in names)  # in braces: all in one slot of a cluster
                return await cast(Any, redis.eval(script, len(names), *keys, digest, *more))
