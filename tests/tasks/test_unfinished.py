"""A release that was started and will never serve: its copy must not go on working on the project's data."""

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost
from domain.releases import Release, ReleaseState
from domain.runs import RunState
from tasks.janitor import remove_retired
from tasks.unfinished import NEVER_SERVED, end_unfinished, rest_release
from tests.tasks.conftest import NOW
from tests.tasks.test_deployer import World


@pytest.fixture
def world(registry: SqlRegistry) -> World:
    return World(registry)


async def the_release(world: World) -> Release:
    [found] = await world.registry.releases("notes")
    return found


async def end(world: World) -> list[str]:
    return list(await end_unfinished.fn(world.registry, world.engine, world.wakeups))


async def test_release_of_a_cancelled_run_fails_and_its_copy_and_lock_are_gone(world: World) -> None:
    await world.start("r-000001")
    assert await end(world) == []
    await world.registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)

    assert await end(world) == ["notes-v1"]

    left = await the_release(world)
    assert (left.state, left.reason) == (ReleaseState.FAILED, NEVER_SERVED)
    assert (world.engine.live_apps, world.wakeups.owners) == ({}, {})
    assert await end(world) == []


async def test_process_that_outlives_its_cancelled_run_cannot_make_the_release_live(world: World) -> None:
    release, lease = await world.start("r-000001"), await world.lease("r-000001")
    await world.registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)
    await end(world)
    with pytest.raises(LeaseLost):
        await world.switch("r-000001", release, lease=lease)
    assert world.proxy.held == {}


async def test_end_that_was_interrupted_before_the_copy_went_is_finished_by_the_janitor(world: World) -> None:
    await world.start("r-000001")
    await world.registry.update_run("r-000001", state=RunState.FAILED, ended=NOW)
    world.engine.reachable = False
    with pytest.raises(Exception, match="fake engine"):
        await end(world)
    world.engine.reachable = True
    await end(world)
    await remove_retired.fn(world.registry, world.engine, world.wakeups)
    assert (world.engine.live_apps, (await the_release(world)).state) == ({}, ReleaseState.REMOVED)


async def test_live_release_of_an_ended_run_stays(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    await world.registry.update_run("r-000001", state=RunState.DELIVERED, ended=NOW)
    assert await end(world) == []
    assert set(world.engine.live_apps) == {"notes-v1"}


async def test_copy_rests_without_the_lock_while_its_run_waits_and_goes_on_with_it(world: World) -> None:
    release = await world.start("r-000001")

    await rest_release("r-000001", "notes", world.registry, world.engine, world.wakeups)

    assert (world.engine.stopped, world.wakeups.owners) == ({"notes-v1"}, {})
    assert await world.start("r-000001") == release
    assert (world.engine.stopped, world.wakeups.owners) == (set(), {"deploy:notes": "r-000001"})


async def test_rest_touches_no_release_that_serves_and_bears_an_engine_that_is_away(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    await world.start("r-000002", "sha256:2")
    await rest_release("r-000001", "notes", world.registry, world.engine, world.wakeups)
    assert world.engine.stopped == set()
    world.engine.reachable = False
    await rest_release("r-000002", "notes", world.registry, world.engine, world.wakeups)
    assert world.wakeups.owners == {}
