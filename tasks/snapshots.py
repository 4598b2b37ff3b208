"""What becomes of a project's data when a release is left, and which snapshots are kept.

True afterwards: the data is as it was, or it is what a whole snapshot held, with another snapshot of what it replaced. Rows are
written before their effects, so a restore that was killed is found as `restoring` and done again, from the same snapshot.
Blocks: registry, engine, wakeups; and Caddy's access log.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.access_log import written_since
from domain.app_data import NoRoom
from domain.data_errors import RestoreUnfinished
from domain.engines import Engine
from domain.leases import Lease
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.releases import Release
from domain.snapshots import (
    DataChoice,
    KeepData,
    RefuseRollback,
    RestoreData,
    Snapshot,
    SnapshotState,
    as_text,
    before_leaving,
    decide_data,
    no_room,
    superseded,
    undo_reference,
    undoing,
)
from domain.workers import AppRunner, AppState
from tasks.deployer import start_copy
from tasks.hosts import project_hosts
from tasks.kinds import kind_named
from tasks.leases import hold, holding
from tasks.retrying import only_try_again

STOP_SECONDS = 10.0
"""Seconds that a copy has to end before its data is replaced."""


@task(
    task_run_name="what becomes of the data of {bad.identity}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def look_at_data(
    lease: Lease,
    good: Release,
    bad: Release,
    wanted: DataChoice,
    access_log: str,
    registry: Registry,
    engine: Engine,
    wakeups: Wakeups,
) -> KeepData | RestoreData | RefuseRollback:
    """Compare the database with what it was when `good` was left, and decide; what a person has said needs no look."""
    snapshot = before_leaving(good, await registry.snapshots(good.project), await registry.releases(good.project))
    if snapshot is None or wanted:
        return decide_data(wanted, good, bad, snapshot, "", untouched=False)
    now = await holding(lease, registry, wakeups, partial(engine.data_schema, good.project))
    untouched = await is_untouched(snapshot, access_log, registry)
    return decide_data(wanted, good, bad, snapshot, as_text(now), untouched=untouched)


async def is_untouched(snapshot: Snapshot, access_log: str, registry: Registry) -> bool:
    """Tell whether it is sure that nobody has asked the app for anything that writes since the snapshot was taken.

    A bot's people do not come through Caddy, so that can never be said of a project that is talked to in a messenger.
    """
    project = await registry.project(snapshot.project)
    if project is None or not access_log or kind_named(project.kind).chat:
        return False
    hosts = await project_hosts(snapshot.project, registry)
    return await asyncio.to_thread(written_since, Path(access_log), hosts, snapshot.taken) is False


@task(
    task_run_name="replace the data of {serving.identity} by {snapshot.reference}",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def replace_data(
    lease: Lease,
    serving: Release,
    snapshot: Snapshot,
    since: datetime,
    limit_mb: int,
    registry: Registry,
    engine: Engine,
    wakeups: Wakeups,
) -> str:
    """Stop all copies, keep what the data is now, and put the snapshot in its place; return why not, empty when it was done.

    No copy runs afterwards. Interrupted after its row says `restoring`, it goes on there: what is half replaced is not kept.
    What was done since it was asked for is not done again: what was kept first would be lost. RestoreUnfinished when what may
    be half replaced cannot be made whole: it stays `restoring`, and no copy may be started on it.
    """
    await hold(lease, registry, wakeups)
    found = await registry.snapshots(serving.project)
    now = next((each for each in found if each.reference == snapshot.reference), snapshot)
    if undoing(serving, now, found, since) is not None:
        return ""
    begun = now.state is SnapshotState.RESTORING
    if not begun:  # a database that does not answer is found out while the app still runs
        await holding(lease, registry, wakeups, partial(engine.data_schema, serving.project))
    await stop_copies(lease, registry, engine, wakeups)
    if not begun:
        if now.state is SnapshotState.RESTORED:  # of an earlier time; else it is taken for done before anything is kept
            now = await mark(lease, now, SnapshotState.PASSED, registry)
        name = undo_reference(serving.number, snapshot.reference)
        kept = await take_snapshot(lease, serving, name, limit_mb, registry, engine, wakeups)
        if isinstance(kept, NoRoom):
            return no_room(kept, f"keeping the data of {serving.project} before it is replaced")
        await mark(lease, now, SnapshotState.RESTORING, registry)
    work = partial(engine.restore_data, serving.project, snapshot.reference)
    room = await holding(lease, registry, wakeups, work)
    if isinstance(room, NoRoom):
        why = no_room(room, f"bringing the data of {serving.project} back")
        if begun:
            raise RestoreUnfinished(serving.project, snapshot.reference, why)
        await mark(lease, now, SnapshotState.PASSED, registry)
        return why
    await mark(lease, now, SnapshotState.RESTORED, registry)
    return ""


@task(
    task_run_name="data of {lease.project} is to be {snapshot.reference} again",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def begin_giving_back(lease: Lease, snapshot: Snapshot, registry: Registry) -> None:
    """Write down that the data is to be replaced by the snapshot, and that nothing of what is there now is worth keeping."""
    if snapshot.state is not SnapshotState.RESTORED:
        await mark(lease, snapshot, SnapshotState.RESTORING, registry)


@task(
    task_run_name="start {serving.identity} on its data",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=1,
    retry_condition_fn=only_try_again,
)
async def start_live(
    lease: Lease, serving: Release, process: str, registry: Registry, engine: AppRunner, vault: Vault, wakeups: Wakeups
) -> None:
    """Start the copy of the live release; one that runs is left as it is.

    Raises UnknownObject when what it was started from is gone: it stays live, since nothing else serves instead.
    """
    await holding(lease, registry, wakeups, partial(start_copy, serving, process, registry, engine, vault))


async def stop_copies(lease: Lease, registry: Registry, engine: AppRunner, wakeups: Wakeups) -> None:
    """Stop whatever of the project works on its data."""
    for app in await engine.apps(lease.project):
        if app.role in ("release", "command") and app.state in (AppState.RUNNING, AppState.RESTARTING):
            await holding(lease, registry, wakeups, partial(engine.stop, app.identity, STOP_SECONDS))


async def take_snapshot(
    lease: Lease, release: Release, name: str, limit_mb: int, registry: Registry, engine: Engine, wakeups: Wakeups
) -> Snapshot | NoRoom:
    """Keep the data as it is under this name; the row is there before the copy, and goes when that does not fit."""
    row = Snapshot(
        project=release.project, release=release.number, reference=name, state=SnapshotState.TAKING, taken=datetime.now(UTC)
    )
    await registry.put_snapshot(row, fence=lease.fence)
    saved = await holding(lease, registry, wakeups, partial(engine.save_data, release.project, name, limit_mb))
    if isinstance(saved, NoRoom):
        await registry.drop_snapshot(release.project, name, fence=lease.fence)
        return saved
    whole = {"state": SnapshotState.TAKEN, "bytes": saved.bytes, "schema_before": as_text(saved.schema_lines)}
    row = row.model_copy(update=whole)
    await registry.put_snapshot(row, fence=lease.fence)
    return row


async def mark(lease: Lease, snapshot: Snapshot, state: SnapshotState, registry: Registry) -> Snapshot:
    marked = snapshot.model_copy(update={"state": state})
    await registry.put_snapshot(marked, fence=lease.fence)
    return marked


async def forget_snapshots(lease: Lease, registry: Registry, engine: Engine, wakeups: Wakeups) -> Sequence[str]:
    """Delete the project's snapshots that nothing can be gone back to with; return their names."""
    rows = await registry.snapshots(lease.project)
    gone = superseded(rows, await registry.releases(lease.project))
    for snapshot in gone:
        await holding(lease, registry, wakeups, partial(engine.forget_data, lease.project, snapshot.reference))
        await registry.drop_snapshot(lease.project, snapshot.reference, fence=lease.fence)
    return [f"{lease.project} snapshot {snapshot.reference}" for snapshot in gone]
