"""Releases that were started and do not serve: no copy of one goes on working on the project's data.

True afterwards: the copy of a release whose run has ended is gone and the release is marked failed; while its run waits for
a person the copy rests. The project's deploy lock is free either way. Blocks: registry, engine, wakeups.
"""

from collections.abc import Sequence
from contextlib import suppress

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.errors import TryAgain
from domain.leases import deploy_lock
from domain.protocols import Registry, Wakeups
from domain.releases import Release, ReleaseState
from domain.workers import AppRunner
from tasks.audit import record
from tasks.leases import claim, give_back
from tasks.retrying import only_try_again

NEVER_SERVED = "its run ended before it served"
REST_SECONDS = 5.0
"""Seconds that a copy has to end."""


@task(
    task_run_name="end releases that will never serve",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def end_unfinished(registry: Registry, engine: AppRunner, wakeups: Wakeups, project: str | None = None) -> Sequence[str]:
    """Fail the starting releases whose run has ended, and remove their copies; return their names.

    The registry's row goes first, under a new lease of the run itself: a process of it that is still alive has lost its own.
    While another run deploys the project nothing happens: that one stops the copy, and a later look ends the release.
    """
    ended = []
    for release in await starting(registry, project):
        run = await registry.run(release.run)
        if run is not None and not run.state.ended:
            continue
        lease = await claim(release.project, release.run, registry, wakeups)
        if lease is None:
            continue
        try:
            await registry.move_release(
                release.project, release.number, ReleaseState.FAILED, reason=NEVER_SERVED, fence=lease.fence
            )
            await engine.remove(release.identity)
            what = f"release {release.number} failed"
            await record(release.project, JANITOR, what, registry, why=NEVER_SERVED, version=release.number, once=True)
        finally:
            await give_back(lease, registry, wakeups)
        ended.append(release.identity)
    return ended


async def rest_release(run: str, project: str, registry: Registry, engine: AppRunner, wakeups: Wakeups) -> None:
    """Stop the copy that the run started until it goes on; what an engine that is away keeps, the next deploy stops."""
    for release in await starting(registry, project):
        if release.run == run:
            with suppress(TryAgain):
                await engine.stop(release.identity, REST_SECONDS)
    with suppress(TryAgain):
        await wakeups.unlock(deploy_lock(project), run)


async def starting(registry: Registry, project: str | None) -> Sequence[Release]:
    return [release for release in await registry.releases(project) if release.state is ReleaseState.STARTING]
