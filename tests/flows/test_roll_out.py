"""A delivery's last steps, begun again after an interruption: they do what is left, and nothing that others have undone."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest_asyncio

from blocks.registry.block import SqlRegistry
from domain.environment import EnvironmentVersion
from domain.health import HealthCheck
from domain.outcomes import Overtaken, Rejected, Released
from domain.releases import ReleaseState
from flows.devops import Deployment, roll_out
from flows.leases import under_lease
from tasks.readiness import Readiness
from tests.conftest import PrefectServer
from tests.flows.releases_bench import Site, in_flow, site
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)

LIVE, KEPT, FAILED, TAKEN_BACK = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.FAILED, ReleaseState.ROLLED_BACK
PLAN = Readiness(process="web", health=HealthCheck(path="/health"))


@pytest_asyncio.fixture
async def place(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    async with site(registry, tmp_path) as made:
        yield made


async def resume(place: Site, run: str) -> Released | Rejected | Overtaken:
    """Go through the run's steps as its next process does."""
    deployment = Deployment(run=run, project="notes", commit=place.commit, candidate="sha256:9", checks=())
    work = partial(roll_out, deployment, EnvironmentVersion(project="notes", number=1), PLAN, place.blocks)
    return await in_flow(lambda: under_lease("notes", run, place.blocks, work))


def picture(place: Site) -> tuple[object, ...]:
    return (dict(place.proxy.held), set(place.engine.stopped), set(place.engine.live_apps), list(place.engine.started))


async def test_run_that_was_killed_before_its_switch_goes_on(place: Site) -> None:
    await place.serve(1)
    await place.start("r-000002", "sha256:2")
    done = await resume(place, "r-000002")
    assert isinstance(done, Released)
    assert (done.address, done.release.candidate) == ("http://notes.localhost", "sha256:2")
    assert await place.states() == {2: LIVE, 1: KEPT}
    assert (place.engine.stopped, place.wakeups.owners) == ({"notes-v1"}, {})


async def test_run_that_was_killed_after_its_switch_finishes_without_judging_the_live_copy(place: Site) -> None:
    await place.serve(1)
    await place.switch("r-000002", await place.start("r-000002", "sha256:2"))
    place.dies("notes-v2")
    done = await resume(place, "r-000002")
    assert isinstance(done, Released)
    assert await place.states() == {2: LIVE, 1: KEPT}
    assert place.engine.stopped == {"notes-v1"}
    assert place.proxy.held["notes"].upstream == place.engine.address


async def test_run_whose_release_was_taken_back_changes_nothing(place: Site) -> None:
    good = await place.serve(1)
    await place.deliver("r-000002", "sha256:2")
    await place.engine.resume(good.identity)
    await place.switch("rollback", good, TAKEN_BACK)
    await place.retire("rollback")
    before, states = picture(place), await place.states()

    done = await resume(place, "r-000002")

    assert isinstance(done, Overtaken)
    assert done.reason == "release 2 went online and was taken back because because"
    assert (picture(place), await place.states()) == (before, states)
    assert states == {2: TAKEN_BACK, 1: LIVE}


async def test_run_whose_release_was_replaced_changes_nothing(place: Site) -> None:
    await place.serve(3)
    before = picture(place)
    done = await resume(place, "r-000002")
    assert isinstance(done, Overtaken)
    assert done.reason == "release 2 went online, and release 3 has replaced it since"
    assert picture(place) == before
    assert await place.states() == {3: LIVE, 2: KEPT, 1: KEPT}


async def test_run_whose_release_failed_its_gate_says_so_again(place: Site) -> None:
    await place.serve(1)
    bad = await place.start("r-000002", "sha256:2")
    place.dies("notes-v2")
    await place.gate("r-000002", bad)
    done = await resume(place, "r-000002")
    assert done == Rejected(reason="It ended by itself (exit code 3).")
    assert await place.states() == {2: FAILED, 1: LIVE}
    assert place.engine.stopped == {"notes-v2"}


async def test_copy_that_died_after_its_gate_gets_no_traffic(place: Site) -> None:
    await place.serve(1)
    before = place.proxy.held["notes"]
    await place.start("r-000002", "sha256:2")
    place.engine.app_logs["notes-v2"] = "no room left"
    place.dies("notes-v2", after_looks=1)
    done = await resume(place, "r-000002")
    assert done == Rejected(reason="It ended by itself (exit code 3).", evidence="no room left")
    assert await place.states() == {2: FAILED, 1: LIVE}
    assert place.proxy.held["notes"] == before


async def test_work_that_lost_the_project_looks_again_at_what_there_is_to_do(place: Site) -> None:
    await place.serve(1)
    late = await place.start("r-000002", "sha256:2")
    in_flight = place.proxy.in_flight

    async def overtaken(upstream: str) -> int:
        """While release 1 is drained, release 2 is taken back."""
        place.proxy.in_flight = in_flight  # type: ignore[method-assign]
        await place.wakeups.unlock("deploy:notes", "r-000002")
        await place.switch("rollback", await place.release(1), TAKEN_BACK)
        await place.retire("rollback")
        return 0

    place.proxy.in_flight = overtaken  # type: ignore[method-assign]
    done = await resume(place, "r-000002")
    assert isinstance(done, Overtaken)
    assert done.release.number == late.number
    assert await place.states() == {2: TAKEN_BACK, 1: LIVE}
    assert place.engine.stopped == {"notes-v2"}
