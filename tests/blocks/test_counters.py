"""Counts of the API's door: the ones in memory and the ones in Redis obey the same rules."""

import asyncio
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from blocks.redis_client import redis_kept
from blocks.redis_counters import RedisCounters
from domain.errors import ServiceUnreachable
from domain.limits import GUESSES, TRUSTED, WINDOW, Counters, Knock
from tests.blocks.services import redis_server
from tests.fakes.counters import MemoryCounters

RATE = 50


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(params=["memory", "redis"])
def counters(request: pytest.FixtureRequest) -> Counters:
    if request.param == "memory":
        return MemoryCounters()
    return RedisCounters(SecretStr(request.getfixturevalue("redis_url")))


async def test_what_is_known_to_be_ours_may_come_as_often_as_its_rate_from_wherever_it_comes(counters: Counters) -> None:
    for address in ("a1", "a2"):
        assert await counters.knock(address, "key-a", RATE) == Knock()
        await counters.know(address, "key-a")
    seen = [await counters.knock(f"a{1 + number % 2}", "key-a", RATE) for number in range(RATE + 1)]
    assert seen[:RATE] == [Knock(known=True)] * RATE
    assert seen[RATE].known
    assert 0 < (seen[RATE].wait or 0) <= WINDOW
    assert await counters.knock("a1", "key-b", RATE) == Knock()


async def test_burst_of_guesses_passes_the_limit_not_once(counters: Counters) -> None:
    await counters.know("b", "ours")
    burst = await asyncio.gather(*(counters.knock("b", f"guess-{number}", 10**6) for number in range(1000)))
    assert sorted(each.wait is None for each in burst) == [False] * (1000 - GUESSES) + [True] * GUESSES
    assert {each.wait for each in burst} <= {None, *range(1, WINDOW + 1)}
    assert (await counters.knock("b", "ours", RATE), await counters.knock("other", "guess-0", RATE)) == (
        Knock(known=True),
        Knock(),
    )


async def test_same_thing_is_one_guess_however_often_it_comes_and_none_when_it_is_ours(counters: Counters) -> None:
    same = await asyncio.gather(*(counters.knock("c", "new", RATE) for _ in range(GUESSES + 1)))
    assert same == [Knock()] * (GUESSES + 1)
    for number in range(GUESSES - 1):
        assert (await counters.knock("c", f"guess-{number}", RATE)).wait is None
    assert (await counters.knock("c", "too-many", RATE)).wait is not None
    await counters.know("c", "new")
    assert (await counters.knock("c", "too-many", RATE)).wait is None


async def test_unknown_things_of_an_address_share_one_rate(counters: Counters) -> None:
    seen = [await counters.knock("d", f"guess-{number % 2}", 6) for number in range(7)]
    assert [each.wait is None for each in seen] == [True] * 6 + [False]


async def test_all_that_is_kept_in_redis_has_an_end() -> None:
    with redis_server() as server:
        counters = RedisCounters(SecretStr(server.url))
        async with redis_kept(server.url), Redis.from_url(server.url) as redis:
            await counters.ping()
            await counters.knock("a", "guess", RATE)
            await counters.know("a", "ours")
            await counters.knock("a", "ours", RATE)
            lives = sorted([await redis.ttl(name) for name in await redis.keys()])
        assert len(lives) == 4
        assert 0 < lives[0] <= lives[2] <= WINDOW < lives[3] <= TRUSTED
        server.process.kill()
        server.process.wait()
        for asked in (counters.ping(), counters.knock("a", "ours", RATE), counters.know("a", "ours")):
            with pytest.raises(ServiceUnreachable):
                await asked


async def test_windows_in_memory_end() -> None:
    counters = MemoryCounters()
    for number in range(GUESSES):
        await counters.knock("a", f"guess-{number}", 1)
    assert (await counters.knock("a", "another", 1)).wait == WINDOW
    counters.now = WINDOW
    assert await counters.knock("a", "another", 1) == Knock()
