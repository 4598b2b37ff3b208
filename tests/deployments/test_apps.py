"""What is tidied up when a run was cancelled."""

from types import SimpleNamespace
from typing import Any

from blocks.registry.block import SqlRegistry
from deployments.supervision.apps import dismiss_orphans
from domain.releases import ReleaseState
from domain.runs import RunState
from domain.workers import WorkerSpec
from tasks.brief_talk import lease
from tests.tasks.conftest import NOW, registry  # noqa: F401  (a fixture among them)
from tests.tasks.test_deployer import World


def blocks_of(world: World) -> Any:
    return SimpleNamespace(registry=world.registry, engine=world.engine, wakeups=world.wakeups)


async def test_cancelled_run_takes_its_worker_and_its_starting_copy_with_it(registry: SqlRegistry) -> None:  # noqa: F811
    world = World(registry)
    await world.start("r-000001")
    await world.engine.spawn(WorkerSpec(identity="r-000001-developer", project="notes", run="r-000001", role="developer"))
    await registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)

    await dismiss_orphans(blocks_of(world))

    assert (world.engine.live_apps, world.engine.live_workers, world.wakeups.owners) == ({}, {}, {})
    assert await world.states() == {1: ReleaseState.FAILED}


async def test_cancelling_one_run_leaves_the_worker_of_somebody_elses_brief(registry: SqlRegistry) -> None:  # noqa: F811
    world = World(registry)
    spec = WorkerSpec(identity="r-000009-product-owner", project="new-r-000009", run="r-000009", role="product_owner")
    await world.engine.spawn(spec)
    await world.wakeups.lock(lease("r-000009"), spec.identity, 60)
    await registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)

    await dismiss_orphans(blocks_of(world))

    assert set(world.engine.live_workers) == {"r-000009-product-owner"}


async def test_engine_that_is_away_does_not_end_who_tidies_up(registry: SqlRegistry) -> None:  # noqa: F811
    world = World(registry)
    await world.start("r-000001")
    await registry.update_run("r-000001", state=RunState.CANCELLED, ended=NOW)
    world.engine.reachable = False

    await dismiss_orphans(blocks_of(world))

    assert set(world.engine.live_apps) == {"notes-v1"}
