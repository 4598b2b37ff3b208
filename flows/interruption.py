"""What interrupts a subgraph and can be waited out or mended is a value: a resumed run does not pass there again."""

from collections.abc import Awaitable
from typing import TypeVar

from domain.errors import DiskFull, LeaseLost, NeedsPerson, RunCancelled, TryAgain
from domain.full_disks import is_disk_full
from domain.outcomes import Escalated, interrupted

T = TypeVar("T")


async def unless_interrupted(work: Awaitable[T]) -> T | Escalated:
    """Return what the work returns, or what interrupted it; a run that its person stopped, and a fault of ours, are raised."""
    try:
        return await work
    except RunCancelled:
        raise
    except (TryAgain, NeedsPerson, LeaseLost) as error:
        return interrupted(error)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return interrupted(DiskFull(error.filename or ""))
