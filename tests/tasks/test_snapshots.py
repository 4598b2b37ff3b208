"""Data that is replaced by a snapshot: whole, undoable, and the same at the end whatever is killed on the way."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from domain.data_errors import RestoreUnfinished
from domain.releases import Release, ReleaseState
from domain.snapshots import KeepData, RefuseRollback, RestoreData, Snapshot, SnapshotState
from tasks.janitor import remove_retired
from tasks.snapshots import look_at_data, replace_data
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.test_deployer import World
from tests.tasks.test_migration import NEW, OLD


class Moved(World):
    """Release 2 of `notes` serves and has changed the schema; a snapshot is from before it."""

    good: Release
    bad: Release

    async def begin(self) -> None:
        self.good = await self.deliver("r-000001", "sha256:1")
        self.engine.data["notes"] = OLD
        self.engine.copies["notes"] = {"v2": OLD}
        self.before = Snapshot(
            project="notes", release=2, reference="v2", state=SnapshotState.PASSED, taken=datetime.now(UTC), bytes=1,
            schema_before="app.db table notes 11", schema_after="app.db table notes 22",
        )  # fmt: skip
        await self.registry.put_snapshot(self.before, fence=await self.registry.fence("notes"))
        self.bad = await self.deliver("r-000002", "sha256:2")
        self.engine.data["notes"] = NEW

    async def replace(self, fate: Fate | None = None, reference: str = "v2", since: datetime | None = None) -> str:
        """Go through the step as one process does; without a time it was asked for just now."""
        fate = fate or Fate()
        registry, engine = Fragile(self.registry, fate), Fragile(self.engine, fate)
        lease = await self.claim("rollback")
        row = next(row for row in await self.registry.snapshots("notes") if row.reference == reference)
        return await replace_data.fn(lease, self.bad, row, since or datetime.now(UTC), 100, registry, engine, self.wakeups)

    async def rows(self) -> Sequence[tuple[str, SnapshotState]]:
        return sorted((row.reference, row.state) for row in await self.registry.snapshots("notes"))


@pytest.fixture
async def world(registry: SqlRegistry) -> Moved:
    made = Moved(registry)
    await made.begin()
    return made


async def test_data_is_replaced_while_nothing_runs_and_what_it_was_is_kept(world: Moved) -> None:
    assert await world.replace() == ""
    assert world.engine.data["notes"] == OLD
    assert world.engine.copies["notes"] == {"v2": OLD, "v2-undo": NEW}
    assert world.engine.stopped == {"notes-v1", "notes-v2"}
    assert await world.rows() == [("v2", SnapshotState.RESTORED), ("v2-undo", SnapshotState.TAKEN)]


async def test_restore_is_undone_by_the_snapshot_that_it_took(world: Moved) -> None:
    await world.replace()
    assert await world.replace(reference="v2-undo") == ""
    assert world.engine.data["notes"] == NEW
    assert world.engine.copies["notes"] == {"v2": OLD, "v2-undo": NEW, "v2-redo": OLD}


async def test_killed_at_any_moment_the_data_is_replaced_whole_and_can_be_brought_back(world: Moved) -> None:
    counted = Fate()
    await world.replace(counted)
    assert len(counted.passed) > 15
    for at in range(1, len(counted.passed) + 1):
        await start_over(world)
        asked = datetime.now(UTC)
        with pytest.raises(Killed):
            await world.replace(Fate(at), since=asked)
        half_done = next(row for row in await world.registry.snapshots("notes") if row.reference == "v2")
        if half_done.state is SnapshotState.RESTORING:
            world.engine.data["notes"] = "half of each"
        assert await world.replace(since=asked) == "", counted.passed[at - 1]
        assert world.engine.data["notes"] == OLD, counted.passed[at - 1]
        assert world.engine.copies["notes"] == {"v2": OLD, "v2-undo": NEW}, counted.passed[at - 1]
        assert await world.rows() == [("v2", SnapshotState.RESTORED), ("v2-undo", SnapshotState.TAKEN)]


async def test_killed_at_any_moment_of_a_second_restore_it_is_done_and_not_taken_for_the_first(world: Moved) -> None:
    counted = Fate()
    await world.replace()
    await world.replace(counted)
    for at in range(1, len(counted.passed) + 1):
        await start_over(world)
        await world.replace()
        world.engine.data["notes"] = "written since"
        asked = datetime.now(UTC)
        with pytest.raises(Killed):
            await world.replace(Fate(at), since=asked)
        assert await world.replace(since=asked) == "", counted.passed[at - 1]
        assert world.engine.data["notes"] == OLD, counted.passed[at - 1]
        assert world.engine.copies["notes"] == {"v2": OLD, "v2-undo": "written since"}, counted.passed[at - 1]


async def start_over(world: Moved) -> None:
    fence = await world.registry.fence("notes")
    await world.registry.drop_snapshot("notes", "v2-undo", fence=fence)
    await world.registry.put_snapshot(world.before, fence=fence)
    world.engine.copies["notes"] = {"v2": OLD}
    world.engine.data["notes"] = NEW
    await world.engine.resume("notes-v2")


async def test_data_that_cannot_be_kept_first_is_not_replaced(world: Moved) -> None:
    world.engine.room_mb = 5
    assert await world.replace() == (
        "keeping the data of notes before it is replaced needs 6 MB, and the disk has 5 MB free: "
        "free some space on it, then try again"
    )
    assert world.engine.data["notes"] == NEW
    assert await world.rows() == [("v2", SnapshotState.PASSED)]


async def test_data_that_may_be_half_replaced_is_not_taken_for_whole_when_there_is_no_room(world: Moved) -> None:
    fence = await world.registry.fence("notes")
    await world.registry.put_snapshot(world.before.model_copy(update={"state": SnapshotState.RESTORING}), fence=fence)
    world.engine.data["notes"], world.engine.room_mb = "half of each", 5
    with pytest.raises(RestoreUnfinished, match=r"`slipway rollback notes --data v2` goes on with it.* has 5 MB free"):
        await world.replace()
    assert await world.rows() == [("v2", SnapshotState.RESTORING)]
    world.engine.room_mb = None
    assert await world.replace() == ""
    assert (world.engine.data["notes"], await world.rows()) == (OLD, [("v2", SnapshotState.RESTORED)])


def line(method: str, at: datetime, host: str = "notes.localhost") -> str:
    return (
        f'{{"ts": {at.timestamp()}, "request": {{"host": "{host}", "method": "{method}"}}, "status": 200, "duration": 0.1}}\n'
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (None, RefuseRollback),
        ([], RestoreData),
        ([("GET", 1)], RestoreData),
        ([("POST", -1)], RestoreData),
        ([("POST", 1)], RefuseRollback),
        ([("POST", 1, "other.localhost")], RestoreData),
    ],
)
async def test_moved_schema_is_restored_by_itself_only_when_nobody_has_written(
    world: Moved, tmp_path: Path, lines: list[tuple[object, ...]] | None, expected: type
) -> None:
    log = tmp_path / "access.log"
    if lines is not None:
        made = [line(str(m), world.before.taken + timedelta(minutes=float(str(at))), *map(str, host)) for m, at, *host in lines]
        log.write_text("".join(made))
    lease = await world.claim("rollback")
    decided = await look_at_data.fn(
        lease, await row_of(world, 1), world.bad, "", str(log), world.registry, world.engine, world.wakeups
    )
    assert isinstance(decided, expected)


async def test_schema_that_did_not_move_keeps_the_data(world: Moved) -> None:
    world.engine.data["notes"] = f"{OLD}\nschema app.db table tags 5\na note"
    lease = await world.claim("rollback")
    good = await row_of(world, 1)
    decided = await look_at_data.fn(lease, good, world.bad, "", "", world.registry, world.engine, world.wakeups)
    assert decided == KeepData()


async def row_of(world: Moved, number: int) -> Release:
    return next(release for release in await world.registry.releases("notes") if release.number == number)


async def test_janitor_forgets_snapshots_that_no_release_needs(world: Moved) -> None:
    fence = await world.registry.fence("notes")
    for number in range(3, 8):
        row = world.before.model_copy(update={"release": number, "reference": f"v{number}", "taken": datetime.now(UTC)})
        await world.registry.put_snapshot(row, fence=fence)
        world.engine.copies["notes"][f"v{number}"] = OLD
    removed = await remove_retired.fn(world.registry, world.engine, world.wakeups)
    assert set(removed) == {"notes snapshot v3", "notes snapshot v4"}
    assert sorted(world.engine.copies["notes"]) == ["v2", "v5", "v6", "v7"]
    assert list((await world.states()).values()) == [ReleaseState.LIVE, ReleaseState.KEPT]
