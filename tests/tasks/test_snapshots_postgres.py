"""The project's Postgres in its snapshots: kept, compared and brought back with the files, whatever is killed on the way."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.kept_data import KeptData
from blocks.registry.block import SqlRegistry
from blocks.resource_dumps import ResourceDumps
from domain.app_data import DataKeeper, NoRoom, Saved
from domain.errors import ServiceUnreachable
from domain.releases import Release
from domain.resources import ResourceKind, ResourceSpec
from domain.snapshots import KeepData, RefuseRollback, Snapshot, SnapshotState
from tasks.migration import announce_release, save_data
from tasks.snapshots import forget_snapshots, look_at_data, replace_data
from tests.fakes.engine import FakeEngine
from tests.tasks.conftest import COMMIT, NOW, request
from tests.tasks.fragile import Fate, Fragile, Killed
from tests.tasks.test_deployer import World

OLD = "schema postgres table notes 11\nfirst"
NEW = "schema postgres table notes 22\nsecond"
PLACE = "notes-postgres"
MB = 1024 * 1024
LOOKS = ("status", "schema", "data_schema", "apps")
"""Calls that change nothing. What the registry's do is in `test_snapshots` and `test_migration`."""


class Composed:
    """An engine whose data is that of a fake one together with its Postgres, as real engines have it; each change a danger."""

    def __init__(self, engine: FakeEngine, folder: Path, fate: Fate) -> None:
        self._engine = Fragile(engine, fate, LOOKS)
        dumps = ResourceDumps(Fragile(engine.resources, fate, LOOKS), folder)
        self.kept: DataKeeper = KeptData(self._engine, Fragile(dumps, fate, LOOKS))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kept if name in vars(KeptData) else self._engine, name)


class Stateful(World):
    """Release 1 of `notes` serves on files and a Postgres; release 2 is what the tests are about."""

    folder: Path
    first: Release

    async def begin(self, folder: Path) -> None:
        self.folder = folder
        self.first = await self.deliver("r-000001", "sha256:1")
        await self.registry.add_run(request("r-000002"), NOW)
        await self.engine.resources.provide(ResourceSpec(project="notes", kind=ResourceKind.POSTGRES, password="word"))
        self.engine.data["notes"] = "a picture"
        self.content = OLD

    @property
    def content(self) -> str:
        return self.engine.resources.data[PLACE]

    @content.setter
    def content(self, text: str) -> None:
        self.engine.resources.data[PLACE] = text

    def composed(self, fate: Fate | None = None) -> Any:
        return Composed(self.engine, self.folder, fate or Fate())

    def dumped(self) -> dict[str, str]:
        """Return every file below the folder, by name."""
        return {path.name: path.read_text() for path in self.folder.rglob("*") if path.is_file()}

    async def save(self, fate: Fate | None = None, command: str = "migrate", limit: int = 100) -> Any:
        lease = await self.claim("r-000002")
        release = await announce_release.fn(lease, "r-000002", COMMIT, "sha256:2", 1, self.registry, self.wakeups)
        return await save_data.fn(lease, release, command, limit, self.registry, self.composed(fate), self.wakeups)

    async def replace(self, fate: Fate | None = None, reference: str = "v2", since: datetime | None = None) -> str:
        row = next(row for row in await self.registry.snapshots("notes") if row.reference == reference)
        lease, engine = await self.claim("r-000002"), self.composed(fate)
        return await replace_data.fn(lease, self.bad, row, since or datetime.now(UTC), 100, self.registry, engine, self.wakeups)

    @property
    def bad(self) -> Release:
        return self.first.model_copy(update={"number": 2, "run": "r-000002"})

    async def rows(self) -> Any:
        return sorted((row.reference, row.state) for row in await self.registry.snapshots("notes"))


@pytest.fixture
async def world(registry: SqlRegistry, tmp_path: Path) -> Stateful:
    made = Stateful(registry)
    await made.begin(tmp_path / "dumps")
    return made


async def test_snapshot_holds_the_database_and_its_schema_in_a_folder_of_nobody_elses(world: Stateful) -> None:
    taken = await world.save()
    assert (taken.state, taken.schema_before) == (SnapshotState.TAKEN, "postgres table notes 11")
    assert taken.bytes == len("a picture") + len(OLD)
    assert world.dumped() == {"v2": OLD}
    assert world.folder.stat().st_mode & 0o777 == 0o700


async def test_database_alone_is_reason_enough_for_a_snapshot(world: Stateful) -> None:
    assert isinstance(await world.save(command=""), Snapshot)
    assert world.dumped() == {"v2": OLD}


async def test_killed_at_any_moment_a_snapshot_is_whole_in_the_end(world: Stateful) -> None:
    counted = Fate()
    await world.save(counted)
    assert {"before dump", "after save_data"} <= {*counted.passed}
    for at in range(1, len(counted.passed) + 1):
        await start_over(world)
        with pytest.raises(Killed):
            await world.save(Fate(at))
        assert (await world.save()).bytes == len("a picture") + len(OLD), counted.passed[at - 1]
        assert (world.dumped(), world.engine.copies["notes"]) == ({"v2": OLD}, {"v2": "a picture"}), counted.passed[at - 1]


async def test_restore_brings_files_and_database_back_and_its_undo_both_again(world: Stateful) -> None:
    await migrated(world)
    assert await world.replace() == ""
    assert (world.engine.data["notes"], world.content) == ("a picture", OLD)
    assert world.dumped() == {"v2": OLD, "v2-undo": NEW}
    assert await world.replace(reference="v2-undo") == ""
    assert (world.engine.data["notes"], world.content) == ("another picture", NEW)


async def test_killed_at_any_moment_the_database_is_brought_back_with_the_files(world: Stateful) -> None:
    await migrated(world)
    counted = Fate()
    await world.replace(counted)
    assert {"before restore", "after restore", "before dump"} <= {*counted.passed}
    for at in range(1, len(counted.passed) + 1):
        await start_over(world)
        await migrated(world)
        asked = datetime.now(UTC)
        with pytest.raises(Killed):
            await world.replace(Fate(at), since=asked)
        assert await world.replace(since=asked) == "", counted.passed[at - 1]
        assert (world.engine.data["notes"], world.content) == ("a picture", OLD), counted.passed[at - 1]
        assert world.dumped() == {"v2": OLD, "v2-undo": NEW}, counted.passed[at - 1]


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [
        (f"{OLD}\nschema postgres table tags 5", "", KeepData),
        (NEW, "", RefuseRollback),
        (NEW, "keep", KeepData),
    ],
)
async def test_rollback_looks_at_the_schema_of_the_database(world: Stateful, now: str, wanted: Any, expected: type) -> None:
    good, bad = await served_twice(world)
    world.content = now
    lease = await world.claim("r-000002")
    found = await look_at_data.fn(lease, good, bad, wanted, "", world.registry, world.composed(), world.wakeups)
    assert isinstance(found, expected)


async def test_database_that_does_not_run_keeps_nobody_from_going_back_as_he_said(world: Stateful) -> None:
    good, bad = await served_twice(world)
    await world.engine.resources.stop("notes", ResourceKind.POSTGRES)
    lease = await world.claim("r-000002")
    found = await look_at_data.fn(lease, good, bad, "keep", "", world.registry, world.composed(), world.wakeups)
    assert found == KeepData()


async def test_app_is_not_stopped_for_a_database_that_does_not_answer(world: Stateful) -> None:
    await migrated(world)
    await world.engine.resources.stop("notes", ResourceKind.POSTGRES)
    with pytest.raises(ServiceUnreachable, match=PLACE):
        await world.replace()
    assert world.engine.stopped == set()
    assert world.engine.data["notes"] == "another picture"


async def test_snapshot_from_before_there_was_a_database_leaves_it(world: Stateful) -> None:
    await world.engine.resources.remove("notes", ResourceKind.POSTGRES)
    await world.save()
    await world.engine.resources.provide(ResourceSpec(project="notes", kind=ResourceKind.POSTGRES, password="word"))
    world.engine.data["notes"], world.content = "another picture", NEW
    assert await world.replace() == ""
    assert (world.engine.data["notes"], world.content) == ("a picture", NEW)


@pytest.mark.parametrize(("dump", "files", "limit"), [(2, 0, 1), (1, 3, 3)])
async def test_limit_is_for_files_and_database_together(tmp_path: Path, dump: int, files: int, limit: int) -> None:
    engine = FakeEngine()
    await engine.resources.provide(ResourceSpec(project="notes", kind=ResourceKind.POSTGRES, password="word"))
    engine.resources.data[PLACE] = "x" * dump * MB
    kept = KeptData(Measured(files), ResourceDumps(engine.resources, tmp_path / "dumps"))
    assert isinstance(found := await kept.save_data("notes", "v2", limit), NoRoom)
    assert (found.needed_mb, found.over_limit) == (dump + files, True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # noqa: ASYNC240 - a folder of the test
    assert await kept.save_data("notes", "v2", dump + files + 1) == Saved(bytes=(dump + files) * MB)


async def test_disk_that_is_too_full_for_a_dump_is_said_before_it_is_begun(tmp_path: Path) -> None:
    engine = FakeEngine()
    await engine.resources.provide(ResourceSpec(project="notes", kind=ResourceKind.POSTGRES, password="word"))
    found = await ResourceDumps(engine.resources, tmp_path, spare=10**9 * MB).save_data("notes", "v2", 100)
    assert isinstance(found, NoRoom)
    assert (found.needed_mb, found.over_limit) == (10**9, False)


async def test_dump_goes_with_its_snapshot_and_all_go_with_the_project(world: Stateful) -> None:
    await world.save()
    dumps, engine = ResourceDumps(world.engine.resources, world.folder), world.composed()
    for number in range(3, 7):
        await engine.save_data("notes", f"v{number}", 100)
        row = (await world.registry.snapshots("notes"))[0].model_copy(update={"release": number, "reference": f"v{number}"})
        await world.registry.put_snapshot(row, fence=await world.registry.fence("notes"))
    kept = set(world.dumped())
    gone = await forget_snapshots(await world.claim("r-000002"), world.registry, engine, world.wakeups)
    assert {name.rsplit(" ", 1)[1] for name in gone} == kept - set(world.dumped()) != set()
    for _ in range(2):
        await dumps.remove("notes")
        assert world.dumped() == {}


class Measured(FakeEngine):
    """Files of a size that is told; they fit or do not, as the keeper of files says it."""

    def __init__(self, size_mb: int) -> None:
        super().__init__()
        self._size = size_mb

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        if self._size > limit_mb:
            return NoRoom(needed_mb=self._size, free_mb=10**6, over_limit=True)
        return Saved(bytes=self._size * MB)


async def migrated(world: Stateful) -> None:
    """Let release 2 have its snapshot, its migration and what was written since."""
    await world.save()
    world.engine.data["notes"], world.content = "another picture", NEW


async def served_twice(world: Stateful) -> Sequence[Release]:
    """Let release 2 have served after its snapshot; return both."""
    await world.save()
    await world.deliver("r-000002", "sha256:2")
    return sorted(await world.registry.releases("notes"), key=lambda release: release.number)


async def start_over(world: Stateful) -> None:
    fence = await world.registry.fence("notes")
    for row in await world.registry.snapshots("notes"):
        await world.registry.drop_snapshot("notes", row.reference, fence=fence)
    await ResourceDumps(world.engine.resources, world.folder).remove("notes")
    world.engine.copies.clear()
    world.engine.data["notes"], world.content = "a picture", OLD
    await world.engine.resume("notes-v1")
