"""Work on a project's releases, done while no other process does any."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.errors import LeaseLost
from domain.leases import Lease
from flows.opening import Blocks
from tasks.leases import claim_project, give_back

T = TypeVar("T")

TAKEOVERS = 3
"""How often work begins again after another process took the project; then a person is told."""

log = logging.getLogger("prefect.slipway.leases")


async def under_lease(project: str, owner: str, blocks: Blocks, work: Callable[[Lease], Awaitable[T]]) -> T:
    """Do the work with the project's lease, and give it back. Who lost it begins again, from what the registry says then."""
    for number in range(1, TAKEOVERS + 1):
        lease = await claim_project(project, owner, blocks.registry, blocks.wakeups)
        try:
            return await work(lease)
        except LeaseLost as lost:
            if number == TAKEOVERS:
                raise
            log.warning("%s: it looks again at what there is to do", lost)
        finally:
            await give_back(lease, blocks.registry, blocks.wakeups)
    raise AssertionError("the last takeover is raised")
