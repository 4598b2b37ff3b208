"""How Redis is reached, and whose fault an error of it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

from domain.errors import Broken, ServiceUnreachable, SlipwayError


def redis_client(url: str, patience: float | None = None) -> Redis:
    """Return a client that connects when it is used first, and tries nothing twice; `patience`: seconds of each exchange."""
    return Redis.from_url(
        url,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=patience or 5,
        socket_timeout=patience or 10,
    )


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
