"""Work that ends when somebody asks for it: by a signal, or by an event of the caller's."""

import asyncio
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def stop_event(until: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """Return the caller's event, or one that SIGINT and SIGTERM set."""
    if until is not None:
        yield until
        return
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def unless(stop: asyncio.Event, work: Awaitable[bool]) -> bool:
    """Do the work, cancelled as soon as `stop` is set; return whether it was done."""
    task, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not task.done():
            task.cancel()
    with suppress(asyncio.CancelledError):
        return await task
    return False
