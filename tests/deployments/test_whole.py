"""A step that was begun is ended, and the cancellation still reaches its caller."""

import asyncio

import pytest

from deployments.whole import whole


async def test_cancelled_caller_waits_for_the_end_of_its_step() -> None:
    sent, written, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def step() -> None:
        sent.set()
        await answered.wait()
        written.set()

    caller = asyncio.create_task(whole(step()))
    await sent.wait()
    caller.cancel()
    asyncio.get_running_loop().call_soon(answered.set)
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert written.is_set()


async def test_result_and_error_of_a_step_are_its_callers() -> None:
    async def good() -> int:
        return 3

    async def bad() -> None:
        raise ValueError("no")

    assert await whole(good()) == 3
    with pytest.raises(ValueError, match="no"):
        await whole(bad())
