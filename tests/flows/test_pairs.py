"""Steps side by side: neither is left behind."""

import asyncio

import pytest

from domain.errors import EngineUnreachable
from flows.pairs import both


async def fails() -> int:
    raise EngineUnreachable("Docker", "starting a worker")


async def test_a_step_that_fails_is_told_when_the_other_has_ended() -> None:
    go_on, ended = asyncio.Event(), list[str]()

    async def works() -> str:
        await go_on.wait()
        ended.append("works")
        return "done"

    for pair in (both(fails(), works()), both(works(), fails())):
        go_on.clear()
        pending = asyncio.ensure_future(pair)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not pending.done()
        go_on.set()
        with pytest.raises(EngineUnreachable):
            await pending
    assert ended == ["works", "works"]


async def test_both_results_come_back_in_their_order() -> None:
    async def said(word: str) -> str:
        return word

    assert await both(said("one"), said("two")) == ("one", "two")


async def test_who_stops_waiting_stops_both() -> None:
    stopped = list[str]()

    async def waits(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(name)

    pending = asyncio.ensure_future(both(waits("a"), waits("b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pending
    assert sorted(stopped) == ["a", "b"]
