"""Deployer: start the new release, gate it, switch to it, retire the old one.

True afterwards: exactly one release of the project is live, the route leads to it, and what served before is kept.
Blocks: registry, engine, vault, proxy, wakeups. Every step finds its own work half done and goes on:
the registry row is written before the copy starts, and the switch is written before the route is set, so a
reconcile that comes between finds the truth in the registry.
"""

import asyncio
import time
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.errors import LockTaken
from domain.health import HealthCheck
from domain.outcomes import Rejected
from domain.protocols import Registry, Vault, Wakeups
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from domain.workers import AppRunner, AppSpec, AppState
from tasks.health import Unhealthy, wait_healthy
from tasks.retrying import only_try_again
from tasks.secret_resolver import environment_values

LEASE = 180.0
"""Seconds for which one step of a deploy holds the project's lock; each step extends it."""

QUIET = 0.5
"""Seconds without a request in flight after which an old release counts as drained."""


async def hold(project: str, owner: str, wakeups: Wakeups, seconds: float = 0.0) -> None:
    """Take or extend the project's deploy lock for a step that waits `seconds`; raise LockTaken when another deploy has it."""
    if await wakeups.lock(f"deploy:{project}", owner, LEASE + seconds) is None:
        raise LockTaken(f"the deploy of {project}", "another run")


@task(
    task_run_name="claim {project}",
    cache_policy=NO_CACHE,
    retries=100,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def claim_project(project: str, owner: str, wakeups: Wakeups) -> None:
    """Take the project's deploy lock, waiting for a deploy that is under way."""
    await hold(project, owner, wakeups)


@task(
    task_run_name="start {project} of {run}",
    cache_policy=NO_CACHE,
    retries=40,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def start_release(
    run: str,
    project: str,
    commit: str,
    candidate: str,
    environment_version: int,
    process: str,
    registry: Registry,
    engine: AppRunner,
    vault: Vault,
    wakeups: Wakeups,
) -> Release:
    """Record the run's release and start its copy; the same run again finds both."""
    await hold(project, run, wakeups)
    release = await registry.add_release(project, run, commit, candidate, environment_version, datetime.now(UTC))
    if release.state is ReleaseState.STARTING:
        await start_copy(release, process, registry, engine, vault)
    return release


async def start_copy(release: Release, process: str, registry: Registry, engine: AppRunner, vault: Vault) -> None:
    """Start or adopt the release's copy with the environment version that belongs to it."""
    version = await registry.environment(release.project, release.environment_version)
    values = await environment_values(version, vault) if version is not None else {}
    spec = AppSpec(
        identity=release.identity,
        project=release.project,
        run=release.run,
        candidate=release.candidate,
        process=process,
        environment=values,
    )
    await engine.start(spec)


@task(
    task_run_name="gate {release.identity}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def gate_release(
    owner: str, release: Release, check: HealthCheck, seconds: float, registry: Registry, engine: AppRunner, wakeups: Wakeups
) -> Rejected | None:
    """Wait until the release is healthy. If it never is, stop its copy, mark it failed and say why."""
    await hold(release.project, owner, wakeups, seconds)
    health = await wait_healthy(engine, release.identity, check, seconds)
    if not isinstance(health, Unhealthy):
        return None
    await engine.stop(release.identity, 5.0)
    if release.state in (ReleaseState.STARTING, ReleaseState.KEPT):
        await registry.move_release(release.project, release.number, ReleaseState.FAILED, reason=health.reason)
    return Rejected(reason=health.reason, evidence=health.log)


@task(
    task_run_name="switch to {release.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def switch_release(
    owner: str,
    release: Release,
    domain: str,
    replaced: ReleaseState,
    reason: str,
    registry: Registry,
    engine: AppRunner,
    proxy: Proxy,
    wakeups: Wakeups,
) -> Release:
    """Make the release live in the registry, then lead the project's route to it in one call."""
    await hold(release.project, owner, wakeups)
    status = await engine.status(release.identity)
    moved = await registry.promote(release.project, release.number, status.address, replaced, reason, datetime.now(UTC))
    await proxy.set_route(Route(project=release.project, hosts=(domain,), upstream=status.address))
    return moved


@task(
    task_run_name="retire what {project} ran before",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def retire_releases(
    owner: str, project: str, seconds: float, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups
) -> None:
    """Let every copy but the live one finish what it answers, stop it and keep it; then give the lock back.

    Who holds the lock deploys alone: another's release that is still starting was left so, and its copy stops too.
    """
    releases = {release.identity: release for release in await registry.releases(project)}
    for app in await engine.apps(project):
        release = releases.get(app.identity)
        if app.role != "release" or (release is not None and stays(release, owner)):
            continue
        await hold(project, owner, wakeups, 2 * seconds)
        if app.state in (AppState.RUNNING, AppState.RESTARTING):
            await drained(app.address, seconds, proxy)
            await engine.stop(app.identity, seconds)
        if release is not None and release.state is ReleaseState.DRAINING:
            await registry.move_release(project, release.number, ReleaseState.KEPT)
    await wakeups.unlock(f"deploy:{project}", owner)


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
