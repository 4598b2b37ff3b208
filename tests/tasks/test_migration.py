"""Before a release serves: its snapshot and its release command, whatever is killed, full or broken."""

from collections.abc import Sequence
from typing import Any

import pytest

from blocks.registry.block import SqlRegistry
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.releases import Release, ReleaseState
from domain.snapshots import Snapshot, SnapshotState
from domain.workers import AppSpec, AppState, AppStatus
from tasks.migration import announce_release, run_release_command, save_data
from tests.tasks.conftest import COMMIT, NOW, request
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.test_deployer import World

COMMAND = "python -m app.migrate"
OLD = "schema app.db table notes 11"
NEW = "schema app.db table notes 22"
IDENTITY = "notes-v2-release"

COPY = AppSpec(identity=IDENTITY, project="notes", run="r-000002", role="command", candidate="sha256:2", process="release")
RUNNING = AppStatus(identity=IDENTITY, project="notes", role="command", state=AppState.RUNNING)


def ended(exit_code: int) -> AppStatus:
    return AppStatus(identity=IDENTITY, project="notes", role="command", state=AppState.STOPPED, exit_code=exit_code)


class Migration(World):
    """Release 1 of `notes` serves; release 2 has a release command, which does `changes` to the data when it is started."""

    def __init__(self, registry: SqlRegistry) -> None:
        super().__init__(registry)
        self.changes = NEW
        self.exit_code = 0
        self.runs = 0

    async def begin(self) -> None:
        await self.deliver("r-000001", "sha256:1")
        await self.registry.add_run(request("r-000002"), NOW)
        self.engine.data["notes"] = OLD
        start = self.engine.start

        async def starts(spec: Any) -> AppStatus:
            if spec.role != "command":
                return await start(spec)
            self.runs += 1
            await start(spec)
            self.engine.data["notes"] = self.changes
            self.engine.app_logs[IDENTITY] = "altered table notes"
            self.engine.app_states[IDENTITY] = [ended(self.exit_code)]
            return await self.engine.status(IDENTITY)

        self.engine.start = starts  # type: ignore[method-assign]

    async def migrate(self, fate: Fate | None = None, command: str = COMMAND, limit: int = 100) -> Rejected | None:
        """Go through the steps as one process does."""
        fate = fate or Fate()
        registry, engine = Fragile(self.registry, fate), Fragile(self.engine, fate)
        lease = await self.claim("r-000002")
        release = await announce_release.fn(lease, "r-000002", COMMIT, "sha256:2", 1, registry, self.wakeups)
        if release.state is not ReleaseState.STARTING:
            return None
        snapshot = await save_data.fn(lease, release, command, limit, registry, engine, self.wakeups)
        if not isinstance(snapshot, Snapshot):
            return snapshot
        if not command or snapshot.state is not SnapshotState.TAKEN:
            return None
        return await run_release_command.fn(lease, release, snapshot, 5.0, registry, engine, self.vault, self.wakeups)

    async def rows(self) -> Sequence[tuple[str, SnapshotState]]:
        return [(row.reference, row.state) for row in await self.registry.snapshots("notes")]


@pytest.fixture
async def world(registry: SqlRegistry) -> Migration:
    made = Migration(registry)
    await made.begin()
    return made


async def test_snapshot_is_taken_then_the_command_runs_with_the_releases_own(world: Migration) -> None:
    assert await world.migrate() is None
    [row] = await world.registry.snapshots("notes")
    assert (row.reference, row.state) == ("v2", SnapshotState.PASSED)
    assert (row.schema_before, row.schema_after) == ("app.db table notes 11", "app.db table notes 22")
    assert world.engine.copies["notes"] == {"v2": OLD}
    spec = world.engine.started[-1]
    assert (spec.identity, spec.role, spec.process, spec.candidate) == (IDENTITY, "command", "release", "sha256:2")
    assert spec.environment == {"GREETING": "hi"}
    assert spec.data == "project"
    assert IDENTITY not in world.engine.live_apps
    notes = [line.text for line in await world.registry.progress("r-000002") if line.kind == "note"]
    assert notes == ["the release command ended with exit code 0: altered table notes"]


async def test_command_that_has_passed_is_not_run_again(world: Migration) -> None:
    await world.migrate()
    await world.migrate()
    assert world.runs == 1


async def test_command_that_fails_fails_the_release_and_the_old_one_serves(world: Migration) -> None:
    world.changes, world.exit_code = OLD, 3
    rejected = await world.migrate()
    assert rejected == Rejected(
        reason="its release command ended with exit code 3; what served before still does", evidence="altered table notes"
    )
    assert await world.states() == {2: ReleaseState.FAILED, 1: ReleaseState.LIVE}
    assert world.engine.stopped == set()
    assert await world.rows() == [("v2", SnapshotState.TAKEN)]


async def test_command_that_fails_half_way_says_what_it_changed_and_what_helps(world: Migration) -> None:
    world.exit_code = 3
    rejected = await world.migrate()
    assert rejected is not None
    assert rejected.reason == (
        "its release command ended with exit code 3, and had changed the database before (table notes); "
        "what served before goes on with that. `slipway rollback notes --data v2` brings the data from before back, "
        "and what was written since then is lost to the app"
    )
    assert world.engine.data["notes"] == NEW


async def test_command_that_does_not_end_is_stopped(world: Migration) -> None:
    lease, release, snapshot = await prepared(world)
    world.engine.data["notes"] = OLD
    world.engine.live_apps[IDENTITY] = COPY
    world.engine.app_states[IDENTITY] = [RUNNING]
    rejected = await run_release_command.fn(
        lease, release, snapshot, 0.01, world.registry, world.engine, world.vault, world.wakeups
    )
    assert rejected is not None
    assert rejected.reason == "its release command did not end within 0.01 s; what served before still does"
    assert IDENTITY not in world.engine.live_apps


async def test_command_that_a_dead_process_left_running_is_waited_for(world: Migration) -> None:
    lease, release, snapshot = await prepared(world)
    world.engine.live_apps[IDENTITY] = COPY
    world.engine.app_states[IDENTITY] = [RUNNING, RUNNING, ended(0)]
    assert await run_release_command.fn(
        lease, release, snapshot, 5.0, world.registry, world.engine, world.vault, world.wakeups
    ) is None  # fmt: skip
    assert world.runs == 0
    assert await world.rows() == [("v2", SnapshotState.PASSED)]


async def test_command_that_was_made_and_never_started_is_started(world: Migration) -> None:
    lease, release, snapshot = await prepared(world)
    world.engine.live_apps[IDENTITY] = COPY
    world.engine.app_states[IDENTITY] = [RUNNING.model_copy(update={"state": AppState.STOPPED})]
    assert await run_release_command.fn(
        lease, release, snapshot, 5.0, world.registry, world.engine, world.vault, world.wakeups
    ) is None  # fmt: skip
    assert world.runs == 1


async def test_disk_that_is_too_full_is_said_and_nothing_is_begun(world: Migration) -> None:
    world.engine.room_mb = 10
    rejected = await world.migrate()
    assert rejected == Rejected(
        reason="the snapshot before notes-v2 needs 11 MB, and the disk has 10 MB free: free some space on it, then try again"
    )
    assert await world.states() == {2: ReleaseState.FAILED, 1: ReleaseState.LIVE}
    assert (await world.rows(), world.runs) == ([], 0)


@pytest.mark.parametrize(("command", "data", "taken"), [("", OLD, True), ("", "a picture", False), (COMMAND, "", True)])
async def test_snapshot_is_taken_where_one_could_be_needed(world: Migration, command: str, data: str, taken: bool) -> None:
    world.engine.data["notes"] = data
    await world.migrate(command=command)
    assert bool(world.engine.copies) is taken
    assert world.runs == (1 if command else 0)


async def test_killed_at_any_moment_it_ends_the_same_and_the_snapshot_is_from_before(registry: SqlRegistry) -> None:
    """Each row of the loop is one more call that was reached before the kill."""
    world = Migration(registry)
    await world.begin()
    counted = Fate()
    await world.migrate(counted)
    assert len(counted.passed) > 20
    for at in range(1, len(counted.passed) + 1):
        await forget(world)
        with pytest.raises(Killed):
            await world.migrate(Fate(at))
        assert await world.migrate() is None, counted.passed[at - 1]
        assert await world.rows() == [("v2", SnapshotState.PASSED)], counted.passed[at - 1]
        assert world.engine.copies["notes"] == {"v2": OLD}, counted.passed[at - 1]
        assert world.engine.data["notes"] == NEW
        assert world.runs == 1, counted.passed[at - 1]


async def forget(world: Migration) -> None:
    """Put the world back to where release 2 has not left anything but its row."""
    fence = await world.registry.fence("notes")
    await world.registry.drop_snapshot("notes", "v2", fence=fence)
    await world.engine.remove(IDENTITY)
    world.engine.app_states.pop(IDENTITY, None)
    world.engine.copies.clear()
    world.engine.data["notes"] = OLD
    world.runs = 0


async def prepared(world: Migration) -> tuple[Lease, Release, Snapshot]:
    lease = await world.claim("r-000002")
    release = await announce_release.fn(lease, "r-000002", COMMIT, "sha256:2", 1, world.registry, world.wakeups)
    snapshot = await save_data.fn(lease, release, COMMAND, 100, world.registry, world.engine, world.wakeups)
    assert isinstance(snapshot, Snapshot)
    return lease, release, snapshot
