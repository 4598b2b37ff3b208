"""Make the world follow the registry: every live release runs, and every route leads to it.

True afterwards: Caddy's project routes are exactly those of the live releases that run.
Blocks: registry, engine, vault, proxy, wakeups (the deploy lock). Safe to repeat; used at start, on schedule, and after
Caddy lost its state.
"""

import asyncio
from collections.abc import Sequence

from domain.audit import SLIPWAY
from domain.errors import SlipwayError
from domain.protocols import Registry, Vault, Wakeups
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from domain.workers import AppRunner, AppState
from tasks.audit import record
from tasks.deployer import start_copy
from tasks.hosts import host_owners
from tasks.kinds import kind_named
from tasks.leases import claim, give_back

RECONCILER = "reconciler"
"""Owner of a deploy lock while a route is mended."""

AT_ONCE = 8
"""Routes that are mended side by side."""


async def live_releases(registry: Registry, project: str | None = None) -> Sequence[Release]:
    return [release for release in await registry.releases(project) if release.state is ReleaseState.LIVE]


async def resume_apps(registry: Registry, engine: AppRunner, vault: Vault) -> Sequence[str]:
    """Start the copy of every live release that does not run; return what could not be started, one sentence each."""
    failed = []
    kind_of = {project.slug: project.kind for project in await registry.projects()}
    for release in await live_releases(registry):
        status = await engine.status(release.identity)
        if status.state in (AppState.RUNNING, AppState.RESTARTING):
            continue
        try:
            process = kind_named(kind_of.get(release.project, "")).process
            await start_copy(release, process, registry, engine, vault)
            what, why = f"release {release.number} started again", "its copy did not run"
            await record(release.project, SLIPWAY, what, registry, why=why, version=release.number)
        except SlipwayError as error:
            failed.append(f"{release.identity} could not be started again: {error}")
    return failed


async def pause_apps(engine: AppRunner) -> None:
    """Stop every running copy at once but keep it, so that `resume_apps` brings it back; a release command goes on."""
    going = (AppState.RUNNING, AppState.RESTARTING)
    running = [app for app in await engine.apps() if app.state in going and app.role != "command"]
    await asyncio.gather(*(engine.stop(app.identity, 5.0) for app in running))


async def reconcile_routes(registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups) -> Sequence[str]:
    """Mend the routes that differ from the registry; return the projects whose route was mended.

    A project whose deploy lock is held is left alone: its deploy is about to set the route itself. A proxy that lost its
    configuration gets that back first, in one load, and with it all routes that were right.
    """
    await proxy.prepare()
    wanted = {route.project: route for route in await wanted_routes(registry, engine)}
    present = {route.project: route for route in await proxy.routes()}
    differing = [name for name in {**wanted, **present} if wanted.get(name) != present.get(name)]
    turns = asyncio.Semaphore(AT_ONCE)
    mended = await asyncio.gather(*(mend_route(name, registry, engine, proxy, wakeups, turns) for name in differing))
    return tuple(name for name, done in zip(differing, mended, strict=True) if done)


async def mend_route(
    project: str, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups, turns: asyncio.Semaphore
) -> bool:
    """Look again while no deploy can move the project, and set or remove its route; False when a deploy is under way.

    The route of a project that nobody knows any more goes.
    """
    async with turns:
        if await registry.project(project) is None:
            await proxy.remove_route(project)
            return True
        lease = await claim(project, RECONCILER, registry, wakeups)
        if lease is None:
            return False
        try:
            wanted = await wanted_routes(registry, engine, project)
            if wanted:
                await proxy.set_route(wanted[0], lease.fence)
            else:
                await proxy.remove_route(project, lease.fence)
        finally:
            await give_back(lease, registry, wakeups)
        return True


async def wanted_routes(registry: Registry, engine: AppRunner, project: str | None = None) -> Sequence[Route]:
    """Return the route of every live release that runs, or that of one project."""
    hosts: dict[str, list[str]] = {}
    for host, owner in (await host_owners(registry)).items():
        hosts.setdefault(owner, []).append(host)
    releases = [release for release in await live_releases(registry, project) if release.project in hosts]
    statuses = await asyncio.gather(*(engine.status(release.identity) for release in releases))
    return [
        Route(project=release.project, hosts=tuple(hosts[release.project]), upstream=status.address)
        for release, status in zip(releases, statuses, strict=True)
        if status.address
    ]
