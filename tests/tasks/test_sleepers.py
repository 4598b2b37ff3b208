"""A process that slept through its lease wakes up in a world that went on: it must change nothing of it.

Registry on SQLite and Postgres, a real Redis, a real Caddy; the engine is in memory, with its rules.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from blocks.caddy import Caddy
from blocks.registry.block import SqlRegistry
from blocks.wakeups import RedisWakeups
from domain.errors import LeaseLost
from domain.leases import Lease, deploy_lock
from domain.releases import Release, ReleaseState
from domain.routes import Proxy, Route
from tests.blocks.conftest import empty_url, postgres_server, registry  # noqa: F401  (fixtures)
from tests.blocks.services import CaddyServer, RedisServer, caddy_server, redis_server
from tests.fakes.services import MemoryProxy
from tests.tasks.conftest import NOW, brief
from tests.tasks.test_deployer import World

LIVE, KEPT, DRAINING, STARTING = ReleaseState.LIVE, ReleaseState.KEPT, ReleaseState.DRAINING, ReleaseState.STARTING


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def caddy() -> Iterator[CaddyServer]:
    with caddy_server() as running:
        yield running


class Night:
    """A world on real services, in which one run can sleep while others work."""

    def __init__(self, registry: SqlRegistry, redis: RedisServer, caddy: CaddyServer) -> None:  # noqa: F811
        self.world = World(registry)
        self.world.wakeups = RedisWakeups(url=redis.url)  # type: ignore[assignment]
        self.proxy: Proxy = Caddy(admin=caddy.admin, listen=caddy.listen)
        self.world.proxy = self.proxy  # type: ignore[assignment]

    async def sleep(self, lease: Lease) -> None:
        """Let the lease run out, as Redis does with one that nobody extends."""
        await self.world.wakeups.unlock(deploy_lock(lease.project), lease.owner)

    async def picture(self) -> tuple[object, ...]:
        """All that a deploy can change."""
        releases = await self.world.registry.releases("notes")
        apps = [(app.identity, app.state) for app in await self.world.engine.apps()]
        return (*releases, *apps, *await self.proxy.routes())


@pytest_asyncio.fixture
async def night(registry: SqlRegistry, redis: RedisServer, caddy: CaddyServer) -> AsyncIterator[Night]:  # noqa: F811
    await registry.add_project(
        brief(), "local:me", "notes.localhost", datetime.now(UTC)
    )  # Caddy is shared, and knows the last one
    made = Night(registry, redis, caddy)
    yield made
    await made.sleep(Lease(project="notes", owner="r-000002", fence=0))
    await made.proxy.remove_route("notes")


async def deliver(night: Night, run: str, address: str) -> Release:
    night.world.engine.address = address
    live = await night.world.switch(run, await night.world.start(run))
    assert isinstance(live, Release)
    await night.world.retire(run)
    return live


async def test_sleeper_that_another_delivery_has_overtaken_changes_nothing(night: Night) -> None:
    world = night.world
    await deliver(night, "r-000001", "127.0.0.1:1")
    stale, late = await world.claim("r-000002"), await world.start("r-000002")
    await night.sleep(stale)
    await deliver(night, "r-000003", "127.0.0.1:3")
    before = await night.picture()
    assert await world.states() == {3: LIVE, 2: STARTING, 1: KEPT}
    assert world.engine.stopped == {"notes-v1", "notes-v2"}

    for step in (
        world.gate("r-000002", late, lease=stale),
        world.switch("r-000002", late, lease=stale),
        world.retire("r-000002", lease=stale),
    ):
        with pytest.raises(LeaseLost):
            await step

    assert await night.picture() == before
    [route] = await night.proxy.routes()
    assert route.upstream == "127.0.0.1:3"


async def test_sleeper_between_switch_and_route_does_not_lead_the_route_back(night: Night) -> None:
    """It was stopped after its last look at the lease: only the fence is left to hold it."""
    world = night.world
    await deliver(night, "r-000001", "127.0.0.1:1")
    stale, late = await world.claim("r-000002"), await world.start("r-000002")
    await night.sleep(stale)
    await deliver(night, "r-000003", "127.0.0.1:3")
    before = await night.picture()
    with pytest.raises(LeaseLost):
        await world.registry.promote("notes", late.number, "127.0.0.1:2", DRAINING, "", NOW, fence=stale.fence)
    with pytest.raises(LeaseLost):
        await night.proxy.set_route(Route(project="notes", hosts=("notes.localhost",), upstream="127.0.0.1:2"), stale.fence)
    assert await night.picture() == before


async def test_sleeper_before_retiring_does_not_stop_the_release_that_came_back(night: Night) -> None:
    world = night.world
    first = await deliver(night, "r-000001", "127.0.0.1:1")
    stale = await world.claim("r-000002")
    await world.switch("r-000002", await world.start("r-000002"), lease=stale)
    assert await world.states() == {2: LIVE, 1: DRAINING}
    await night.sleep(stale)
    await world.switch("rollback", first, ReleaseState.ROLLED_BACK)
    await world.retire("rollback")
    before = await night.picture()
    with pytest.raises(LeaseLost):
        await world.retire("r-000002", lease=stale)
    assert await night.picture() == before
    assert world.engine.stopped == {"notes-v2"}


async def test_release_that_comes_back_while_it_is_drained_is_not_stopped(night: Night) -> None:
    world = night.world
    first = await deliver(night, "r-000001", "127.0.0.1:1")
    stale = await world.claim("r-000002")
    await world.switch("r-000002", await world.start("r-000002"), lease=stale)

    class Draining(MemoryProxy):
        """While the old copy still answers, a rollback makes it the live one."""

        async def in_flight(self, upstream: str) -> int:
            world.proxy = night.proxy  # type: ignore[assignment]
            await night.sleep(stale)
            await world.switch("rollback", first, ReleaseState.ROLLED_BACK)
            await world.retire("rollback")
            return 1

    world.proxy = Draining()
    with pytest.raises(LeaseLost):
        await world.retire("r-000002", seconds=0.001, lease=stale)
    assert await world.states() == {2: ReleaseState.ROLLED_BACK, 1: LIVE}
    assert world.engine.stopped == {"notes-v2"}
