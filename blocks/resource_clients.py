"""How Slipway itself speaks to a resource: whether it answers to the password of its project.

Each function opens a connection of its own and closes it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from domain.errors import Broken, ServiceUnreachable
from domain.resources import Endpoint, ResourceKind

ANSWER_SECONDS = 5.0
READY_SECONDS = 60.0
POLL = 0.2


def endpoint_at(kind: ResourceKind, host: str, port: int) -> Endpoint:
    """Return the endpoint with the names that `images/resource.sh` gives to user and database."""
    user, database = {ResourceKind.POSTGRES: ("app", "app"), ResourceKind.REDIS: ("default", "0")}[kind]
    return Endpoint(host=host, port=port, user=user, database=database)


async def await_answer(
    kind: ResourceKind, name: str, url: Callable[[], Awaitable[str]], log: Callable[[], Awaitable[str]]
) -> None:
    """Return when it answers a question; raise ServiceUnreachable, with the end of its log, when it never does.

    `url` says where it is now, nothing while it is nowhere. A password that it refuses is an error at once.
    """
    why = ""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while why := await _refusal(kind, await url(), name):  # noqa: ASYNC110 - a server can only be asked
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise ServiceUnreachable(name, "waiting until it answers", f"{why}; its log ends: {(await log())[-500:]}") from None


async def _refusal(kind: ResourceKind, url: str, name: str) -> str:
    """Return why it does not answer yet; nothing when it does."""
    if not url:
        return "it has no address"
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            if kind is ResourceKind.POSTGRES:
                await _ask_postgres(url)
            else:
                async with redis_at(url) as client:
                    await client.ping()
    except (asyncpg.InvalidPasswordError, AuthenticationError):
        raise Broken(f"{name} does not know the password that its project's vault holds") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, RedisError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def _ask_postgres(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS)
    try:
        await connection.execute("SELECT 1")
    finally:
        connection.terminate()


@asynccontextmanager
async def redis_at(url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(url, socket_timeout=READY_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    try:
        yield client
    finally:
        await client.aclose()


def settle_file(partial: Path, path: Path) -> int:
    """Move a file that is whole to its place, with all of it on disk; return its bytes."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    return path.stat().st_size
