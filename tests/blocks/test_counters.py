"""Counts of the API's door: the ones in memory and the ones in Redis obey the same rules."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from blocks.redis_counters import RedisCounters
from domain.errors import ServiceUnreachable
from domain.limits import Counted, Counters, wait
from tests.blocks.services import redis_server
from tests.fakes.counters import MemoryCounters


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    if request.param == "memory":
        yield MemoryCounters()
        return
    real = RedisCounters(SecretStr(request.getfixturevalue("redis_url")))
    yield real
    await real.close()


async def test_window_begins_with_the_first_and_counts_all(counters: Counters) -> None:
    assert await counters.counted("a") == Counted()
    seen = [await counters.count("a", 1000) for _ in range(3)]
    assert [each.number for each in seen] == [1, 2, 3]
    assert all(0 < each.seconds <= 1000 for each in seen)
    looked = await counters.counted("a")
    assert (looked.number, looked.seconds > 0) == (3, True)
    assert (await counters.count("b", 1000)).number == 1


async def test_what_is_remembered_is_known(counters: Counters) -> None:
    assert not await counters.remembers("right:1", 1000)
    await counters.remember("right:1", 1000)
    assert await counters.remembers("right:1", 1000)
    assert not await counters.remembers("right:2", 1000)
    for _ in range(2):
        await counters.forget("right:1")
    assert not await counters.remembers("right:1", 1000)


async def test_window_in_redis_has_an_end_and_so_has_a_memory() -> None:
    with redis_server() as server:
        counters = RedisCounters(SecretStr(server.url))
        await counters.count("a", 30)
        await counters.remember("b", 10)
        assert await counters.remembers("b", 30)
        lives = [await counters._redis.ttl(f"slipway:api:{name}") for name in ("a", "b")]
        assert all(0 < each <= 30 for each in lives)
        assert lives[1] > 10
        server.process.kill()
        server.process.wait()
        with pytest.raises(ServiceUnreachable):
            await counters.count("a", 30)
        await counters.close()


async def test_window_in_memory_ends() -> None:
    counters = MemoryCounters()
    await counters.count("a", 60)
    counters.now = 60
    assert (await counters.counted("a"), (await counters.count("a", 60)).number) == (Counted(), 1)


@pytest.mark.parametrize(("number", "seconds", "waits"), [(1, 60, None), (3, 60, None), (4, 42, 42), (4, 0, 1)])
def test_who_is_over_the_limit_waits_for_the_end_of_the_window(number: int, seconds: int, waits: int | None) -> None:
    assert wait(Counted(number=number, seconds=seconds), 3) == waits
