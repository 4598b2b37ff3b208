"""Resources: the databases that an app asks for in app.json, beside its releases.

Afterwards each has a row in the registry, credentials and its address in the vault, and answers at that address. The row and
the credentials come first, so that whoever was killed in between finds them and goes on. What a person put into the vault
under the variable's name is used as it is, and nothing is made for it. Blocks: registry, vault, the engine's resource runner.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.addons import Addon
from domain.engines import Engine
from domain.environment import Requirements
from domain.errors import SlipwayError
from domain.protocols import Vault
from domain.redaction import Redactor
from domain.registry import Registry
from domain.resources import Resource, ResourceKind, ResourceRunner, ResourceSpec, ResourceState, password_key, url_of
from domain.vault import newest
from domain.workers import AppState
from tasks.redaction import install
from tasks.retrying import only_try_again
from tasks.run_log import run_log

PASSWORD_BYTES = 24


@task(
    task_run_name="reserve the databases of {project}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 10],
    retry_condition_fn=only_try_again,
)
async def reserve_resources(
    project: str, wanted: Requirements, vault: Vault, registry: Registry, engine: Engine
) -> tuple[ResourceKind, ...]:
    """Return the kinds that are to be provided. Their rows are written and their addresses lie in the vault; nothing runs."""
    infos, reserved = newest(await vault.listed(project)), []
    for variable in wanted.variables:
        given = infos.get(variable.name)
        if variable.addon is None or (given is not None and not given.generated):
            continue
        spec = await _spec(project, variable.addon, vault)
        endpoint = await engine.resources.endpoint(spec)
        await registry.add_resource(project, variable.addon, endpoint.address, datetime.now(UTC))
        url = url_of(variable.addon, endpoint, spec.password.get_secret_value())
        install(Redactor({variable.name: url}))
        await vault.put(project, variable.name, url, generated=True)
        reserved.append(variable.addon)
    return tuple(reserved)


@task(
    task_run_name="provide the databases of {project}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[2, 5, 15],
    retry_condition_fn=only_try_again,
)
async def provide_resources(project: str, kinds: Sequence[ResourceKind], vault: Vault, engine: Engine) -> None:
    """Return when each of them answers; the first one on a machine may take minutes, since its image is made then."""
    for kind in kinds:
        await engine.resources.provide(await _spec(project, kind, vault))


async def revive_resources(registry: Registry, vault: Vault, runner: ResourceRunner) -> Sequence[str]:
    """Start those again that should run and do not, side by side, with the data they have; return their names.

    One that does not come back is written to the log, and keeps nobody from looking after the others.
    """
    rows = await registry.resources()
    if not rows:
        return []
    running = {found.identity for found in await runner.status() if found.state is not ResourceState.STOPPED}
    revived = await asyncio.gather(*(_revived(row, running, vault, runner) for row in rows))
    return [identity for identity in revived if identity]


async def _revived(row: Resource, running: Collection[str], vault: Vault, runner: ResourceRunner) -> str:
    """Return its name when it had to be started, else nothing."""
    try:
        spec = await _spec(row.project, row.kind, vault)
        if spec.identity in running:
            return ""
        await runner.provide(spec)
    except SlipwayError as error:
        run_log("slipway.resources").warning("%s of %s does not run: %s", row.kind.value, row.project, error)
        return ""
    return spec.identity


async def pause_resources(engine: Engine) -> None:
    """Stop all that run, but keep their data, so that `revive_resources` brings them back.

    Those of a project whose release command goes on stay: it is at work in them.
    """
    busy = {app.project for app in await engine.apps() if app.role == "command" and app.state is not AppState.STOPPED}
    running = [found for found in await engine.resources.status() if found.state is not ResourceState.STOPPED]
    ended = [found for found in running if found.project not in busy]
    await asyncio.gather(*(engine.resources.stop(found.project, found.kind, found.scratch_of) for found in ended))


@asynccontextmanager
async def scratch_resources(
    project: str, run: str, rehearsal: str, addons: Sequence[Addon], runner: ResourceRunner
) -> AsyncIterator[dict[str, str]]:
    """Yield addresses, by variable, of empty resources for one rehearsal; afterwards they are gone, whatever happened.

    What an interrupted attempt left is removed first: its data is not fresh.
    """
    async with AsyncExitStack() as places:
        addresses = {}
        for addon in addons:
            password = secrets.token_hex(PASSWORD_BYTES)
            spec = ResourceSpec(project=project, kind=addon.kind, password=password, scratch_of=rehearsal, run=run)
            await runner.remove(project, addon.kind, rehearsal)
            places.push_async_callback(runner.remove, project, addon.kind, rehearsal)
            await runner.provide(spec)
            addresses[addon.variable] = url_of(addon.kind, await runner.endpoint(spec), password)
        yield addresses


async def remove_resources(project: str, registry: Registry, runner: ResourceRunner) -> None:
    """Delete all databases of the project with their data, each before its row; then whatever else runs for it."""
    for row in await registry.resources(project):
        await runner.remove(project, row.kind)
        await registry.remove_resource(project, row.kind)
    for found in await runner.status(project):
        await runner.remove(project, found.kind, found.scratch_of)


async def _spec(project: str, kind: ResourceKind, vault: Vault) -> ResourceSpec:
    """Return the project's own one with its password, which is made once and kept in the vault."""
    key = password_key(kind)
    known = newest(await vault.listed(project)).get(key)
    password = await vault.get(known.reference) if known else secrets.token_hex(PASSWORD_BYTES)
    if known is None:
        install(Redactor({key: password}))
        await vault.put(project, key, password, generated=True)
    return ResourceSpec(project=project, kind=kind, password=password)
