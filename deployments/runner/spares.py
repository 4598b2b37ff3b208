"""Spare workers of the Docker engine, kept ready while the runner works."""

import asyncio
import logging
from typing import cast

import anyio

from blocks.docker_engine.block import DockerEngine
from blocks.installation import Installation
from deployments.whole import whole
from domain.cli_agents import LOOP
from domain.errors import SlipwayError
from domain.workers import WorkerSpec
from tasks.workplace import usual_worker

DOCUMENT = "slipway"
"""That of `flows.opening`, which imports every service: much for the runner to hold."""
REFILL_SECONDS = 5.0
PATIENCE_SECONDS = 300.0
"""Wait after a failure: else an engine that starts nothing would be given containers without end."""

logger = logging.getLogger("prefect.slipway.spares")


async def keep_spares(size: int) -> None:
    """Have `size` spare workers until cancelled, then none; those that a killed runner left are used or removed.

    There are none for a CLI developer, whose workers have an image of their own.
    """
    installation = cast(Installation, await Installation.aload(DOCUMENT))
    if installation.engine == "docker":
        developer = installation.arrangement_of("developer")
        spare, wanted = usual_worker(developer.capabilities), size if developer.engine == LOOP else 0
        await keep(cast(DockerEngine, await DockerEngine.aload(DOCUMENT)), spare, wanted)


async def keep(engine: DockerEngine, spare: WorkerSpec, size: int) -> None:
    try:
        while size:
            seconds = await _refilled(engine, spare, size)
            await asyncio.sleep(seconds)
    finally:
        await _refilled(engine, spare, 0)


async def _refilled(engine: DockerEngine, spare: WorkerSpec, size: int) -> float:
    """Refill to the end, also when cancelled meanwhile: the engine would go on. Return the seconds until the next time."""
    seconds = PATIENCE_SECONDS
    with anyio.CancelScope(shield=True):  # holds off the end of the runner's task group; `whole` that of this task alone
        seconds = await whole(_refill(engine, spare, size))
    return seconds  # noqa: RET504  (to mypy the scope could swallow what was raised)


async def _refill(engine: DockerEngine, spare: WorkerSpec, size: int) -> float:
    try:
        await engine.refill(spare, size)
    except SlipwayError as error:
        logger.warning("the spare workers are not as they should be: %s", error)
        return PATIENCE_SECONDS
    return REFILL_SECONDS
