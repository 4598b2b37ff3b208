"""Before a release serves: keep the data as it is, then run the release command of its Procfile.

True afterwards: the registry says that the command has ended well, once for the release, and names a whole snapshot from before
it; or the release has failed, what served before still does, and the data is as the command left it.
Blocks: registry, engine, vault, wakeups. Rows are written before their effects. A command that a killed process has started is
found by its name: one that runs is waited for, one that has ended is asked how. It is run again only where nothing is left
of it, so a release command has to be repeatable, as on Heroku.
"""

import asyncio
import time
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.app_data import NoRoom
from domain.engines import Engine
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.procfile import RELEASE
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release
from domain.snapshots import Snapshot, SnapshotState, as_text, ended_badly, no_room, reference_of
from domain.trimming import tail
from domain.workers import AppSpec, AppState, AppStatus
from tasks.artifacts import publish
from tasks.deployer import give_up, recorded
from tasks.health import LOG_LIMIT, LOG_LINES
from tasks.leases import hold, holding
from tasks.progress import Journal
from tasks.redaction import redacted
from tasks.retrying import only_try_again
from tasks.secret_resolver import release_values
from tasks.snapshots import take_snapshot

POLL = 0.1
STOP_SECONDS = 5.0


@task(
    task_run_name="announce the release of {run}",
    cache_policy=NO_CACHE,
    retries=40,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def announce_release(
    lease: Lease, run: str, commit: str, candidate: str, environment_version: int, registry: Registry, wakeups: Wakeups
) -> Release:
    """Record the run's release, of which nothing is there yet; the same run again finds it, whatever became of it."""
    await hold(lease, registry, wakeups)
    return await recorded(lease, run, commit, candidate, environment_version, registry)


@task(
    task_run_name="keep the data before {release.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def save_data(
    lease: Lease, release: Release, command: str, limit_mb: int, registry: Registry, engine: Engine, wakeups: Wakeups
) -> Snapshot | Rejected | None:
    """Return the snapshot that belongs to the release; None when nothing could ever be gone back to with one.

    An app without a release command may still change its database when it starts; one without a database changes none. When
    the copy does not fit, the release has failed.
    """
    await hold(lease, registry, wakeups)
    own = await snapshot_of(release, registry)
    if own is not None and own.is_whole:
        return own
    if not command and not await has_schema_to_lose(release, registry, engine):
        return None
    taken = await take_snapshot(lease, release, reference_of(release.number), limit_mb, registry, engine, wakeups)
    if isinstance(taken, NoRoom):
        return await give_up(lease, release, no_room(taken, f"the snapshot before {release.identity}"), "", registry, engine)
    return taken


@task(
    task_run_name="run the release command of {release.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def run_release_command(
    lease: Lease,
    release: Release,
    snapshot: Snapshot,
    seconds: float,
    registry: Registry,
    engine: Engine,
    vault: Vault,
    wakeups: Wakeups,
) -> Rejected | None:
    """Run it to its end on the project's data; what it printed is shown. If it fails, so has the release."""
    await hold(lease, registry, wakeups)
    identity = command_identity(release)
    work = partial(ended_command, release, seconds, registry, engine, vault)
    status = await holding(lease, registry, wakeups, work)
    log = redacted(tail(await engine.logs(identity, LOG_LINES), LOG_LIMIT))
    await show(release, status, log, registry, wakeups)
    after = as_text(await holding(lease, registry, wakeups, partial(engine.data_schema, release.project)))
    well = status.state is AppState.STOPPED and status.exit_code == 0
    state = SnapshotState.PASSED if well else SnapshotState.TAKEN
    snapshot = snapshot.model_copy(update={"state": state, "schema_after": after})
    await registry.put_snapshot(snapshot, fence=lease.fence)
    if well:
        await engine.remove(identity)
        return None
    rejected = await give_up(lease, release, ended_badly(status, seconds, snapshot), log, registry, engine)
    await engine.remove(identity)
    return rejected


async def ended_command(release: Release, seconds: float, registry: Registry, engine: Engine, vault: Vault) -> AppStatus:
    """Start the command unless it has been, and return how it ended; one that does not end in time is still running then."""
    identity, ends = command_identity(release), time.monotonic() + seconds
    status = await engine.status(identity)
    if status.state is AppState.GONE or (status.state is AppState.STOPPED and status.exit_code is None):
        status = await engine.start(await command_spec(release, registry, vault))
    while status.state in (AppState.RUNNING, AppState.RESTARTING):
        if time.monotonic() >= ends:
            await engine.stop(identity, STOP_SECONDS)
            return status
        await asyncio.sleep(POLL)
        status = await engine.status(identity)
    return status


async def command_spec(release: Release, registry: Registry, vault: Vault) -> AppSpec:
    """Return the one-off copy that runs the command: the release's own candidate, environment, network, data and limits."""
    return AppSpec(
        identity=command_identity(release),
        project=release.project,
        run=release.run,
        role="command",
        candidate=release.candidate,
        process=RELEASE,
        environment=await release_values(release, registry, vault),
    )


def command_identity(release: Release) -> str:
    return f"{release.identity}-{RELEASE}"


async def show(release: Release, status: AppStatus, log: str, registry: Registry, wakeups: Wakeups) -> None:
    """Show what the command printed, in the run's progress and in the Prefect UI."""
    ended = "still runs" if status.exit_code is None else f"ended with exit code {status.exit_code}"
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "")
    await Journal(release.run, registry, wakeups).write("note", f"the release command {ended}" + (f": {last}" if last else ""))
    await publish("release-command", release.run, f"```\n{log or '(it printed nothing)'}\n```", f"The release command {ended}")


async def snapshot_of(release: Release, registry: Registry) -> Snapshot | None:
    """Return the snapshot that was, or is being, taken before the release."""
    found = await registry.snapshots(release.project)
    name = reference_of(release.number)
    return next((each for each in found if each.release == release.number and each.reference == name), None)


async def has_schema_to_lose(release: Release, registry: Registry, engine: Engine) -> bool:
    """Tell whether some release could be gone back to, and there is a database whose schema this one may change."""
    served = any(other.went_live for other in await registry.releases(release.project))
    return served and bool(await engine.data_schema(release.project))
