"""Leases: who may change a project's releases now.

One process at a time holds a project's deploy lock. Locks run out while a process sleeps, so each taking also gets a number
from the registry, the fence; whoever comes later has a higher one, and writes that carry a lower one are refused.
"""

from domain.values import Value


class Lease(Value):
    """One taking of a project's deploy lock."""

    project: str
    owner: str
    """What takes it: the run of a delivery or release, the flow run of a rollback. A resumed run is the same owner."""
    fence: int
    """What of the owner's takings is meant: a process of the same run that came later has a higher number."""


def deploy_lock(project: str) -> str:
    """Name the lock under which a project's releases, copies and route change."""
    return f"deploy:{project}"
