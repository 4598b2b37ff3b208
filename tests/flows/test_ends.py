"""How a delivery ends: the registry, the person and the engine are of one mind."""

from types import SimpleNamespace
from typing import Any

from prefect import flow

from blocks.registry.block import SqlRegistry
from domain.outcomes import Delivered, Escalated
from domain.releases import ReleaseState
from domain.runs import RunState
from flows.delivery import tell_end
from tests.conftest import PrefectServer
from tests.tasks.conftest import registry, request  # noqa: F401  (a fixture among them)
from tests.tasks.test_deployer import World


async def test_delivery_that_ends_before_its_release_serves_leaves_no_copy(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
) -> None:
    world = World(registry)
    await world.start("r-000001")
    blocks: Any = SimpleNamespace(registry=registry, engine=world.engine, wakeups=world.wakeups)

    @flow
    async def ends() -> Delivered:
        return await tell_end(request(), Escalated(reason="its person stopped it", cause="try_again"), blocks)

    assert (await ends()).state == "failed"

    run = await registry.run("r-000001")
    assert run is not None
    assert run.state is RunState.FAILED
    assert await world.states() == {1: ReleaseState.FAILED}
    assert (world.engine.live_apps, world.wakeups.owners) == ({}, {})
