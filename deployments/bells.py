"""Waiting for hints between processes: a bell that rings at each hint, and a sweep for the hints that were lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from domain.errors import SlipwayError, TryAgain
from domain.protocols import Wakeups

logger = logging.getLogger(__name__)

AWAY = 2.0
"""Seconds until a lost subscription is tried again."""


async def ring(bell: asyncio.Event, wakeups: Wakeups, *channels: str) -> None:
    """Ring at each hint, for ever, and at each new subscription; without Redis only the speed suffers."""
    while True:
        try:
            async with wakeups.subscribe(*channels) as hints:
                bell.set()
                async for _ in hints:
                    bell.set()
        except SlipwayError as error:
            logger.warning("no hints for %s for now: %s", ", ".join(channels), error)
        await asyncio.sleep(AWAY)


async def keep_up(
    work: Callable[[], Awaitable[object]], bell: asyncio.Event, sweep: float, wakeups: Wakeups, channel: str, what: str
) -> None:
    """Do the work at each hint and each sweep, until cancelled.

    Whatever it raises, it is done again at the next one: without who keeps up, what waits would wait until the next start.
    """
    ringing = asyncio.create_task(ring(bell, wakeups, channel))
    try:
        while True:
            try:
                await work()
            except TryAgain as error:
                logger.warning("%s: again later: %s", what, error)
            except Exception:
                logger.exception("%s: again later", what)
            await rung(bell, sweep)
    finally:
        ringing.cancel()


async def rung(bell: asyncio.Event, seconds: float) -> None:
    """Return when the bell rings, or after `seconds`: the sweep.

    Not by `asyncio.wait_for`: that of Python 3.11 loses a cancellation that comes as the bell rings, and a bot would never end.
    """
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
    finally:
        bell.clear()
