"""Windows of time: one suite for the fake and for a real Redis."""

import asyncio
from collections.abc import Iterator

import pytest
from redis import Redis

from blocks.redis_rates import RedisRates
from domain.allowances import Rates
from domain.errors import ServiceUnreachable
from tests.blocks.services import RedisServer, redis_server
from tests.fakes.rates import MemoryRates

HOUR = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["memory", "redis"])
def rates(request: pytest.FixtureRequest) -> Rates:
    if request.param == "memory":
        return MemoryRates()
    server: RedisServer = request.getfixturevalue("server")
    with Redis.from_url(server.url) as redis:
        redis.flushall()
    return RedisRates(server.url)


async def test_as_many_pass_as_may_and_the_first_that_is_refused_is_told(rates: Rates) -> None:
    came = [await rates.enter("ann", f"u{number}", 3, HOUR) for number in range(5)]
    assert [(each.passes, each.first) for each in came] == [(True, False)] * 3 + [(False, True), (False, False)]
    assert 0 < came[3].seconds <= HOUR
    assert (await rates.enter("bob", "u9", 3, HOUR)).passes


async def test_key_that_comes_again_counts_once_and_is_told_again(rates: Rates) -> None:
    for _ in range(5):
        assert (await rates.enter("ann", "u1", 2, HOUR)).passes
    assert (await rates.enter("ann", "u2", 2, HOUR)).passes
    assert [(await rates.enter("ann", key, 2, HOUR)).first for key in ("u3", "u3", "u4", "u3")] == [True, True, False, True]


async def test_of_many_at_once_no_more_pass_than_may(rates: Rates) -> None:
    came = await asyncio.gather(*(rates.enter("ann", f"u{number}", 4, HOUR) for number in range(20)))
    assert sum(each.passes for each in came) == 4
    assert sum(each.first for each in came) == 1


async def test_none_may_pass_where_the_limit_is_nothing(rates: Rates) -> None:
    assert not (await rates.enter("ann", "u1", 0, HOUR)).passes


async def test_window_moves_on() -> None:
    rates = MemoryRates()
    for key, now, passes in (
        ("a", 1, True),
        ("b", 50, True),
        ("c", 59, False),
        ("d", 61, True),
        ("e", 62, False),
        ("f", 110, True),
    ):
        rates.now = now
        assert (await rates.enter("ann", key, 2, 60.0)).passes is passes, key


async def test_window_of_redis_moves_on_by_the_servers_clock() -> None:
    with redis_server() as server:
        rates = RedisRates(server.url)
        assert (await rates.enter("ann", "a", 1, 0.02)).passes
        async with asyncio.timeout(60):
            while not (await rates.enter("ann", "b", 1, 0.02)).passes:  # noqa: ASYNC110  (the server's clock has no event)
                await asyncio.sleep(0.01)


async def test_redis_that_is_away_is_told() -> None:
    with pytest.raises(ServiceUnreachable):
        await RedisRates("unix:///nonexistent/r.sock").enter("ann", "a", 1, HOUR)
