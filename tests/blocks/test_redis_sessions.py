"""Conversations shown in a real Redis while they are led; the registry alone says what they are."""

from collections.abc import Iterator

import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis import Redis

from blocks.redis_sessions import KEPT_SECONDS
from blocks.registry.block import SqlRegistry
from domain.conversations import Message, Text
from tests.blocks.services import RedisServer, redis_server
from tests.blocks.test_registry import NOON, a_request

KEY = "slipway:session:notes:developer:r-000001"
CONVERSATION = "r-000001/developer"


def message(number: int) -> Message:
    return Message(role="assistant" if number % 2 else "user", parts=(Text(text=f"step {number} ü"),))


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(server: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest_asyncio.fixture
async def shown(registry: SqlRegistry, server: RedisServer) -> SqlRegistry:
    await registry.add_run(a_request("r-000001"), NOON)
    return registry.model_copy(update={"sessions_url": SecretStr(server.url)})


def seen(redis: Redis) -> list[Message]:
    return [Message.model_validate_json(line) for line in redis.lrange(KEY, 0, -1)]


async def test_each_step_is_shown_under_project_role_and_run_for_a_week(shown: SqlRegistry, redis: Redis) -> None:
    for number in range(3):
        await shown.append(CONVERSATION, number, message(number))
        assert seen(redis) == [message(n) for n in range(number + 1)]
    assert KEPT_SECONDS - 60 < redis.ttl(KEY) <= KEPT_SECONDS


async def test_a_session_that_redis_lost_or_garbled_is_written_anew_and_was_never_trusted(
    shown: SqlRegistry, redis: Redis
) -> None:
    for number in range(3):
        await shown.append(CONVERSATION, number, message(number))
    redis.delete(KEY)
    redis.rpush(KEY, "garbage")
    assert list(await shown.load(CONVERSATION)) == [message(n) for n in range(3)]
    await shown.append(CONVERSATION, 3, message(3))
    assert seen(redis) == [message(n) for n in range(4)]


async def test_a_redis_that_is_gone_stops_no_step(shown: SqlRegistry, server: RedisServer) -> None:
    server.process.kill()
    server.process.wait()
    await shown.append(CONVERSATION, 0, message(0))
    assert list(await shown.load(CONVERSATION)) == [message(0)]
