"""How many messages are worked on at once: what more comes waits here, in order, and not for a connection somewhere below."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_WORK = 16
"""Turns: a machine with few cores answers a thousand people sooner sixteen at a time than all side by side."""
HEARD = 128
"""Messages that are let in and queued side by side: more than turns, so that all see a first sign before the work for any."""
HELD = 2.0
"""Seconds for which work holds a place: what takes longer waits for somebody else, as a model, and keeps nobody from theirs."""


class Places:
    """Hands out places, to those first who came first."""

    def __init__(self, number: int = AT_WORK, seconds: float = HELD) -> None:
        self._free = asyncio.Semaphore(number)
        self._seconds = seconds

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a place and hold it while the block runs, but no longer than for those seconds."""
        await self._free.acquire()
        place = _Place(self._free)
        timer = asyncio.get_running_loop().call_later(self._seconds, place.leave)
        try:
            yield
        finally:
            timer.cancel()
            place.leave()


class _Place:
    """A place that is left once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_left = False

    def leave(self) -> None:
        if not self._is_left:
            self._is_left = True
            self._free.release()
