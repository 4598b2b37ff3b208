"""The listener: what GitHub told and was written down is answered, each delivery until something came of it.

A repository's deliveries are taken one after the other, those of others beside them. A killed process leaves its rows open; the
next one takes them up, and what they begin has an identity made of delivery or commit, so that it is begun once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from deployments.api.webhooks import HEARD
from deployments.bells import keep_up
from deployments.github.comments import take_comment
from deployments.github.issues import take_label
from deployments.github.missed import look_for_pushes
from deployments.github.moves import take_move
from deployments.github.outbox import IssueOutbox
from deployments.github.place import Place
from deployments.github.pushes import take_push
from domain.errors import LeaseLost, SlipwayError, TryAgain
from domain.github_errors import GitHubShut
from domain.heard import Commented, Labelled, Moved, Pushed
from domain.refusals import LimitReached
from domain.webhooks import Webhook, is_late
from tasks.progress import hint

logger = logging.getLogger(__name__)

SWEEP = 5.0
"""Seconds between two looks at what waits when no hint comes."""
SETTLED = "slipway:webhooks:settled"
"""Channel that says: something came of a delivery."""
LONGEST = 600.0
"""Seconds that a delivery waits at most until it is tried again."""


class Listener:
    """Answers deliveries, in one process."""

    def __init__(self, place: Place, sweep: float = SWEEP, clock: Callable[[], float] = monotonic) -> None:
        self._place = place
        self._sweep = sweep
        self._clock = clock
        self._bell = asyncio.Event()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Take what waits at each hint and each sweep, until cancelled."""
        try:
            await keep_up(self.begin_waiting, self._bell, self._sweep, self._place.wakeups, HEARD, "hearing GitHub")
        finally:
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def begin_waiting(self) -> None:
        """Begin with what waits, where its repository is not worked for already."""
        waiting: dict[str, list[Webhook]] = {}
        for webhook in await self._place.registry.unhandled():
            if self._not_before.get(webhook.id, 0.0) <= self._clock():
                waiting.setdefault(webhook.event.repository.lower(), []).append(webhook)
        for repository, webhooks in waiting.items():
            if repository not in self._working:
                self._working[repository] = asyncio.create_task(self._take_all(repository, webhooks))

    async def take_waiting(self) -> None:
        """Take what waits, and return when all of it was tried."""
        await self.begin_waiting()
        await asyncio.gather(*self._working.values())

    async def _take_all(self, repository: str, webhooks: Sequence[Webhook]) -> None:
        try:
            for webhook in webhooks:
                await self._take(webhook)
        except SlipwayError as error:  # the next sweep takes it up: at once it would fail again, as on a full disk
            logger.warning("the registry cannot be asked about %s: %s", repository, error)
        else:
            self._bell.set()
        finally:
            self._working.pop(repository, None)

    async def _take(self, webhook: Webhook) -> None:
        """Answer one delivery; what may pass by itself is tried again, later each time."""
        tries = await self._place.registry.try_webhook(webhook.id)
        try:
            outcome = await self._outcome(webhook)
        except (TryAgain, LeaseLost, LimitReached, GitHubShut) as error:
            logger.warning("delivery %s of %s is tried again: %s", webhook.id, webhook.event.repository, error)
            self._not_before[webhook.id] = self._clock() + min(2.0 ** min(tries, 10), LONGEST)
            return
        except SlipwayError as error:
            logger.warning("delivery %s of %s came to nothing: %s", webhook.id, webhook.event.repository, error)
            outcome = str(error)
        except Exception as error:
            logger.exception("delivery %s of %s met a fault", webhook.id, webhook.event.repository)
            outcome = f"a fault of Slipway's own ({type(error).__name__})"
        logger.info("delivery %s of %s: %s", webhook.id, webhook.event.repository, outcome)
        await self._place.registry.settle_webhook(webhook.id, outcome, self._place.clock())
        await hint(self._place.wakeups, SETTLED, webhook.id)
        self._not_before.pop(webhook.id, None)

    async def _outcome(self, webhook: Webhook) -> str:
        """Do it; what nobody was there to hear for days, or could not be done for so long, is not what is wanted now."""
        if is_late(webhook.event.happened or webhook.at, self._place.clock()):
            return "too old by now"
        match webhook.event:
            case Pushed() as event:
                return await take_push(event, self._place)
            case Labelled() as event:
                return await take_label(event, webhook.id, self._place)
            case Commented() as event:
                return await take_comment(event, webhook.id, self._place)
            case Moved() as event:
                return await take_move(event, self._place)


@asynccontextmanager
async def listening(place: Place | None) -> AsyncIterator[None]:
    """Answer GitHub, and bring news to its issues, inside this block; without GitHub nothing is done."""
    if place is None:
        yield
        return
    works = (Listener(place).run(), IssueOutbox(place).run(), look_for_pushes(place))
    tasks = [asyncio.create_task(each) for each in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
