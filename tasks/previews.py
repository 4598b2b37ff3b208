"""Previews: a change comes up beside what serves, with a host and data of its own.

True afterwards: the registry says that it is up, its copy runs, and its host leads there; what serves was not touched.
Blocks: registry, engine, vault, proxy, wakeups (the deploy lock, while the route is set). The row goes before each effect,
so whoever comes after a kill finds the row, adopts the copy, and goes on; who finds that it has ended meanwhile stops.
"""

from datetime import UTC, datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.data_errors import DataBeingReplaced
from domain.errors import UnknownObject
from domain.health import HealthCheck, gone
from domain.outcomes import Previewed, Rejected
from domain.previews import Preview, PreviewedChange, PreviewState, preview_route
from domain.procfile import RELEASE
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.routes import Proxy
from domain.snapshots import being_restored, replacements
from domain.trimming import tail
from domain.workers import AppRunner, AppSpec, AppState
from tasks.audit import record
from tasks.health import LOG_LIMIT, LOG_LINES, Unhealthy, wait_healthy
from tasks.leases import claim_project, give_back
from tasks.progress import Facts, Journal
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.secret_resolver import values_beside_live


@task(
    task_run_name="announce a preview of {change.project}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def announce_preview(change: PreviewedChange, base_domain: str, days: float, registry: Registry) -> Preview:
    """Record the run's preview, with its number and host; the same run again finds it, whatever became of it."""
    now = datetime.now(UTC)
    return await registry.add_preview(change, base_domain, now, now + timedelta(days=days))


@task(
    task_run_name="start {preview.identity}",
    cache_policy=NO_CACHE,
    retries=40,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def start_preview(
    preview: Preview, environment_version: int, process: str, registry: Registry, engine: AppRunner, vault: Vault
) -> Preview:
    """Record what its environment is, and start its copy or adopt it; its data is made before its first start.

    DataBeingReplaced while a snapshot takes the place of the data: this is no lease, so a restore that began meanwhile is
    looked for afterwards, and what was copied in between is given up. A process killed just then leaves such a copy.
    """
    now = await preview_row(preview, registry)
    if now.state is PreviewState.STARTING:
        now = await registry.move_preview(
            preview.project, preview.number, PreviewState.STARTING, environment_version=environment_version
        )
    if not now.state.open:
        return now
    if now.state is PreviewState.STARTING and now.data == "copy":
        await start_on_whole_data(now, process, registry, engine, vault)
    else:
        await start_preview_copy(now, process, registry, engine, vault)
    return now


async def start_on_whole_data(preview: Preview, process: str, registry: Registry, engine: AppRunner, vault: Vault) -> None:
    """Start the copy on data that no restore has touched while it was copied; DataBeingReplaced when one did."""
    before = await registry.snapshots(preview.project)
    if (begun := being_restored(before)) is not None:
        raise DataBeingReplaced(preview.project, begun.reference)
    await start_preview_copy(preview, process, registry, engine, vault)
    if came := replacements(await registry.snapshots(preview.project)) - replacements(before):
        await engine.remove(preview.identity)
        raise DataBeingReplaced(preview.project, min(came)[0])


async def start_preview_copy(preview: Preview, process: str, registry: Registry, engine: AppRunner, vault: Vault) -> None:
    """Start or adopt the preview's copy, with the environment version that belongs to it."""
    version = await registry.environment(preview.project, preview.environment_version)
    values = await values_beside_live(version, vault) if version is not None else {}
    spec = AppSpec(
        identity=preview.identity,
        project=preview.project,
        run=preview.run,
        role="preview",
        candidate=preview.candidate,
        process=process,
        first=RELEASE,
        environment=values,
        data=preview.data,
    )
    await engine.start(spec)


@task(
    task_run_name="gate {preview.identity}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def gate_preview(
    preview: Preview, check: HealthCheck, seconds: float, registry: Registry, engine: AppRunner
) -> Rejected | None:
    """Wait until it is healthy. If it never is, mark it failed and say why; one that was up, or has ended, is not asked."""
    now = await preview_row(preview, registry)
    if now.state is PreviewState.UP:
        return None
    if now.state is not PreviewState.STARTING:
        return Rejected(reason=f"preview {now.number} is {now.state.value}: {now.reason}")
    health = await wait_healthy(engine, now.identity, check, seconds)
    return await give_up(now, health.reason, health.log, registry) if isinstance(health, Unhealthy) else None


@task(
    task_run_name="open {preview.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def open_preview(
    preview: Preview, address: str, days: float, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups
) -> Previewed | Rejected:
    """Mark it up, then lead its host to its copy; from then on its days are counted.

    The project's lease is held for that moment alone, so that no rollback waits for a preview.
    """
    lease = await claim_project.fn(preview.project, f"preview-{preview.run}", registry, wakeups)
    try:
        now, status = await preview_row(preview, registry), await engine.status(preview.identity)
        if now.state is PreviewState.STARTING and (status.state is not AppState.RUNNING or not status.address):
            log = tail(await engine.logs(preview.identity, LOG_LINES), LOG_LIMIT)
            return await give_up(now, gone(status) or "It is being started again.", log, registry)
        if now.state is PreviewState.STARTING:
            expires = datetime.now(UTC) + timedelta(days=days)
            now = await registry.move_preview(
                preview.project, preview.number, PreviewState.UP, address=address, expires=expires
            )
        if now.state is not PreviewState.UP:
            return Rejected(reason=f"preview {now.number} is {now.state.value}: {now.reason}")
        await record(now.project, now.run, f"preview {now.number} is up", registry, why=now.address, once=True)
        if status.address:  # else its copy is being started again, and the next reconcile leads there
            await proxy.set_route(preview_route(now, status.address), lease.fence)
        return Previewed(preview=now)
    finally:
        await give_back(lease, registry, wakeups)


@task(
    task_run_name="show {preview.identity}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def show_preview(preview: Preview, registry: Registry, wakeups: Wakeups) -> None:
    """Write the line of the run's progress in which its card finds where the preview is, once."""
    if not any("preview" in line.data for line in await registry.progress(preview.run)):
        text = f"preview {preview.number} is up: {preview.address}"
        facts: Facts = {"preview": preview.number, "address": preview.address, "until": f"{preview.expires:%Y-%m-%d %H:%M} UTC"}
        await Journal(preview.run, registry, wakeups).write("note", text, "deploy", facts)


async def give_up(preview: Preview, reason: str, evidence: str, registry: Registry) -> Rejected:
    """Mark it failed; its copy is taken away with all that has ended."""
    why = redacted(reason)
    await registry.move_preview(preview.project, preview.number, PreviewState.FAILED, reason=why)
    return Rejected(reason=why, evidence=redacted(evidence))


async def preview_row(preview: Preview, registry: Registry) -> Preview:
    """Return the preview as the registry has it now; raise UnknownObject when its project was removed."""
    for now in await registry.previews(preview.project):
        if now.number == preview.number:
            return now
    raise UnknownObject("preview", preview.identity)
