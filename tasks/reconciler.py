"""Make the world follow the registry: every live release and every preview runs, and its route leads to it.

True afterwards: Caddy's project routes are exactly those of the live releases and of the previews that run.
Blocks: registry, engine, vault, proxy, wakeups (the deploy lock). Safe to repeat; used at start, on schedule, and after
Caddy lost its state.
"""

import asyncio
from collections.abc import Mapping, Sequence

from domain.audit import SLIPWAY
from domain.errors import SlipwayError
from domain.previews import Preview, PreviewState, preview_route, project_of_route
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from domain.workers import AppRunner, AppState
from tasks.audit import record
from tasks.deployer import start_copy
from tasks.hosts import host_owners
from tasks.kinds import kind_named
from tasks.leases import claim, give_back
from tasks.previews import start_preview_copy

RECONCILER = "reconciler"
"""Owner of a deploy lock while a route is mended."""

AT_ONCE = 8
"""Routes that are mended side by side."""


async def live_releases(registry: Registry, project: str | None = None) -> Sequence[Release]:
    """Return the live releases whose copies are to run; one that rests is left to whoever deploys, or brings it back."""
    releases = await registry.releases(project, states=(ReleaseState.LIVE,))
    return [release for release in releases if not release.rests]


async def up_previews(registry: Registry, project: str | None = None) -> Sequence[Preview]:
    return await registry.previews(project, states=(PreviewState.UP,))


async def resume_apps(registry: Registry, engine: AppRunner, vault: Vault) -> Sequence[str]:
    """Start the copy of every live release and preview that does not run; return what could not be, one sentence each."""
    failed = []
    kind_of = {project.slug: project.kind for project in await registry.projects()}
    copies: list[Release | Preview] = [*await live_releases(registry), *await up_previews(registry)]
    for copy in copies:
        status = await engine.status(copy.identity)
        if status.state in (AppState.RUNNING, AppState.RESTARTING):
            continue
        try:
            process = kind_named(kind_of.get(copy.project, "")).process
            if isinstance(copy, Preview):
                await start_preview_copy(copy, process, registry, engine, vault)
            else:
                await start_copy(copy, process, registry, engine, vault)
                what, why = f"release {copy.number} started again", "its copy did not run"
                await record(copy.project, SLIPWAY, what, registry, why=why, version=copy.number)
        except SlipwayError as error:
            failed.append(f"{copy.identity} could not be started again: {error}")
    return failed


async def pause_apps(engine: AppRunner) -> None:
    """Stop every running copy at once but keep it, so that `resume_apps` brings it back; a release command goes on."""
    going = (AppState.RUNNING, AppState.RESTARTING)
    running = [app for app in await engine.apps() if app.state in going and app.role != "command"]
    await asyncio.gather(*(engine.stop(app.identity, 5.0) for app in running))


async def reconcile_routes(
    registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups, own: Sequence[Route] = ()
) -> Sequence[str]:
    """Mend the routes that differ from the registry; return the projects whose route was mended.

    `own` are those that lead to Slipway itself; one whose host is a project's is left out, and the same host is nobody's later.

    A project whose deploy lock is held is left alone: its deploy is about to set the route itself. A proxy that lost its
    configuration gets that back first, in one load, and with it all routes that were right.
    """
    await proxy.prepare()
    wanted = {route.project: route for route in await wanted_routes(registry, engine)}
    present = {route.project: route for route in await proxy.routes()}
    kept = await set_own_routes(own, present, registry, proxy)
    differing = [name for name in {**wanted, **present} if name not in kept and wanted.get(name) != present.get(name)]
    turns = asyncio.Semaphore(AT_ONCE)
    mended = await asyncio.gather(*(mend_route(name, registry, engine, proxy, wakeups, turns) for name in differing))
    return tuple(name for name, done in zip(differing, mended, strict=True) if done)


async def set_own_routes(
    own: Sequence[Route], present: Mapping[str, Route], registry: Registry, proxy: Proxy
) -> frozenset[str]:
    """Lead to Slipway itself what is to lead there, and return the names of those routes."""
    owners = await host_owners(registry) if own else {}
    ours = [route for route in own if not any(host in owners for host in route.hosts)]
    for route in ours:
        if present.get(route.project) != route:
            await proxy.set_route(route, 0)
    return frozenset(route.project for route in ours)


async def mend_route(
    name: str, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups, turns: asyncio.Semaphore
) -> bool:
    """Look again while no deploy can move the project, and set or remove this route; False when a deploy is under way.

    A project's own route has its name, one of a preview the preview's. That of a project that nobody knows any more goes.
    """
    async with turns:
        project = project_of_route(name)
        if await registry.project(project) is None:
            await proxy.remove_route(name)
            return True
        lease = await claim(project, RECONCILER, registry, wakeups)
        if lease is None:
            return False
        try:
            wanted = {route.project: route for route in await wanted_routes(registry, engine, project)}
            if name in wanted:
                await proxy.set_route(wanted[name], lease.fence)
            else:
                await proxy.remove_route(name, lease.fence)
        finally:
            await give_back(lease, registry, wakeups)
        return True


async def wanted_routes(registry: Registry, engine: AppRunner, project: str | None = None) -> Sequence[Route]:
    """Return the route of every live release and preview that runs, or those of one project."""
    hosts: dict[str, list[str]] = {}
    for host, owner in (await host_owners(registry)).items():
        hosts.setdefault(owner, []).append(host)
    releases = [release for release in await live_releases(registry, project) if release.project in hosts]
    previews = await up_previews(registry, project)
    identities = [copy.identity for copy in releases] + [copy.identity for copy in previews]
    statuses = await asyncio.gather(*map(engine.status, identities))
    address = {status.identity: status.address for status in statuses if status.address}
    return [
        *(
            Route(project=release.project, hosts=tuple(hosts[release.project]), upstream=address[release.identity])
            for release in releases
            if release.identity in address
        ),
        *(preview_route(preview, address[preview.identity]) for preview in previews if preview.identity in address),
    ]
