"""Hints between processes and short locks, in Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from prefect.blocks.core import Block
from pydantic import Field, SecretStr
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from blocks.redis_client import redis_at, redis_client, redis_errors, redis_kept

_LOCK = """
local owner, fence = unpack(redis.call('HMGET', KEYS[1], 'owner', 'fence'))
if owner and owner ~= ARGV[1] then return false end
if not owner then
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SET', KEYS[2], redis.call('TIME')[1]) end
  fence = redis.call('INCR', KEYS[2])
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', fence)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(fence)
"""
"""The counter starts at the server's clock, so that numbers go on growing after Redis lost its data."""

_UNLOCK = """
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisWakeups(Block):
    """Publish, subscribe and lock by Redis 6 or later.

    Each exchange opens its own connection: a block may then be used from any event loop, and nothing is left open. A
    process that lives in one event loop keeps some, inside `kept`.
    """

    _block_type_slug = "slipway-redis-wakeups"
    _block_type_name = "Slipway Redis wake-ups"

    url: SecretStr = Field(description="unix:///path/redis.sock, redis:// or rediss://, with the password if it has one")

    async def publish(self, channel: str, text: str) -> None:
        with redis_errors(f"publishing on {channel}"):
            async with redis_at(self.url.get_secret_value()) as redis:
                await redis.publish(channel, text)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Yield (channel, text) as they come; a lost connection raises ServiceUnreachable out of the iteration."""
        attempted = f"listening on {', '.join(channels)}"
        with redis_errors(attempted):
            redis = redis_client(self.url.get_secret_value())
        async with redis, redis.pubsub() as pubsub:
            with redis_errors(attempted):
                early = await _confirmed(pubsub, channels)
            messages = _Messages(pubsub, early, attempted)
            try:
                yield messages
            finally:
                await messages.stop()

    async def lock(self, name: str, owner: str, seconds: float) -> int | None:
        """Take or extend the lease in one script run on the server."""
        with redis_errors(f"locking {name}"):
            async with redis_at(self.url.get_secret_value()) as redis:
                fence = await cast(Any, redis.eval(_LOCK, 2, _lock_key(name), _fence_key(name), owner, int(seconds * 1000)))
        return None if fence is None else int(fence)

    async def unlock(self, name: str, owner: str) -> None:
        with redis_errors(f"unlocking {name}"):
            async with redis_at(self.url.get_secret_value()) as redis:
                await cast(Any, redis.eval(_UNLOCK, 1, _lock_key(name), owner))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep connections open inside this block, for all exchanges of this event loop with this Redis."""
        async with redis_kept(self.url.get_secret_value()):
            yield


class _Messages:
    """The messages of a subscription. An `anext` that is cancelled, as by a timeout, loses none."""

    def __init__(self, pubsub: PubSub, early: list[tuple[str, str]], attempted: str) -> None:
        self._pubsub = pubsub
        self._early = early
        self._attempted = attempted
        self._reading: asyncio.Task[tuple[str, str]] | None = None

    def __aiter__(self) -> "_Messages":
        return self

    async def __anext__(self) -> tuple[str, str]:
        if self._early:
            return self._early.pop(0)
        if self._reading is None:
            self._reading = asyncio.create_task(_next(self._pubsub))
        with redis_errors(self._attempted):
            message = await asyncio.shield(self._reading)
        self._reading = None
        return message

    async def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await self._reading


async def _confirmed(pubsub: PubSub, channels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return once every channel is confirmed, with the messages that came between."""
    await pubsub.subscribe(*channels)
    open_channels, early = set(channels), list[tuple[str, str]]()
    while open_channels:
        message = await pubsub.get_message(timeout=10)
        if message is None:
            raise TimeoutError("the subscription was not confirmed in 10 s")
        if message["type"] == "subscribe":
            open_channels.discard(message["channel"])
        elif message["type"] == "message":
            early.append((message["channel"], message["data"]))
    return early


async def _next(pubsub: PubSub) -> tuple[str, str]:
    while True:
        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=None)
        if message is not None:
            return message["channel"], message["data"]


def _lock_key(name: str) -> str:
    return f"slipway:lock:{{{name}}}"


def _fence_key(name: str) -> str:
    return f"slipway:fence:{{{name}}}"
