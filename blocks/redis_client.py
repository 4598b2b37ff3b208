"""How Redis is reached, and whose fault an error of it is.

A block opens a connection for each exchange, so that it can be used from any event loop, thread or fork; a process that
lives in one event loop keeps some, inside `redis_kept`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

from domain.errors import Broken, ServiceUnreachable, SlipwayError

KEPT = 8
"""Connections that are kept at most: each exchange takes a fraction of a millisecond, the next one waits for its turn."""
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0

_kept: dict[tuple[str, asyncio.AbstractEventLoop], Redis] = {}


def redis_client(url: str, patience: float | None = None) -> Redis:
    """Return a client that connects when it is used first, and tries nothing twice; `patience`: seconds of each exchange."""
    return Redis.from_url(url, **_options(patience))


@asynccontextmanager
async def redis_at(url: str) -> AsyncIterator[Redis]:
    """Yield the client that this event loop keeps, else one for this exchange only."""
    kept = _kept.get((url, asyncio.get_running_loop()))
    if kept is not None:
        yield kept
        return
    async with redis_client(url) as redis:
        yield redis


@asynccontextmanager
async def redis_kept(url: str) -> AsyncIterator[None]:
    """Keep connections while the block runs, for everything in this event loop that asks for this address.

    One that broke meanwhile, as by a restart of the server, is opened anew.
    """
    key = (url, asyncio.get_running_loop())
    pool = BlockingConnectionPool.from_url(url, max_connections=KEPT, timeout=ANSWER_SECONDS, **_options(None))
    client = _kept[key] = Redis.from_pool(pool)
    try:
        yield
    finally:
        del _kept[key]
        await client.aclose()


def _options(patience: float | None) -> dict[str, Any]:
    """Return how to connect: without the driver's name, whose look-up takes longer than the exchange."""
    return {
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": patience or CONNECT_SECONDS,
        "socket_timeout": patience or ANSWER_SECONDS,
        "driver_info": None,
    }


@contextmanager
def redis_errors(attempted: str) -> Iterator[None]:
    """Raise errors of Redis as ours."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise translated(error, attempted) from error


def translated(error: Exception, attempted: str) -> SlipwayError:
    """Say whose fault a Redis error is: a refused password or command is ours, all else may pass."""
    if isinstance(error, AuthenticationError):
        return Broken(f"Redis refused the password while {attempted}: check SLIPWAY_REDIS_URL")
    return ServiceUnreachable("Redis", attempted, str(error))
