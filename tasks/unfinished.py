"""Copies that run and do not serve: none goes on working on the project's data.

True afterwards: the copy of a release whose run has ended is gone and the release is marked failed; while its run waits for
a person the copy rests; what a deploy or rollback that nobody resumes left running beside the live release is stopped. The
project's deploy lock is free either way. Blocks: registry, engine, proxy, wakeups.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import JANITOR
from domain.errors import TryAgain
from domain.leases import deploy_lock
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.routes import Proxy
from domain.workers import AppRunner, AppState
from tasks.audit import record
from tasks.leases import claim, give_back
from tasks.retirement import retire_releases
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


@task(
    task_run_name="stop copies beside the live ones",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def stop_idle_copies(registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups) -> Sequence[str]:
    """Stop and keep the copies that were to stop after a switch, or were started for one; return their names.

    Only of projects that serve and that nobody deploys now: a deploy under way stops them itself.
    """
    stopped: list[str] = []
    for project, copies in (await idle_copies(registry, engine)).items():
        lease = await claim(project, JANITOR, registry, wakeups)
        if lease is None:
            continue
        try:
            await retire_releases.fn(lease, REST_SECONDS, registry, engine, proxy, wakeups)
        finally:
            await give_back(lease, registry, wakeups)
        stopped += copies
    return stopped


async def idle_copies(registry: Registry, engine: AppRunner) -> Mapping[str, Sequence[str]]:
    """Return by project the running copies of releases that serve no more, or not yet again."""
    releases = await registry.releases()
    serving = {release.project for release in releases if release.state is ReleaseState.LIVE}
    idle = {release.identity for release in releases if release.state not in (ReleaseState.LIVE, ReleaseState.STARTING)}
    found: dict[str, list[str]] = {}
    for app in await engine.apps():
        running = app.state in (AppState.RUNNING, AppState.RESTARTING)
        if running and app.role == "release" and app.identity in idle and app.project in serving:
            found.setdefault(app.project, []).append(app.identity)
    return found


async def rest_release(run: str, project: str, registry: Registry, engine: AppRunner, wakeups: Wakeups) -> None:
    """Stop the copy that the run started until it goes on; what an engine that is away keeps, the next deploy stops."""
    for release in await starting(registry, project):
        if release.run == run:
            with suppress(TryAgain):
                await engine.stop(release.identity, REST_SECONDS)
    with suppress(TryAgain):
        await wakeups.unlock(deploy_lock(project), run)


async def starting(registry: Registry, project: str | None) -> Sequence[Release]:
    return await registry.releases(project, states=(ReleaseState.STARTING,))
