"""Who holds a project, and what becomes of work whose lease was lost."""

import asyncio

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import LeaseLost, LockTaken, ServiceUnreachable, UnknownObject
from domain.leases import Lease
from tasks.leases import claim, claim_project, give_back, hold, holding
from tests.fakes.services import MemoryWakeups

LOCK = "deploy:notes"


class Desk:
    """One project that many want."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry, self.wakeups = registry, MemoryWakeups()

    async def claim(self, owner: str) -> Lease:
        lease = await claim("notes", owner, self.registry, self.wakeups)
        assert lease is not None
        return lease

    async def hold(self, lease: Lease) -> None:
        await hold(lease, self.registry, self.wakeups)

    async def run_out(self, lease: Lease) -> None:
        """Do what Redis does with a lease that was not extended."""
        await self.wakeups.unlock(LOCK, lease.owner)


@pytest.fixture
def desk(registry: SqlRegistry) -> Desk:
    return Desk(registry)


async def test_project_is_held_by_one_until_it_is_given_back(desk: Desk) -> None:
    first = await desk.claim("r-one")
    await desk.hold(first)
    assert await claim("notes", "r-two", desk.registry, desk.wakeups) is None
    await give_back(first, desk.registry, desk.wakeups)
    second = await desk.claim("r-two")
    assert second.fence > first.fence


async def test_lease_that_ran_out_goes_on_while_nobody_else_came(desk: Desk) -> None:
    lease = await desk.claim("r-one")
    await desk.run_out(lease)
    await desk.hold(lease)
    assert desk.wakeups.owners == {LOCK: "r-one"}


async def test_lease_that_another_took_is_lost_even_when_that_one_gave_it_back(desk: Desk) -> None:
    slept = await desk.claim("r-one")
    await desk.run_out(slept)
    other = await desk.claim("r-two")
    with pytest.raises(LeaseLost, match="r-one may not change notes any more"):
        await desk.hold(slept)
    await give_back(other, desk.registry, desk.wakeups)
    with pytest.raises(LeaseLost):
        await desk.hold(slept)
    assert desk.wakeups.owners == {}


async def test_run_that_is_resumed_takes_over_from_its_earlier_process_at_once(desk: Desk) -> None:
    before = await desk.claim("r-one")
    after = await desk.claim("r-one")
    with pytest.raises(LeaseLost):
        await desk.hold(before)
    await give_back(before, desk.registry, desk.wakeups)
    await desk.hold(after)
    assert desk.wakeups.owners == {LOCK: "r-one"}


async def test_claim_waits_for_a_deploy_that_is_under_way(desk: Desk) -> None:
    first = await desk.claim("r-one")
    waiting = asyncio.create_task(claim_project.fn("notes", "r-two", desk.registry, desk.wakeups))
    await asyncio.sleep(0)
    assert not waiting.done()
    await give_back(first, desk.registry, desk.wakeups)
    async with asyncio.timeout(60):
        assert (await waiting).owner == "r-two"


async def test_claim_that_waits_too_long_says_for_what(desk: Desk) -> None:
    await desk.claim("r-one")
    with pytest.raises(LockTaken, match="the deploy of notes is locked by another run"):
        await claim_project.fn("notes", "r-two", desk.registry, desk.wakeups, patience=0)
    with pytest.raises(UnknownObject):
        await claim("other", "r-two", desk.registry, desk.wakeups)


async def test_long_work_is_cancelled_when_its_lease_is_lost(desk: Desk) -> None:
    lease, ends = await desk.claim("r-one"), []

    async def work() -> None:
        try:
            await desk.run_out(lease)
            await desk.claim("r-two")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async with asyncio.timeout(60):
        with pytest.raises(LeaseLost):
            await holding(lease, desk.registry, desk.wakeups, work, beat=0.01)
    assert ends == ["cancelled"]
    with pytest.raises(LeaseLost):
        await holding(lease, desk.registry, desk.wakeups, lambda: pytest.fail("it was begun"), beat=0.01)


async def test_long_work_bears_a_service_that_is_away_for_a_moment_and_ends_with_its_result(desk: Desk) -> None:
    lease, beats, told = await desk.claim("r-one"), 0, asyncio.Event()
    lock = desk.wakeups.lock

    async def unsteady(name: str, owner: str, seconds: float) -> int | None:
        nonlocal beats
        beats += 1
        if beats == 2:
            raise ServiceUnreachable("Redis", "locking")
        if beats == 4:
            told.set()
        return await lock(name, owner, seconds)

    desk.wakeups.lock = unsteady  # type: ignore[method-assign]

    async def work() -> str:
        await told.wait()
        return "done"

    async with asyncio.timeout(60):
        assert await holding(lease, desk.registry, desk.wakeups, work, beat=0.01) == "done"


async def test_error_of_long_work_is_its_own(desk: Desk) -> None:
    lease = await desk.claim("r-one")

    async def work() -> None:
        raise UnknownObject("app", "notes-v1")

    with pytest.raises(UnknownObject, match="notes-v1"):
        await holding(lease, desk.registry, desk.wakeups, work)
