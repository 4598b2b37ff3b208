"""rollback, where the schema moved: the data goes along, stays, or nothing is done; and all of it can be interrupted."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.registry import SqlRegistry
from domain.errors import UnknownObject
from domain.releases import ReleaseState
from domain.rollbacks import RollbackRequest
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


async def go_back(place: Site, data: str = "", to: int | None = None) -> RolledBack:
    wish = RollbackRequest(
        project="notes", release=2, to=to, reason="it answers 500", owner="rollback-1", asked=datetime.now(UTC), data=data
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


async def test_restore_that_was_interrupted_is_finished_and_its_undo_is_what_the_bad_release_wrote(place: Site) -> None:
    fence = await place.registry.fence("notes")
    [before] = await place.registry.snapshots("notes")
    undo = Snapshot(
        project="notes", release=2, reference="v2-undo", state=SnapshotState.TAKEN, taken=datetime.now(UTC), schema_before="x"
    )
    place.engine.copies["notes"]["v2-undo"] = place.engine.data["notes"]
    await place.registry.put_snapshot(undo, fence=fence)
    await place.registry.put_snapshot(before.model_copy(update={"state": SnapshotState.RESTORING}), fence=fence)
    place.engine.data["notes"] = "half of each"

    assert (await go_back(place, "restore")).outcome == "rolled back"
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
