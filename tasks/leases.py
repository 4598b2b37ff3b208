"""Leases: who changes a project's releases, copies and route holds one, and shows it at each step.

True afterwards: of all processes that ever claimed the project, the last one alone changes it. A process that slept through
its lease finds a higher fence in the registry and raises LeaseLost before it touches anything. Blocks: registry, wakeups.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.errors import LeaseLost, LockTaken, SlipwayError, TryAgain
from domain.leases import Lease, deploy_lock
from domain.protocols import Wakeups
from domain.registry import Registry
from tasks.retrying import only_try_again

T = TypeVar("T")

LEASE = 60.0
"""Seconds after which a holder that gives no sign of life has lost the project."""
BEAT = 10.0
"""Seconds between two signs of life within a step."""
PATIENCE = 3600.0
"""Seconds that a deploy waits for another one; health gates and migrations have deadlines of their own."""
POLL = 0.25


async def claim(project: str, owner: str, registry: Registry, wakeups: Wakeups) -> Lease | None:
    """Take the project, also from an earlier process of the same owner; None when another owner has it."""
    if await wakeups.lock(deploy_lock(project), owner, LEASE) is None:
        return None
    return Lease(project=project, owner=owner, fence=await registry.next_fence(project))


@task(
    task_run_name="claim {project}",
    cache_policy=NO_CACHE,
    retries=10,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def claim_project(project: str, owner: str, registry: Registry, wakeups: Wakeups, patience: float = PATIENCE) -> Lease:
    """Take the project as soon as a deploy that is under way gives it back; raise LockTaken when that takes too long."""
    ends = time.monotonic() + patience
    while (lease := await claim(project, owner, registry, wakeups)) is None:
        if time.monotonic() >= ends:
            raise LockTaken(f"the deploy of {project}", "another run")
        await asyncio.sleep(POLL)
    return lease


async def hold(lease: Lease, registry: Registry, wakeups: Wakeups) -> None:
    """Extend the lease; raise LeaseLost when anybody has claimed the project since, even if it is free again."""
    current = await registry.fence(lease.project) == lease.fence
    if not current or await wakeups.lock(deploy_lock(lease.project), lease.owner, LEASE) is None:
        raise LeaseLost(lease.project, lease.owner)


async def holding(
    lease: Lease, registry: Registry, wakeups: Wakeups, work: Callable[[], Awaitable[T]], beat: float = BEAT
) -> T:
    """Do work of any length under the lease; when that is lost meanwhile, cancel the work and raise LeaseLost."""
    await hold(lease, registry, wakeups)
    working = asyncio.ensure_future(work())
    beating = asyncio.ensure_future(_beat(lease, registry, wakeups, beat))
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            beating.result()
        return working.result()
    finally:
        for unfinished in (working, beating):
            unfinished.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)


async def give_back(lease: Lease, registry: Registry, wakeups: Wakeups) -> None:
    """Let the next one in; what was lost is not given back, since a process of the same run may have it now."""
    with suppress(SlipwayError):  # a lease that cannot be given back runs out, and one of a removed project is nobody's
        await hold(lease, registry, wakeups)
        await wakeups.unlock(deploy_lock(lease.project), lease.owner)


async def _beat(lease: Lease, registry: Registry, wakeups: Wakeups, seconds: float) -> None:
    """Extend the lease again and again; return never, raise LeaseLost. A service that is away for a moment is borne."""
    while True:
        await asyncio.sleep(seconds)
        with suppress(TryAgain):
            await hold(lease, registry, wakeups)
