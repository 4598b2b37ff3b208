"""rollback, where the schema moved: the data goes along, stays, or nothing is done; and all of it can be interrupted."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.errors import UnknownObject
from domain.releases import ReleaseState
from domain.rollbacks import RollbackOutcome, RollbackRequest
from domain.snapshots import Snapshot, SnapshotState
from domain.workers import AppSpec
from flows.devops import Deployment, roll_out
from flows.leases import under_lease
from flows.rollback import roll_back
from flows.rollback_ends import RolledBack
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow, site
from tests.flows.test_roll_out import PLAN
from tests.tasks.conftest import (
    NOW,
    registry,  # noqa: F401  (a fixture)
    request,
)
from tests.tasks.test_migration import NEW, OLD, ended

LIVE, KEPT, FAILED, TAKEN_BACK = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.FAILED, ReleaseState.ROLLED_BACK


@pytest_asyncio.fixture
async def place(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    """Yield a site on which release 2 has changed the schema by its release command, delivered by the real steps."""
    async with site(registry, tmp_path) as made:
        await made.serve(1)
        made.engine.data["notes"] = OLD
        made.engine.app_states["notes-v2-release"] = [ended(0)]
        await registry.add_run(request("r-000002"), NOW)
        version = await registry.add_environment("notes", {}, {})
        deployment = Deployment(run="r-000002", project="notes", commit=made.commit, candidate="sha256:2", checks=())
        plan = PLAN.model_copy(update={"release_command": "python -m app.migrate"})
        made.engine.live_apps["notes-v2-release"] = AppSpec(
            identity="notes-v2-release", project="notes", run="r-000002", role="command", candidate="sha256:2"
        )
        work = partial(roll_out, deployment, version, plan, made.blocks)
        await in_flow(lambda: under_lease("notes", "r-000002", made.blocks, work))
        made.engine.data["notes"] = f"{NEW}\nwritten by 2"
        yield made


async def go_back(place: Site, data: str = "", *, automatic: bool = False) -> RolledBack:
    wish = RollbackRequest(
        project="notes",
        release=2,
        reason="it answers 500",
        owner="rollback-1",
        asked=datetime.now(UTC),
        data=data,
        automatic=automatic,
    )
    return await in_flow(partial(roll_back, wish, place.blocks))


async def rows(place: Site) -> dict[str, SnapshotState]:
    return {row.reference: row.state for row in await place.registry.snapshots("notes")}


async def test_schema_that_moved_is_refused_with_what_can_be_done_and_the_app_goes_on(place: Site) -> None:
    assert await rows(place) == {"v2": SnapshotState.PASSED}
    done = await go_back(place)
    assert done.outcome == "refused"
    assert "`slipway rollback notes 1 --data keep`" in done.message
    assert "`slipway rollback notes 1 --data restore`" in done.message
    assert await place.states() == {2: LIVE, 1: KEPT}
    assert place.engine.stopped == {"notes-v1"}
    await go_back(place)
    [note] = [note for note in await place.registry.unsent("cli") if "refused" in note.key]
    assert note.text == f"{done.message} (it answers 500)"


async def test_automatic_rollback_that_is_refused_is_told_once_also_to_the_operator_and_not_tried_each_minute(
    place: Site,
) -> None:
    done = await go_back(place, automatic=True)
    again = await go_back(place, automatic=True)
    assert (done.outcome, again.outcome) == ("refused", "refused")
    assert [row.outcome for row in await place.registry.rollbacks("notes")] == [RollbackOutcome.REFUSED]
    told = f"{done.message} (it answers 500)"
    assert [note.text for note in await place.registry.unsent("operator")] == [told]
    assert [note.text for note in await place.registry.unsent("cli") if "refused" in note.key] == [told]
    assert (await go_back(place, "keep")).outcome == "rolled back"


async def test_person_may_keep_the_data(place: Site) -> None:
    done = await go_back(place, "keep")
    assert done.outcome == "rolled back"
    assert place.engine.data["notes"] == f"{NEW}\nwritten by 2"
    assert await place.states() == {2: TAKEN_BACK, 1: LIVE}


async def test_person_may_bring_the_data_back_and_what_it_was_is_kept(place: Site) -> None:
    done = await go_back(place, "restore")
    assert done.outcome == "rolled back"
    assert place.engine.data["notes"] == OLD
    assert place.engine.copies["notes"]["v2-undo"] == f"{NEW}\nwritten by 2"
    assert await place.states() == {2: TAKEN_BACK, 1: LIVE}
    assert place.proxy.held["notes"].upstream == place.engine.address


async def test_data_goes_back_by_itself_when_nobody_has_written(place: Site, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("")
    place.blocks.installation.access_log = str(log)
    assert (await go_back(place)).outcome == "rolled back"
    assert place.engine.data["notes"] == OLD


async def test_good_release_that_does_not_start_on_the_old_data_leaves_the_bad_one_with_its_own(place: Site) -> None:
    place.dies("notes-v1")
    done = await go_back(place, "restore")
    assert done.outcome == "not healthy"
    assert place.engine.data["notes"] == f"{NEW}\nwritten by 2"
    assert await place.states() == {2: LIVE, 1: FAILED}
    assert "notes-v2" not in place.engine.stopped


@pytest.mark.parametrize(("by_a_rollback", "asked"), [(True, "restore"), (False, "restore"), (False, "v2")])
async def test_restore_that_was_interrupted_is_finished_and_its_undo_is_what_the_bad_release_wrote(
    place: Site, by_a_rollback: bool, asked: str
) -> None:
    fence = await begin_attempt(place) if by_a_rollback else await place.registry.fence("notes")
    [before] = await place.registry.snapshots("notes")
    undo = Snapshot(
        project="notes", release=2, reference="v2-undo", state=SnapshotState.TAKEN, taken=datetime.now(UTC), schema_before="x"
    )
    place.engine.copies["notes"]["v2-undo"] = place.engine.data["notes"]
    await place.registry.put_snapshot(undo, fence=fence)
    await place.registry.put_snapshot(before.model_copy(update={"state": SnapshotState.RESTORING}), fence=fence)
    place.engine.data["notes"] = "half of each"

    done = await go_back(place, asked)
    assert done.outcome == ("data restored" if asked == "v2" else "rolled back")
    assert place.engine.data["notes"] == OLD
    assert place.engine.copies["notes"]["v2-undo"] == f"{NEW}\nwritten by 2"
    assert await rows(place) == {"v2": SnapshotState.RESTORED, "v2-undo": SnapshotState.TAKEN}


async def test_only_the_data_goes_back_to_a_named_snapshot_and_the_release_stays(place: Site) -> None:
    done = await go_back(place, "v2")
    assert (done.outcome, done.message) == (
        "data restored", "notes has the data of snapshot v2 again; what it had until now is snapshot v2-undo"
    )  # fmt: skip
    assert place.engine.data["notes"] == OLD
    assert await place.states() == {2: LIVE, 1: KEPT}
    assert "notes-v2" not in place.engine.stopped
    absent = await go_back(place, "v9")
    assert (absent.outcome, absent.message) == ("refused", "notes has no snapshot v9; there is v2-undo, v2")


async def test_live_release_whose_image_was_pruned_stays_live_and_that_is_said(place: Site) -> None:
    await place.engine.remove("notes-v2")
    place.engine.pruned.add("sha256:2")
    with pytest.raises(UnknownObject, match="there is no candidate 'sha256:2'"):
        await go_back(place, "v2")
    assert await place.states() == {2: LIVE, 1: KEPT}
    assert place.engine.data["notes"] == OLD


async def test_restore_of_an_earlier_day_is_nothing_of_a_rollback_that_begins_now(place: Site) -> None:
    await go_back(place, "v2")
    place.engine.data["notes"] = f"{NEW}\nwritten since"
    assert (await go_back(place)).outcome == "refused"
    place.dies("notes-v1")
    assert (await go_back(place, "keep")).outcome == "not healthy"
    assert place.engine.data["notes"] == f"{NEW}\nwritten since"
    assert await place.states() == {2: LIVE, 1: FAILED}


async def test_rollback_that_was_left_open_does_not_go_on_after_a_restore_by_name(place: Site) -> None:
    await begin_attempt(place)
    await go_back(place, "v2")
    place.engine.data["notes"] = f"{NEW}\nwritten since"
    assert (await go_back(place)).outcome == "refused"
    ends = [row.outcome for row in await place.registry.rollbacks("notes")]
    assert ends == [RollbackOutcome.BROKEN_OFF, RollbackOutcome.REFUSED]


async def test_bad_release_gets_its_data_back_also_when_the_process_died_before_that(place: Site) -> None:
    fence = await begin_attempt(place)
    [before] = await place.registry.snapshots("notes")
    undo = before.model_copy(update={"reference": "v2-undo", "state": SnapshotState.TAKEN, "taken": datetime.now(UTC)})
    place.engine.copies["notes"]["v2-undo"], place.engine.data["notes"] = place.engine.data["notes"], OLD
    await place.registry.put_snapshot(undo, fence=fence)
    await place.registry.put_snapshot(before.model_copy(update={"state": SnapshotState.RESTORED}), fence=fence)
    await place.engine.stop("notes-v2")
    await place.registry.move_release("notes", 1, FAILED, reason="It ended by itself.", fence=fence)

    place.engine.room_mb = 5
    for _ in range(2):
        stopped = await go_back(place)
        assert (stopped.outcome, await rows(place)) == (
            "refused", {"v2": SnapshotState.RESTORED, "v2-undo": SnapshotState.RESTORING}
        )  # fmt: skip
    assert stopped.message.startswith("notes stays stopped until its data is that of snapshot v2-undo ")
    assert "notes-v2" in place.engine.stopped
    for people in ("operator", "cli"):
        assert [note.text for note in await place.registry.unsent(people) if "unfinished" in note.key] == [
            f"{stopped.message} (it answers 500)"
        ]
    place.engine.room_mb = None

    assert (await go_back(place, "restore")).outcome == "not healthy"
    assert place.engine.data["notes"] == f"{NEW}\nwritten by 2"
    assert "notes-v2" not in place.engine.stopped
    assert (await place.registry.rollbacks("notes"))[0].outcome is RollbackOutcome.NOT_HEALTHY


async def begin_attempt(place: Site) -> int:
    """Leave a rollback from 2 to 1 open, as a process that died does; return the fence it had."""
    fence = await place.registry.fence("notes")
    await place.registry.begin_rollback("notes", 2, 1, datetime.now(UTC), automatic=False, fence=fence)
    return fence
