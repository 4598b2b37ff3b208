"""Who waits for a bell ends when it is told to, also as the bell rings."""

import asyncio

import pytest

from deployments.bells import rung


@pytest.mark.parametrize("steps", range(6))
async def test_cancellation_as_the_bell_rings_is_not_lost(steps: int) -> None:
    bell, waits = asyncio.Event(), asyncio.Event()

    async def sweep() -> None:
        while True:
            waits.set()
            await rung(bell, 600)

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
