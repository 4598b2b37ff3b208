import pytest

from blocks.registry.block import SqlRegistry
from domain.health import HealthCheck
from domain.leases import Lease
from domain.outcomes import Rejected
from domain.releases import Release, ReleaseState
from domain.workers import AppState, AppStatus
from tasks.deployer import gate_release, start_release, switch_release
from tasks.leases import claim, give_back
from tasks.redaction import shield
from tasks.retirement import retire_releases
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy, MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import COMMIT, NOW, request

CHECK = HealthCheck(path="/health")


class World:
    """One project's world, and the deployer's steps on it."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry = registry
        self.engine = FakeEngine(address="127.0.0.1:9")
        self.proxy = MemoryProxy()
        self.vault = MemoryVault()
        self.wakeups = MemoryWakeups()
        self.leases: dict[str, Lease] = {}
        self.commit = COMMIT

    async def lease(self, run: str) -> Lease:
        """Return the run's lease; a run that gave it back claims the project again."""
        held = self.leases.get(run)
        return held if held is not None else await self.claim(run)

    async def claim(self, run: str) -> Lease:
        """Take the project as a process of the run that begins now."""
        lease = await claim("notes", run, self.registry, self.wakeups)
        assert lease is not None, "another run deploys notes"
        self.leases[run] = lease
        return lease

    async def start(self, run: str, candidate: str = "sha256:1") -> Release:
        if await self.registry.run(run) is None:
            await self.registry.add_run(request(run), NOW)
        version = await self.registry.add_environment("notes", {}, {"GREETING": "hi"})
        return await start_release.fn(
            await self.lease(run), run, self.commit, candidate, version.number, "web",
            self.registry, self.engine, self.vault, self.wakeups,
        )  # fmt: skip

    async def gate(self, run: str, release: Release, seconds: float = 0.3, *, lease: Lease | None = None) -> Rejected | None:
        return await gate_release.fn(
            lease or await self.lease(run), release, CHECK, seconds, self.registry, self.engine, self.wakeups
        )

    async def switch(
        self, run: str, release: Release, replaced: ReleaseState = ReleaseState.DRAINING, *, lease: Lease | None = None
    ) -> Release | Rejected:
        return await switch_release.fn(
            lease or await self.lease(run), release, replaced, "because",
            self.registry, self.engine, self.proxy, self.wakeups,
        )  # fmt: skip

    async def retire(self, run: str, seconds: float = 1.0, *, lease: Lease | None = None) -> None:
        lease = lease or await self.lease(run)
        await retire_releases.fn(lease, seconds, self.registry, self.engine, self.proxy, self.wakeups)
        await give_back(lease, self.registry, self.wakeups)
        del self.leases[run]

    async def deliver(self, run: str, candidate: str) -> Release:
        live = await self.switch(run, await self.start(run, candidate))
        assert isinstance(live, Release)
        await self.retire(run)
        return live

    async def states(self) -> dict[int, ReleaseState]:
        return {release.number: release.state for release in await self.registry.releases("notes")}


@pytest.fixture
def world(registry: SqlRegistry) -> World:
    return World(registry)


async def test_start_records_the_release_before_its_copy_and_gives_it_the_environment(world: World) -> None:
    release = await world.start("r-000001")
    assert await world.states() == {1: ReleaseState.STARTING}
    assert [(spec.identity, spec.environment) for spec in world.engine.started] == [("notes-v1", {"GREETING": "hi"})]
    assert release.identity == "notes-v1"


async def test_start_that_is_repeated_finds_its_release_and_copy(world: World) -> None:
    first, second = await world.start("r-000001"), await world.start("r-000001")
    assert first == second
    assert len(world.engine.started) == 1


async def test_release_that_never_gets_healthy_leaves_the_old_one_serving(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    bad = await world.start("r-000002", "sha256:2")
    gone = AppStatus(identity="notes-v2", project="notes", state=AppState.STOPPED, exit_code=3)
    world.engine.app_states["notes-v2"] = [gone]
    world.engine.app_logs["notes-v2"] = "ImportError: no module named app"

    rejected = await world.gate("r-000002", bad)

    assert rejected is not None
    assert "3" in rejected.reason
    assert "ImportError" in rejected.evidence
    assert await world.states() == {2: ReleaseState.FAILED, 1: ReleaseState.LIVE}
    assert world.proxy.held["notes"].upstream == "127.0.0.1:9"
    assert "notes-v2" in world.engine.stopped
    assert "notes-v1" not in world.engine.stopped
    assert [release.unfit for release in await world.registry.releases("notes")] == [True, False]


async def test_what_a_failed_release_wrote_is_kept_without_the_projects_secrets(world: World) -> None:
    await world.vault.put("notes", "GATE_TOKEN", "tok-8d1f3b7a9c")
    await shield("notes", world.vault)
    bad = await world.start("r-000001")
    gone = AppStatus(identity="notes-v1", project="notes", state=AppState.STOPPED, exit_code=3)
    world.engine.app_states["notes-v1"] = [gone]
    world.engine.app_logs["notes-v1"] = "login with tok-8d1f3b7a9c failed"
    rejected = await world.gate("r-000001", bad)
    assert rejected is not None
    assert rejected.evidence == "login with «secret GATE_TOKEN» failed"


async def test_switch_moves_registry_and_route_and_the_old_one_is_kept(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    world.engine.address = "127.0.0.1:10"
    await world.deliver("r-000002", "sha256:2")
    assert await world.states() == {2: ReleaseState.LIVE, 1: ReleaseState.KEPT}
    assert world.proxy.held["notes"].upstream == "127.0.0.1:10"
    assert world.engine.stopped == {"notes-v1"}
    assert world.wakeups.owners == {}


async def test_switch_that_died_before_the_route_is_finished_by_doing_it_again(world: World) -> None:
    release = await world.start("r-000001")
    world.proxy.reachable = False
    with pytest.raises(Exception, match="Caddy"):
        await world.switch("r-000001", release)
    assert await world.states() == {1: ReleaseState.LIVE}
    world.proxy.reachable = True
    await world.switch("r-000001", release)
    assert world.proxy.held["notes"].upstream == "127.0.0.1:9"


async def test_old_release_is_stopped_only_when_nothing_is_in_flight(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    world.proxy.flying["127.0.0.1:9"] = [2, 1, 1, 0]
    await world.switch("r-000002", await world.start("r-000002", "sha256:2"))
    await world.retire("r-000002", seconds=10)
    assert world.proxy.flying["127.0.0.1:9"] == [0]
    assert world.engine.stopped == {"notes-v1"}


async def test_old_release_that_never_drains_is_stopped_at_the_deadline(world: World) -> None:
    await world.deliver("r-000001", "sha256:1")
    world.proxy.flying["127.0.0.1:9"] = [1]
    await world.switch("r-000002", await world.start("r-000002", "sha256:2"))
    await world.retire("r-000002", seconds=0.2)
    assert world.engine.stopped == {"notes-v1"}


async def test_rolled_back_release_stays_marked_and_the_good_one_is_live(world: World) -> None:
    good = await world.deliver("r-000001", "sha256:1")
    await world.deliver("r-000002", "sha256:2")
    await world.engine.resume(good.identity)
    kept = next(r for r in await world.registry.releases("notes") if r.number == 1)
    await world.switch("rollback", kept, ReleaseState.ROLLED_BACK)
    await world.retire("rollback")
    assert await world.states() == {2: ReleaseState.ROLLED_BACK, 1: ReleaseState.LIVE}
    assert world.engine.stopped == {"notes-v2"}


async def test_copy_that_another_deploy_left_starting_stops_and_its_own_goes_on(world: World) -> None:
    left = await world.start("r-000001")
    await world.wakeups.unlock("deploy:notes", "r-000001")  # its lease ended: it was killed, or waits for its person
    await world.start("r-000002", "sha256:2")
    await world.retire("r-000002")
    assert world.engine.stopped == {left.identity}
    assert await world.states() == {2: ReleaseState.STARTING, 1: ReleaseState.STARTING}
    await world.claim("r-000001")
    await world.start("r-000001")
    assert world.engine.stopped == set()
