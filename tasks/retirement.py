"""Retirement: what ran before a release serves finishes what it answers, then stops and is kept.

True afterwards: of the project no copy runs but the live one, and that of the release which the lease's holder starts.
Blocks: registry, engine, proxy, wakeups. Safe to repeat.
"""

import asyncio
import time
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.leases import Lease
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.routes import Proxy
from domain.workers import AppRunner, AppState
from tasks.leases import hold, holding
from tasks.retrying import only_try_again

QUIET = 0.5
"""Seconds without a request in flight after which an old release counts as drained."""


@task(
    task_run_name="retire what {lease.project} ran before",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def retire_releases(
    lease: Lease, seconds: float, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups
) -> None:
    """Let every copy but the live one finish what it answers, stop it and keep it.

    Who holds the lease deploys alone: another's release that is still starting was left so, and its copy stops too.
    """
    await hold(lease, registry, wakeups)
    releases = {release.identity: release for release in await registry.releases(lease.project)}
    for app in await engine.apps(lease.project):
        release = releases.get(app.identity)
        if app.role != "release" or (release is not None and stays(release, lease.owner)):
            continue
        if app.state in (AppState.RUNNING, AppState.RESTARTING):
            await holding(lease, registry, wakeups, partial(drained, app.address, seconds, proxy))
            await holding(lease, registry, wakeups, partial(engine.stop, app.identity, seconds))
        if release is not None and release.state is ReleaseState.DRAINING:
            await registry.move_release(lease.project, release.number, ReleaseState.KEPT, fence=lease.fence)


def stays(release: Release, owner: str) -> bool:
    """Tell whether the copy serves, or is about to for who holds the lock."""
    return release.state is ReleaseState.LIVE or (release.state is ReleaseState.STARTING and release.run == owner)


async def drained(upstream: str, seconds: float, proxy: Proxy) -> None:
    """Wait until the proxy has had no request in flight to `upstream` for QUIET seconds, `seconds` at most."""
    started = quiet_since = time.monotonic()
    while upstream and time.monotonic() - started < seconds:
        if await proxy.in_flight(upstream):
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= QUIET:
            return
        await asyncio.sleep(0.05)
