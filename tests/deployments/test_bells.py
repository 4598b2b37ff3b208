"""Who waits for a bell ends when it is told to, also as the bell rings."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from deployments.bells import rung
from flows.health_watch import pause


@pytest.mark.parametrize("wait", [rung, pause])
@pytest.mark.parametrize("steps", range(6))
async def test_cancellation_as_the_bell_rings_is_not_lost(
    steps: int, wait: Callable[[asyncio.Event, float], Awaitable[None]]
) -> None:
    bell, waits = asyncio.Event(), asyncio.Event()

    async def sweep() -> None:
        while True:
            waits.set()
            await wait(bell, 600)
            bell.clear()

    task = asyncio.create_task(sweep())
    await waits.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    bell.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert task.cancelled()
