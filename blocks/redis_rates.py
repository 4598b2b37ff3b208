"""What comes within a window of time, counted in Redis among all processes by one script: no key counts twice."""

from typing import Any, cast

from blocks.redis_client import redis_at, redis_errors
from domain.allowances import Passage

_ENTER = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local most, window = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {1, 0, 0} end
if redis.call('ZCARD', KEYS[1]) < most then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], window)
  redis.call('DEL', KEYS[2])
  return {1, 0, 0}
end
redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', window)
local first = redis.call('GET', KEYS[2]) == ARGV[1] and 1 or 0
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {0, first, oldest and tonumber(oldest) + window - now or window}
"""


class RedisRates:
    """Fulfil `domain.allowances.Rates` by a sorted set for each name, of what passed within the window."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def enter(self, name: str, key: str, most: int, seconds: float) -> Passage:
        """Count `key` once within the window of this name; one that has passed passes again."""
        keys = (f"slipway:rate:{{{name}}}", f"slipway:rate:{{{name}}}:told")
        with redis_errors(f"counting what comes of {name}"):
            async with redis_at(self._url) as redis:
                passes, first, wait = await cast(Any, redis.eval(_ENTER, 2, *keys, key, most, int(seconds * 1000)))
        return Passage(passes=bool(passes), first=bool(first), seconds=wait / 1000)
