"""How Slipway itself speaks to a resource: whether it answers to the password of its project, and Redis's data as a file.

Each function opens a connection of its own and closes it.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from domain.errors import Broken, ServiceUnreachable
from domain.resources import Endpoint, ResourceKind

ANSWER_SECONDS = 5.0
READY_SECONDS = 60.0
POLL = 0.2
KEYS = 200
"""Keys that are asked for in one exchange."""
HEADER = struct.Struct(">IQQ")
"""Of one key in a dump: length of its name, length of its value, and the moment of its end in milliseconds, or 0."""
MAGIC = b"slipway redis 1\n"


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


async def dump_redis(url: str, path: Path) -> None:
    """Write every key with its value, in Redis's own form, and its end."""
    with path.open("wb") as file:
        file.write(MAGIC)
        async with redis_at(url) as client:
            cursor: int | None = None
            while cursor != 0:
                cursor, names = await client.scan(cursor or 0, count=KEYS)
                await _write_keys(client, names, file)


async def _write_keys(client: Redis, names: Sequence[Any], file: BinaryIO) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.dump(name)
            pipe.pttl(name)
        pipe.time()
        *answers, (seconds, micros) = await pipe.execute()
    now = seconds * 1000 + micros // 1000
    for name, value, left in zip(names, answers[::2], answers[1::2], strict=True):
        if value is not None:  # it went away meanwhile
            file.write(HEADER.pack(len(name), len(value), now + left if left > 0 else 0) + name + value)


async def restore_redis(url: str, path: Path) -> None:
    """Empty it, and put the keys of a dump in; raise Broken for a file that is none, before anything is changed."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Broken(f"{path.name} is no dump of a Redis")
        async with redis_at(url) as client:
            await client.flushall()
            while batch := [key for _ in range(KEYS) if (key := _next_key(file)) is not None]:
                async with client.pipeline(transaction=False) as pipe:
                    for name, value, end in batch:
                        pipe.restore(name, end, value, replace=True, absttl=bool(end))
                    await pipe.execute()


def _next_key(file: BinaryIO) -> tuple[bytes, bytes, int] | None:
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    name, value, end = HEADER.unpack(header)
    return file.read(name), file.read(value), end


def settle_file(partial: Path, path: Path) -> int:
    """Move a file that is whole to its place, with all of it on disk; return its bytes."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    return path.stat().st_size
