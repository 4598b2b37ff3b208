"""Removal: a project goes, with everything that is its own.

True afterwards: no route, copy, candidate, database, data, secret, repository or registry row of the project is left;
its runs and costs stay in the books. A bot of the pool that it had rests; if Telegram is away the janitor clears it.
Blocks: registry, engine, proxy, vault, git host. The registry row goes last, so that a half-done removal can be done again.
"""

from datetime import UTC, datetime

from domain.bots import BotAccounts
from domain.engines import Engine
from domain.protocols import GitHost, Vault
from domain.registry import Registry
from domain.routes import Proxy
from domain.runs import RunState
from tasks.audit import record
from tasks.bot_upkeep import give_back_bot
from tasks.resources import remove_resources


async def remove_project(
    project: str,
    who: str,
    registry: Registry,
    engine: Engine,
    proxy: Proxy,
    vault: Vault,
    git: GitHost,
    accounts: BotAccounts,
) -> None:
    """Remove the project, after ending whatever of it still runs."""
    for run in await registry.runs(project):
        if not run.state.ended:
            await registry.update_run(
                run.id, state=RunState.CANCELLED, message=f"the project was removed by {who}", ended=datetime.now(UTC)
            )
    await end_routes(project, registry, proxy)
    for app in await engine.apps(project):
        await engine.remove(app.identity)
    for worker in await engine.workers():
        if worker.project == project:
            await engine.remove_worker(worker.identity)
    await end_routes(project, registry, proxy)  # whoever mended one meanwhile had still found its copy running
    await remove_resources(project, registry, engine.resources)
    await engine.remove_data(project)
    released = {release.candidate for release in await registry.releases(project)}
    for candidate in {*released, *await engine.candidates(project)}:  # also those of rounds that failed
        await engine.remove_candidate(candidate)
    await vault.clear(project)
    await give_back_bot(project, "the project was removed", registry, vault, accounts, datetime.now(UTC))
    await git.delete(project)
    await record(project, who, "removed", registry)
    await registry.remove_project(project)


async def end_routes(project: str, registry: Registry, proxy: Proxy) -> None:
    """Lead nobody to the project any more; who was about to set a route of it has lost the project from here on."""
    fence = await registry.next_fence(project)
    for route in (project, *(preview.route_name for preview in await registry.previews(project))):
        await proxy.remove_route(route, fence)
