"""Second look: is a release that the watch found silent still silent?

Nothing is changed. Uses the engine's word and a few GETs to the copy's own address, one after the other.
"""

import asyncio

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.plain_http import plain_client
from domain.health import HealthCheck
from domain.releases import Release
from domain.watching import Look, complaint
from domain.workers import AppRunner
from tasks.health import probe_once
from tasks.retrying import only_try_again

LOOKS = 3
"""Good answers in a row that are wanted: one could be luck."""
PAUSE = 0.2
SECONDS = 1.0
"""Deadline of one look. The first bad one decides, so a release that hangs for good delays its rollback by no more."""


@task(
    task_run_name="look again at {release.identity}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=0.5,
    retry_condition_fn=only_try_again,
)
async def answers_again(release: Release, check: HealthCheck, engine: AppRunner) -> bool:
    """Tell whether the release's health path is well several times in a row."""
    async with plain_client() as client:
        for number in range(LOOKS):
            if number:
                await asyncio.sleep(PAUSE)
            status = await engine.status(release.identity)
            probe = await probe_once(client, status, check, SECONDS)
            if complaint(Look(status=status, probe=probe), check):
                return False
    return True
