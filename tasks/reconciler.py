"""Make the world follow the registry: every live release runs, and every route leads to it.

True afterwards: Caddy's project routes are exactly those of the live releases that run.
Blocks: registry, engine, vault, proxy. Safe to repeat; used at start, on schedule, and after Caddy lost its state.
"""

import asyncio
from collections.abc import Sequence

from domain.errors import SlipwayError
from domain.protocols import Registry, Vault
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from domain.workers import AppRunner, AppState
from tasks.deployer import start_copy


async def live_releases(registry: Registry) -> Sequence[Release]:
    return [release for release in await registry.releases() if release.state is ReleaseState.LIVE]


async def resume_apps(processes: dict[str, str], registry: Registry, engine: AppRunner, vault: Vault) -> Sequence[str]:
    """Start the copy of every live release that does not run; return what could not be started, one sentence each."""
    failed = []
    for release in await live_releases(registry):
        status = await engine.status(release.identity)
        if status.state in (AppState.RUNNING, AppState.RESTARTING):
            continue
        try:
            await start_copy(release, processes.get(release.project, "web"), registry, engine, vault)
        except SlipwayError as error:
            failed.append(f"{release.identity} could not be started again: {error}")
    return failed


async def pause_apps(engine: AppRunner) -> None:
    """Stop every running copy at once but keep it, so that `resume_apps` brings it back."""
    running = [app for app in await engine.apps() if app.state in (AppState.RUNNING, AppState.RESTARTING)]
    await asyncio.gather(*(engine.stop(app.identity, 5.0) for app in running))


async def reconcile_routes(registry: Registry, engine: AppRunner, proxy: Proxy) -> Sequence[Route]:
    """Set the routes that the registry asks for, when they differ; return them."""
    domains = {project.slug: project.domain for project in await registry.projects()}
    wanted = []
    for release in await live_releases(registry):
        status = await engine.status(release.identity)
        if status.address and release.project in domains:
            wanted.append(Route(project=release.project, hosts=(domains[release.project],), upstream=status.address))
    if {route.project: route for route in await proxy.routes()} != {route.project: route for route in wanted}:
        await proxy.replace_routes(wanted)
    return wanted
