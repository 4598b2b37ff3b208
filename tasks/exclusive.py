"""Stop, then start: for kinds of which one copy may run at a time, and for a copy that has ended and that nothing can replace.

True afterwards: `make_room`: no other copy of the project runs; what served is marked as resting before it was stopped.
`let_rest`: so is what serves, when its copy has ended. `bring_back`: what rested runs and serves again.
Blocks: registry, engine, vault, git host, proxy, wakeups. The mark is in the registry, so a resumed run, a rollback or the
watch finds what to bring back, whoever was killed.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.environment import EnvironmentVersion
from domain.errors import Broken, NeedsPerson, SlipwayError
from domain.exclusivity import Exclusivity, is_judged, own
from domain.leases import Lease
from domain.protocols import GitHost, Vault, Wakeups
from domain.registry import Registry
from domain.releases import RESTS, Release, ReleaseState, live
from domain.routes import Proxy, Route
from domain.workers import AppRunner, AppState
from tasks.audit import record
from tasks.deployer import start_copy
from tasks.health import Unhealthy, wait_healthy
from tasks.hosts import project_hosts
from tasks.kinds import kind_named
from tasks.leases import claim, give_back, hold, holding
from tasks.readiness import health_check_of
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.run_log import run_log

STOP_SECONDS = 10.0
"""Seconds that a copy has to end what it does."""
FINDER = "finder of resting releases"
"""Owner of a deploy lock while a release is brought back that nobody else brings back."""


@task(
    task_run_name="make room in {lease.project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def make_room(
    lease: Lease,
    exclusivity: Exclusivity,
    version: EnvironmentVersion | None,
    registry: Registry,
    engine: AppRunner,
    wakeups: Wakeups,
    starts: Release | None = None,
) -> None:
    """Stop what serves, where it or a copy with `version` bears no other beside it; else nothing happens.

    The copy that is about to start is that of the lease's run, or of `starts`, a release of before.
    """
    await hold(lease, registry, wakeups)
    releases = await registry.releases(lease.project)
    if not exclusivity.exclusive or is_judged(releases, lease.owner):
        return
    serving, starts = live(releases), starts or own(releases, lease.owner)
    before = await registry.environment(lease.project, serving.environment_version) if serving is not None else None
    if not (exclusivity.is_alone(version) or (serving is not None and exclusivity.is_alone(before))):
        return
    if serving is not None:
        await registry.move_release(lease.project, serving.number, ReleaseState.LIVE, address=RESTS, fence=lease.fence)
    await _stop_others(lease, starts.identity if starts is not None else "", registry, engine, wakeups)


@task(
    task_run_name="does what serves in {lease.project} run",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def let_rest(lease: Lease, registry: Registry, engine: AppRunner, wakeups: Wakeups) -> bool:
    """Mark what serves as resting when its copy has ended or is gone, for `bring_back`; tell whether it is so."""
    await hold(lease, registry, wakeups)
    serving = live(await registry.releases(lease.project, states=(ReleaseState.LIVE,)))
    if serving is None or (await engine.status(serving.identity)).state not in (AppState.STOPPED, AppState.GONE):
        return False
    await registry.move_release(lease.project, serving.number, ReleaseState.LIVE, address=RESTS, fence=lease.fence)
    what = f"release {serving.number} started again"
    await record(lease.project, SLIPWAY, what, registry, why="its copy did not run", version=serving.number)
    return True


@task(
    task_run_name="bring back what rests in {lease.project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def bring_back(
    lease: Lease,
    seconds: float,
    registry: Registry,
    engine: AppRunner,
    vault: Vault,
    git: GitHost,
    proxy: Proxy,
    wakeups: Wakeups,
) -> str:
    """Start the release that rests, wait for its health, lead the route to it; return why it is unwell, empty when it is not.

    One that is unwell serves all the same, as before: from now on the watch judges it. So it does one that can never start:
    that rests no more, does not run, and has no route.
    """
    await hold(lease, registry, wakeups)
    serving = live(await registry.releases(lease.project, states=(ReleaseState.LIVE,)))
    project = await registry.project(lease.project)
    if serving is None or project is None or not serving.rests:
        return ""
    await _stop_others(lease, serving.identity, registry, engine, wakeups)
    process = kind_named(project.kind).process
    try:
        await holding(lease, registry, wakeups, partial(start_copy, serving, process, registry, engine, vault))
    except (NeedsPerson, Broken) as gone:  # trying again would not help: its image or a secret of it is gone, or worse
        await registry.move_release(lease.project, serving.number, ReleaseState.LIVE, address="", fence=lease.fence)
        return redacted(f"It cannot be started again: {gone}")
    check = await health_check_of(project, serving.commit, git)
    health = await holding(lease, registry, wakeups, partial(wait_healthy, engine, serving.identity, check, seconds))
    address = (await engine.status(serving.identity)).address
    await registry.move_release(lease.project, serving.number, ReleaseState.LIVE, address=address, fence=lease.fence)
    if address:
        hosts = await project_hosts(lease.project, registry)
        await proxy.set_route(Route(project=lease.project, hosts=hosts, upstream=address), lease.fence)
    return redacted(health.reason) if isinstance(health, Unhealthy) else ""


async def bring_back_forgotten(
    seconds: float, registry: Registry, engine: AppRunner, vault: Vault, git: GitHost, proxy: Proxy, wakeups: Wakeups
) -> Sequence[str]:
    """Bring back what rests although nobody deploys its project any more; return the projects.

    One that cannot be brought back now keeps no other from it.
    """
    bring = partial(
        bring_back.fn, seconds=seconds, registry=registry, engine=engine, vault=vault, git=git, proxy=proxy, wakeups=wakeups
    )
    returned = []
    for release in await registry.releases(states=(ReleaseState.LIVE,)):
        if not release.rests:
            continue
        try:
            unwell = await _under_lease(release.project, bring, registry, wakeups)
        except SlipwayError as error:  # a service that is away, a full disk, or a deploy that came between: the next time
            run_log("slipway.exclusive").warning("%s rests still: %s", release.identity, redacted(str(error)))
            continue
        if unwell is None:
            continue
        if unwell:
            run_log("slipway.exclusive").warning("%s was brought back and is unwell: %s", release.identity, unwell)
        returned.append(release.project)
    return returned


async def _under_lease(
    project: str, work: Callable[[Lease], Awaitable[str]], registry: Registry, wakeups: Wakeups
) -> str | None:
    """Return what the work returns; None when somebody deploys the project."""
    lease = await claim(project, FINDER, registry, wakeups)
    if lease is None:
        return None
    try:
        return await work(lease)
    finally:
        await give_back(lease, registry, wakeups)


async def _stop_others(lease: Lease, stays: str, registry: Registry, engine: AppRunner, wakeups: Wakeups) -> None:
    """Stop every copy of the project that could serve but the one of this identity."""
    for app in await engine.apps(lease.project):
        if app.role != "release" or app.identity == stays or app.state is AppState.STOPPED:
            continue
        await holding(lease, registry, wakeups, partial(engine.stop, app.identity, STOP_SECONDS))
