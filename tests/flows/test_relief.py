"""Who watches: a newer run of health_watch relieves the one before, on a real Redis."""

import asyncio
from pathlib import Path

from pydantic import SecretStr

from blocks.wakeups import RedisWakeups
from flows.health_watch import RELIEF, relieved
from tests.blocks.services import redis_server


async def test_the_newer_run_relieves_the_older_one_and_nobody_relieves_it() -> None:
    with redis_server() as server:
        wakeups = RedisWakeups(url=server.url)
        async with wakeups.subscribe(RELIEF) as said, relieved(wakeups, "first") as first:
            assert await anext(said) == (RELIEF, "first")
            async with relieved(wakeups, "second") as second:
                await asyncio.wait_for(first.wait(), 30)
                assert not second.is_set()


async def test_a_redis_that_is_away_ends_no_watch(tmp_path: Path) -> None:
    wakeups = RedisWakeups(url=SecretStr(f"unix://{tmp_path}/nowhere.sock"))
    async with relieved(wakeups, "alone") as relief:
        assert not relief.is_set()
