"""Limits of a door: how often one key may ask, and how often one address may be wrong."""

from typing import Protocol

from domain.values import Value

WINDOW = 60
"""Seconds in which is counted."""
WRONG = 20
"""Keys that open nothing, of one address in a window. Beyond it only keys are looked at that opened from there before."""
TRUSTED = 24 * 3600
"""Seconds for which it is known that a key opened from an address."""


class Counted(Value):
    """How often something happened in the window that goes on, and when that ends."""

    number: int = 0
    seconds: int = 0


def wait(counted: Counted, limit: int) -> int | None:
    """Return after how many seconds it is allowed again; None when it is allowed now. `counted` includes this time."""
    return max(1, counted.seconds) if counted.number > limit else None


class Counters(Protocol):
    """Counts that all processes share, and that end by themselves."""

    async def count(self, name: str, seconds: int) -> Counted:
        """Count once more; the first time begins a window of so many seconds."""
        ...

    async def counted(self, name: str) -> Counted: ...

    async def remember(self, name: str, seconds: int) -> None: ...

    async def remembers(self, name: str, seconds: int) -> bool:
        """Tell whether it is remembered; what is, is for so many seconds more."""
        ...

    async def forget(self, name: str) -> None:
        """Remember it no more."""
        ...
