"""Deployer: start the new release, gate it, switch to it.

True afterwards: exactly one release of the project is live, and the route leads to it; what served before still runs.
Blocks: registry, engine, vault, proxy, wakeups. Every step finds its own work half done and goes on:
the registry row is written before the copy starts, and the switch is written before the route is set, so a
reconcile that comes between finds the truth in the registry. Every step shows its lease first, and judges by what the
registry says then: a process that was overtaken changes nothing, it raises LeaseLost.
"""

from datetime import UTC, datetime
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.data_errors import RestoreUnfinished
from domain.errors import UnknownObject
from domain.health import HealthCheck, gone
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from domain.snapshots import being_restored
from domain.trimming import tail
from domain.workers import AppRunner, AppSpec, AppState
from tasks.audit import record
from tasks.health import LOG_LIMIT, LOG_LINES, Unhealthy, wait_healthy
from tasks.hosts import project_hosts
from tasks.leases import hold, holding
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.secret_resolver import release_values

STOP_SECONDS = 5.0
"""Seconds that a copy which never served has to end."""


@task(
    task_run_name="start {lease.project} of {run}",
    cache_policy=NO_CACHE,
    retries=40,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def start_release(
    lease: Lease,
    run: str,
    commit: str,
    candidate: str,
    environment_version: int,
    process: str,
    registry: Registry,
    engine: AppRunner,
    vault: Vault,
    wakeups: Wakeups,
) -> Release:
    """Record the run's release and start its copy; the same run again finds both, whatever became of them."""
    await hold(lease, registry, wakeups)
    release = await recorded(lease, run, commit, candidate, environment_version, registry)
    if release.state is ReleaseState.STARTING:
        await holding(lease, registry, wakeups, partial(start_copy, release, process, registry, engine, vault))
    return release


async def recorded(
    lease: Lease, run: str, commit: str, candidate: str, environment_version: int, registry: Registry
) -> Release:
    """Return the run's release, written down with who asked for it; the same run again finds it, whatever became of it."""
    asked = await registry.run(run)
    actor = asked.origin.person if asked is not None else ""
    return await registry.add_release(
        lease.project, run, commit, candidate, environment_version, datetime.now(UTC), fence=lease.fence, actor=actor or SLIPWAY
    )


@task(
    task_run_name="start {release.identity} again",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def restart_release(
    lease: Lease, release: Release, process: str, registry: Registry, engine: AppRunner, vault: Vault, wakeups: Wakeups
) -> Rejected | None:
    """Start the copy of a release that is kept, with its own environment; one that runs is left as it is.

    When its image or a secret of it is gone (pruned by hand), it has failed: what would be built again is not what was tested.
    """
    try:
        await holding(lease, registry, wakeups, partial(start_copy, release, process, registry, engine, vault))
    except UnknownObject as gone:
        return await give_up(lease, release, f"what it was started from is gone: {gone}", "", registry, engine)
    return None


async def start_copy(release: Release, process: str, registry: Registry, engine: AppRunner, vault: Vault) -> None:
    """Start or adopt the release's copy with the environment version that belongs to it.

    RestoreUnfinished while the project's data may be half replaced: whoever may finish that does so before he starts any.
    """
    if (begun := being_restored(await registry.snapshots(release.project))) is not None:
        raise RestoreUnfinished(release.project, begun.reference, "bringing that back was interrupted")
    spec = AppSpec(
        identity=release.identity,
        project=release.project,
        run=release.run,
        candidate=release.candidate,
        process=process,
        environment=await release_values(release, registry, vault),
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
    lease: Lease, release: Release, check: HealthCheck, seconds: float, registry: Registry, engine: AppRunner, wakeups: Wakeups
) -> Rejected | None:
    """Wait until the release is healthy. If it never is, mark it failed, stop its copy and say why.

    One that serves already is not asked: what to do when that is unwell is decided by the watch.
    """
    await hold(lease, registry, wakeups)
    now = await release_row(release, registry)
    if now.state is ReleaseState.LIVE:
        return None
    if now.state is ReleaseState.FAILED:
        return await give_up(lease, now, now.reason, "", registry, engine)
    health = await holding(lease, registry, wakeups, partial(wait_healthy, engine, release.identity, check, seconds))
    if not isinstance(health, Unhealthy):
        return None
    return await give_up(lease, now, health.reason, health.log, registry, engine, unfit=True)


async def give_up(
    lease: Lease,
    release: Release,
    reason: str,
    evidence: str,
    registry: Registry,
    engine: AppRunner,
    *,
    unfit: bool | None = None,
) -> Rejected:
    """Mark the release failed, then stop its copy; what is said of it holds no secret of the project.

    `unfit`: it was the copy's own health, so that the same is not tried again.
    """
    why, state = redacted(reason), ReleaseState.FAILED
    await registry.move_release(release.project, release.number, state, reason=why, unfit=unfit, fence=lease.fence)
    await engine.stop(release.identity, STOP_SECONDS)
    who, what = release.actor or SLIPWAY, f"release {release.number} failed"
    await record(release.project, who, what, registry, why=why, version=release.number, once=True)
    return Rejected(reason=why, evidence=redacted(evidence))


@task(
    task_run_name="switch to {release.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def switch_release(
    lease: Lease,
    release: Release,
    replaced: ReleaseState,
    reason: str,
    registry: Registry,
    engine: AppRunner,
    proxy: Proxy,
    wakeups: Wakeups,
) -> Release | Rejected:
    """Make the release live in the registry, then lead the project's route to it in one call.

    A copy that ended since its gate gets no traffic: the release has failed. When it is live already, only its route is
    set, and that only while its copy runs.
    """
    await hold(lease, registry, wakeups)
    now, status = await release_row(release, registry), await engine.status(release.identity)
    if status.state is not AppState.RUNNING or not status.address:
        if now.state is ReleaseState.LIVE:
            return now
        log = tail(await engine.logs(release.identity, LOG_LINES), LOG_LIMIT)
        why = gone(status) or "It is being started again."
        return await give_up(lease, now, why, log, registry, engine, unfit=True)
    moved = await registry.promote(
        release.project, release.number, status.address, replaced, reason, datetime.now(UTC), fence=lease.fence
    )
    hosts = await project_hosts(release.project, registry)
    await proxy.set_route(Route(project=release.project, hosts=hosts, upstream=status.address), lease.fence)
    return moved


async def release_row(release: Release, registry: Registry) -> Release:
    """Return the release as the registry has it now; raise UnknownObject when its project was removed."""
    for now in await registry.releases(release.project):
        if now.number == release.number:
            return now
    raise UnknownObject("release", release.identity)
