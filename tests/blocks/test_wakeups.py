import asyncio
from collections.abc import Iterator
from time import time

import pytest

from blocks.redis_client import KEPT, redis_client
from blocks.wakeups import RedisWakeups
from domain.errors import ServiceUnreachable
from domain.protocols import Wakeups
from tests.blocks.services import RedisServer, redis_server


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def wakeups(server: RedisServer) -> Wakeups:
    return RedisWakeups(url=server.url)


async def test_what_is_published_after_entering_is_heard(wakeups: Wakeups) -> None:
    async with wakeups.subscribe("runs", "chat") as messages:
        await wakeups.publish("chat", "привет")
        await wakeups.publish("runs", "r-1 ended")
        assert [await anext(messages), await anext(messages)] == [("chat", "привет"), ("runs", "r-1 ended")]


async def test_wait_that_times_out_loses_no_message(wakeups: Wakeups) -> None:
    async with wakeups.subscribe("runs") as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
        await wakeups.publish("runs", "late")
        assert await anext(messages) == ("runs", "late")


async def test_messages_can_be_iterated(wakeups: Wakeups) -> None:
    async with wakeups.subscribe("runs") as messages:
        for text in ("a", "b", "end"):
            await wakeups.publish("runs", text)
        heard = []
        async for _, text in messages:
            heard.append(text)
            if text == "end":
                break
    assert heard == ["a", "b", "end"]


async def test_leaving_while_a_read_is_open_leaves_no_connection(wakeups: Wakeups, server: RedisServer) -> None:
    async with wakeups.subscribe("runs") as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
    async with wakeups.subscribe("other") as messages:
        await wakeups.publish("runs", "nobody listens")
        await wakeups.publish("other", "x")
        assert await anext(messages) == ("other", "x")


async def test_second_owner_waits_until_the_first_gives_the_lock_back(wakeups: Wakeups) -> None:
    first = await wakeups.lock("deploy:a", "worker-1", 30)
    assert first is not None
    assert await wakeups.lock("deploy:a", "worker-2", 30) is None
    assert await wakeups.lock("deploy:a", "worker-1", 30) == first, "the owner extends and keeps its number"
    await wakeups.unlock("deploy:a", "worker-2")
    assert await wakeups.lock("deploy:a", "worker-2", 30) is None, "another cannot give it back"
    await wakeups.unlock("deploy:a", "worker-1")
    second = await wakeups.lock("deploy:a", "worker-2", 30)
    assert second is not None
    assert second > first


async def test_lock_of_another_name_is_free(wakeups: Wakeups) -> None:
    assert await wakeups.lock("deploy:b", "worker-1", 30) is not None
    assert await wakeups.lock("deploy:c", "worker-2", 30) is not None


async def test_lease_that_ran_out_goes_to_the_next_with_a_higher_number(wakeups: Wakeups) -> None:
    first = await wakeups.lock("deploy:d", "killed", 0.02)
    assert first is not None
    second = await _until_taken(wakeups, "deploy:d", "next")
    assert second > first


async def test_of_many_at_once_one_gets_the_lock(wakeups: Wakeups) -> None:
    numbers = await asyncio.gather(*(wakeups.lock("deploy:e", f"w{i}", 30) for i in range(20)))
    assert sum(number is not None for number in numbers) == 1


def test_one_block_serves_several_event_loops(wakeups: Wakeups) -> None:
    first = asyncio.run(wakeups.lock("deploy:f", "me", 30))
    assert asyncio.run(wakeups.lock("deploy:f", "me", 30)) == first


async def test_numbers_grow_on_when_redis_lost_its_data(wakeups: Wakeups) -> None:
    before = int(time())
    assert (await wakeups.lock("deploy:g", "me", 30) or 0) > before, "a fresh counter starts at the clock, not at 1"


async def test_dead_server_is_told_by_every_call() -> None:
    with redis_server() as server:
        wakeups = RedisWakeups(url=server.url)
        async with wakeups.subscribe("runs") as messages:
            server.process.kill()
            server.process.wait()
            with pytest.raises(ServiceUnreachable, match="Redis did not answer while listening on runs"):
                await anext(messages)
    for call in (wakeups.publish("a", "b"), wakeups.lock("a", "b", 1), wakeups.unlock("a", "b")):
        with pytest.raises(ServiceUnreachable):
            await call
    with pytest.raises(ServiceUnreachable):
        async with wakeups.subscribe("runs"):
            pass


async def test_kept_connections_serve_all_exchanges_and_are_opened_anew_when_they_broke(server: RedisServer) -> None:
    block, other = RedisWakeups(url=server.url), RedisWakeups(url=server.url)
    before = await _connections(server)
    async with block.kept():
        numbers = await asyncio.gather(*(other.lock("kept", f"w{i}", 30) for i in range(50)))
        assert sum(number is not None for number in numbers) == 1
        assert 0 < await _connections(server) - before <= KEPT
        async with redis_client(server.url) as redis:
            await redis.client_kill_filter(_type="normal", skipme=True)
        async with other.subscribe("kept") as messages:
            await other.publish("kept", "still")
            assert await anext(messages) == ("kept", "still")
    async with asyncio.timeout(60):
        while await _connections(server) > before:  # noqa: ASYNC110  (the server closes them by and by)
            await asyncio.sleep(0.01)


async def _connections(server: RedisServer) -> int:
    async with redis_client(server.url) as redis:
        return len(await redis.client_list()) - 1


def test_url_is_not_shown() -> None:
    assert "hunter2" not in repr(RedisWakeups(url="redis://:hunter2@127.0.0.1/0"))


async def _until_taken(wakeups: Wakeups, name: str, owner: str) -> int:
    async with asyncio.timeout(60):
        while True:
            if (number := await wakeups.lock(name, owner, 30)) is not None:
                return number
