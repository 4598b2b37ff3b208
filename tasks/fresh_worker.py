"""A worker of a candidate for one step of a test, without network: nothing of an earlier attempt is in it, nothing of it stays.

Block: engine.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.workers import Limits, Worker, WorkerSpawner, WorkerSpec


@asynccontextmanager
async def fresh_worker(
    identity: str, project: str, run: str, candidate: str, limits: Limits, engine: WorkerSpawner
) -> AsyncIterator[Worker]:
    """Yield it; what an interrupted attempt left under this identity may still be running its tests, and goes first."""
    await engine.remove_worker(identity)
    try:
        yield await engine.spawn(
            WorkerSpec(identity=identity, project=project, run=run, role="tester", image=candidate, limits=limits)
        )
    finally:
        await engine.remove_worker(identity)
