"""The outbox's sender: brings stored notifications to their chats, in order.

A notification is marked after it was sent: a kill between the two sends it again, which is better than never.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from deployments.bells import ring, rung
from deployments.cards import told
from deployments.whole import whole
from domain.errors import Broken, ChatBusy, NeedsPerson, TryAgain
from domain.protocols import Chat, Registry, Wakeups
from domain.runs import Notification, Run, RunState
from tasks.notify import OUTBOX

logger = logging.getLogger(__name__)

CHANNEL = "telegram"
SWEEP = 3.0
"""Seconds between two looks at the outbox when no hint comes."""


class Outbox:
    """Sends what waits for one channel."""

    def __init__(
        self,
        chat: Chat,
        registry: Registry,
        wakeups: Wakeups,
        *,
        sweep: float = SWEEP,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._chat = chat
        self._registry = registry
        self._wakeups = wakeups
        self._sweep = sweep
        self._clock = clock
        self._bell = asyncio.Event()
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Send at each hint and each sweep, until cancelled."""
        ringing = asyncio.create_task(ring(self._bell, self._wakeups, OUTBOX))
        try:
            while True:
                try:
                    await self.send_waiting()
                except TryAgain as error:
                    logger.warning("the outbox is looked at again later: %s", error)
                await rung(self._bell, self._sweep)
        finally:
            ringing.cancel()

    async def send_waiting(self) -> None:
        """Send each once; a chat that asked to wait keeps its own later messages back, in their order."""
        for notification in await self._registry.unsent(CHANNEL):
            if notification.chat not in self._busy:
                await whole(self._send(notification))

    async def _send(self, notification: Notification) -> None:
        try:
            await self._chat.send(notification.chat, await self._html(notification))
        except ChatBusy as busy:
            self._pause(notification.chat, busy.seconds)
            return
        except (NeedsPerson, Broken) as error:  # a blocked bot or a refused text stays so: it must not stop the others
            logger.warning("notification %s cannot be sent and is given up: %s", notification.key, error)
        await self._registry.mark_sent(notification.key, self._clock())

    async def _html(self, notification: Notification) -> str:
        """Return the text: news of a run in the words of its person's language, anything else as it was written."""
        run = await self._registry.run(notification.run) if notification.run else None
        if run is None or not _tells_state(notification.key, run):
            return escape(notification.text)
        project = await self._registry.project(run.project)
        return told(run, project.brief.title, project.brief.language) if project else told(run, run.project, "en")

    def _pause(self, chat: str, seconds: float) -> None:
        self._busy.add(chat)
        asyncio.get_running_loop().call_later(seconds, self._resume, chat)

    def _resume(self, chat: str) -> None:
        self._busy.discard(chat)
        self._bell.set()


def _tells_state(key: str, run: Run) -> bool:
    """Tell whether this is about what the run's row says now; `tasks` names these keys."""
    if key == f"{run.id}:end":
        return run.state.ended
    return key.startswith(f"{run.id}:secrets-") and run.state is RunState.WAITING and bool(run.waits_for)
