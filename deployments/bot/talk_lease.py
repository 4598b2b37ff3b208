"""Work under the lease of a session: it is cut off when another process has taken the session since."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from domain.errors import LeaseLost, SlipwayError
from domain.talks import Taken, Talks

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def under_lease(work: Coroutine[Any, Any, T], taken: Taken, talks: Talks, beat: float) -> T | None:
    """Return what the work returns, or raise what it raises, its own LeaseLost too; None when the session's lease was lost."""
    working, beating = asyncio.ensure_future(work), asyncio.ensure_future(_keep(taken, talks, beat))
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        beating.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)


async def _keep(taken: Taken, talks: Talks, beat: float) -> None:
    """Extend the lease again and again; return when it is lost."""
    while True:
        await asyncio.sleep(beat)
        try:
            await talks.extend(taken)
        except LeaseLost as lost:
            logger.warning("%s is cut off: %s", taken.talk.session, lost)
            return
        except SlipwayError as error:
            logger.warning("the lease of %s is extended later: %s", taken.talk.session, error)
