"""What happens to a project's data before a release serves: kept as it is, then changed by the release command."""

from domain.leases import Lease
from domain.outcomes import Rejected
from domain.releases import ReleaseState, live
from domain.snapshots import Snapshot, SnapshotState
from flows.opening import Blocks
from flows.snapshots import leave_data
from tasks.migration import announce_release, run_release_command, save_data


async def migrate(
    run: str, commit: str, candidate: str, environment_version: int, command: str, blocks: Blocks, lease: Lease
) -> Rejected | None:
    """Do what of it is left to do for the run's release; afterwards its copy may be started, or it has failed."""
    place, registry, engine, wakeups = blocks.installation, blocks.registry, blocks.engine, blocks.wakeups
    serving = live(await registry.releases(lease.project))
    if serving is not None:
        await leave_data(serving, blocks, lease)
    release = await announce_release(lease, run, commit, candidate, environment_version, registry, wakeups)
    if release.state is not ReleaseState.STARTING:
        return None
    snapshot = await save_data(lease, release, command, place.snapshot_mb, registry, engine, wakeups)
    if not isinstance(snapshot, Snapshot):
        return snapshot
    if not command or snapshot.state is not SnapshotState.TAKEN:
        return None
    return await run_release_command(lease, release, snapshot, place.command_seconds, registry, engine, blocks.vault, wakeups)
