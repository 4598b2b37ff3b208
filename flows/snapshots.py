"""A rollback's data: what becomes of it before the good release starts, and how it is given back when that does not serve."""

from datetime import datetime

from domain.leases import Lease
from domain.releases import Release, ReleaseState
from domain.snapshots import (
    DataChoice,
    KeepData,
    RefuseRollback,
    RestoreData,
    Snapshot,
    SnapshotState,
    before_leaving,
    being_restored,
    reference_of,
    undoing,
)
from flows.opening import Blocks
from tasks.deployer import switch_release
from tasks.kinds import kind_named
from tasks.snapshots import begin_giving_back, look_at_data, replace_data, start_live


async def settle_data(good: Release, bad: Release, wanted: DataChoice, since: datetime, blocks: Blocks, lease: Lease) -> str:
    """Make the data what the good release can work with; return why not, with what can be done, empty when it is.

    When the answer is no, the bad release goes on as before.
    """
    if await is_settled(good, bad, since, blocks, lease):
        return ""
    log = blocks.installation.access_log
    match await look_at_data(lease, good, bad, wanted, log, blocks.registry, blocks.engine, blocks.wakeups):
        case KeepData():
            return ""
        case RestoreData(snapshot=snapshot):
            why = await replace(bad, snapshot, since, blocks, lease)
        case RefuseRollback(reason=why):
            pass
    if why:
        await run_again(bad, blocks, lease)
    return why


async def is_settled(good: Release, bad: Release, since: datetime, blocks: Blocks, lease: Lease) -> bool:
    """Finish what an interrupted process has begun, and tell whether the data is what the good release left.

    That is sure when it was made so just now, or since the attempt began: what is done is not done again.
    """
    finished = await finish_restore(bad, blocks, lease)
    undo, left = await undo_of(good, bad, since, blocks), await left_by(good, blocks)
    return undo is not None or (left is not None and left.reference == finished)


async def left_by(good: Release, blocks: Blocks) -> Snapshot | None:
    """Return the snapshot with the data as the good release left it."""
    rows = await blocks.registry.snapshots(good.project)
    return before_leaving(good, rows, await blocks.registry.releases(good.project))


async def undo_of(good: Release, bad: Release, since: datetime, blocks: Blocks) -> Snapshot | None:
    """Return the snapshot of what the bad release had, when that was replaced since then by what the good one had left."""
    left, rows = await left_by(good, blocks), await blocks.registry.snapshots(bad.project)
    return undoing(bad, left, rows, since) if left is not None else None


async def give_data_back(good: Release, bad: Release, since: datetime, blocks: Blocks, lease: Lease) -> None:
    """Give the bad release its data back and let it run, when that was replaced since for a good one that does not serve."""
    if (undo := await undo_of(good, bad, since, blocks)) is not None:
        await begin_giving_back(lease, undo, blocks.registry)
        await finish_restore(bad, blocks, lease)
        await run_again(bad, blocks, lease)


async def leave_data(serving: Release, blocks: Blocks, lease: Lease) -> None:
    """Let the release that serves have whole data and run, also when a process that replaced it was interrupted."""
    finished = await finish_restore(serving, blocks, lease)
    own = [s for s in await blocks.registry.snapshots(serving.project) if s.release == serving.number]
    if finished or any(s.state is SnapshotState.RESTORED and s.reference != reference_of(s.release) for s in own):
        await run_again(serving, blocks, lease)


async def bring_data_back(serving: Release, reference: str, asked: datetime, blocks: Blocks, lease: Lease) -> str:
    """Put the snapshot in the place of the data, under the release that serves; return why not, empty when it was done."""
    rows = await blocks.registry.snapshots(serving.project)
    wanted = next((row for row in rows if row.reference == reference and row.is_whole), None)
    if wanted is None:
        there = ", ".join(row.reference for row in rows if row.is_whole) or "none"
        return f"{serving.project} has no snapshot {reference}; there is {there}"
    finished = await finish_restore(serving, blocks, lease)
    why = "" if finished == reference else await replace(serving, wanted, asked, blocks, lease)
    await run_again(serving, blocks, lease)
    return why


async def finish_restore(serving: Release, blocks: Blocks, lease: Lease) -> str:
    """Finish what an interrupted process has begun to put in the place of the data; return its name, empty when there is none.

    No copy runs then. RestoreUnfinished, and no copy may run, when there is no room for it.
    """
    begun = being_restored(await blocks.registry.snapshots(serving.project))
    if begun is not None:
        await replace(serving, begun, begun.taken, blocks, lease)
    return begun.reference if begun is not None else ""


async def replace(serving: Release, snapshot: Snapshot, since: datetime, blocks: Blocks, lease: Lease) -> str:
    registry, engine, wakeups, limit_mb = blocks.registry, blocks.engine, blocks.wakeups, blocks.installation.snapshot_mb
    return await replace_data(lease, serving, snapshot, since, limit_mb, registry, engine, wakeups)


async def run_again(serving: Release, blocks: Blocks, lease: Lease) -> None:
    """Start the copy of the release that is live, if it does not run, and lead its route to where it is now.

    UnknownObject, of which the operator is told as of each run that fails, when what it was started from is gone.
    """
    registry, engine, proxy, wakeups = blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups
    project = await registry.project(serving.project)
    process = kind_named(project.kind if project else "").process
    await start_live(lease, serving, process, registry, engine, blocks.vault, wakeups)
    await switch_release(lease, serving, ReleaseState.KEPT, "", registry, engine, proxy, wakeups)
