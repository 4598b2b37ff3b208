"""Spare workers end with the runner, also those that were being made when it ended."""

import asyncio
from typing import cast

import pytest

from blocks.docker_engine.block import DockerEngine
from deployments.runner.spares import keep
from domain.workers import WorkerSpec
from tasks.workplace import usual_worker


class SlowEngine:
    """Makes spares when the test lets it."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.done: list[int] = []

    async def refill(self, spec: WorkerSpec, size: int) -> None:
        self.begun.set()
        await self.go.wait()
        self.done.append(size)


async def test_spares_that_are_being_made_at_the_end_are_made_and_then_removed() -> None:
    engine = SlowEngine()
    keeping = asyncio.ensure_future(keep(cast(DockerEngine, engine), usual_worker(), 2))
    await engine.begun.wait()
    keeping.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert engine.done == []
    engine.go.set()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert engine.done == [2, 0]
