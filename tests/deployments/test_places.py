"""Only so many work at once; who takes long keeps nobody from a place."""

import asyncio

from deployments.bot.places import Places
from tests.deployments.conftest import eventually


async def test_no_more_work_at_once_than_there_are_places_and_who_came_first_goes_first() -> None:
    places, at_work, most, order = Places(2, seconds=600), 0, 0, []

    async def work(number: int) -> None:
        nonlocal at_work, most
        async with places.taken():
            at_work += 1
            most = max(most, at_work)
            order.append(number)
            await asyncio.sleep(0)
            at_work -= 1

    await asyncio.gather(*(work(number) for number in range(20)))
    assert (most, order) == (2, list(range(20)))


async def test_who_takes_long_goes_on_without_a_place_and_gives_it_back_once() -> None:
    places, never = Places(1, seconds=0), asyncio.Event()
    slow = asyncio.create_task(_hold(places, never))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        async with places.taken():
            assert not slow.done()
    never.set()
    await slow
    assert places._free._value == 1


async def test_work_that_fails_or_is_cut_off_gives_its_place_back() -> None:
    places, never = Places(1, seconds=600), asyncio.Event()
    cut_off = asyncio.create_task(_hold(places, never))
    waiting = asyncio.create_task(_hold(places, never))
    await asyncio.sleep(0)
    for task in (waiting, cut_off):
        task.cancel()
        await eventually(lambda task=task: asyncio.sleep(0, task.done()))
    async with asyncio.timeout(60), places.taken():
        assert cut_off.cancelled()


async def _hold(places: Places, until: asyncio.Event) -> None:
    async with places.taken():
        await until.wait()
