"""The outbox's sender: brings stored notifications to their chats, in order.

A notification is marked after it was sent. A kill between the two, or a lost answer, leaves a trace, and
`domain.sending` decides what becomes of it: the messenger has no keys by which it would drop a second one.
Each chat has a task of its own while something waits for it: one that is slow or refused holds nobody else back.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from deployments.bells import keep_up
from deployments.bot.asks import Asks
from deployments.bot.letters import Letters
from deployments.bot.sendings import Sendings
from deployments.whole import whole
from domain.errors import Broken, ChatBusy, ChatMoved, ChatTokenRefused, NeedsPerson, SlipwayError, TryAgain
from domain.protocols import Chat, Wakeups
from domain.registry import Registry
from domain.runs import Notification
from tasks.notify import OPERATOR, OUTBOX

logger = logging.getLogger(__name__)

CHANNEL = "telegram"
SWEEP = 3.0
"""Seconds between two looks at the outbox when no hint comes."""
AT_ONCE = 16
"""Chats that are sent to at the same time: Telegram takes about 30 messages a second of one bot."""


class Outbox:
    """Sends what waits for people in chats, and for the operator in the chat that the settings name."""

    def __init__(
        self,
        chat: Chat,
        registry: Registry,
        wakeups: Wakeups,
        asks: Asks,
        sendings: Sendings,
        questions: Asks | None = None,
        *,
        operator: str = "",
        sweep: float = SWEEP,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = registry
        self._wakeups = wakeups
        self._letters = Letters(chat, registry, sendings, asks, questions)
        self._sendings = sendings
        self._operator = operator
        self._sweep = sweep
        self._clock = clock
        self._bell = asyncio.Event()
        self._busy: set[str] = set()
        self._sending: dict[str, asyncio.Task[SlipwayError | None]] = {}
        """By chat: the task that sends what waits for it."""
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._aside: set[str] = set()
        """What raised something unforeseen: left for the next process, which may know better."""

    async def run(self) -> None:
        """Send at each hint and each sweep, until cancelled."""
        try:
            await keep_up(self._begin, self._bell, self._sweep, self._wakeups, OUTBOX, "reading the outbox")
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Let what is on its way come to its end, and send nothing more."""
        tasks = tuple(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send_waiting(self) -> None:
        """Send all that waits, each once; raise TryAgain when something could not be sent now."""
        await self._begin()
        for error in await asyncio.gather(*self._sending.values()):
            if error is not None:
                raise error

    async def unsent(self) -> list[str]:
        """Return the keys of all that waits to be sent, also of what waits for an operator without a chat."""
        waiting = (*await self._registry.unsent(CHANNEL), *await self._registry.unsent(OPERATOR))
        return [notification.key for notification in waiting]

    async def _begin(self) -> None:
        """Give each chat for which something waits its task; a chat that asked to wait keeps its messages back, in order.

        One that is at work when this begins to read is left alone: what is read then may be sent meanwhile.
        """
        apart = self._busy | set(self._sending)
        chats: dict[str, list[Notification]] = {}
        for notification in (*await self._registry.unsent(CHANNEL), *await self._for_operator()):
            if notification.chat not in apart and notification.key not in self._aside:
                chats.setdefault(notification.chat, []).append(notification)
        for chat, waiting in chats.items():
            task = self._sending[chat] = asyncio.create_task(self._send_all(waiting), name=f"outbox of {chat}")
            task.add_done_callback(partial(self._sent_all, chat))

    def _sent_all(self, chat: str, task: "asyncio.Task[SlipwayError | None]") -> None:
        """Look once more when all went well: something may have come for the chat meanwhile."""
        del self._sending[chat]
        if not task.cancelled() and task.exception() is None and task.result() is None:
            self._bell.set()

    async def _for_operator(self) -> Sequence[Notification]:
        """Return what the operator is to be told, with the operator's chat; without one it is left to the terminal."""
        if not self._operator:
            return ()
        return [told.model_copy(update={"chat": self._operator}) for told in await self._registry.unsent(OPERATOR)]

    async def _send_all(self, waiting: Sequence[Notification]) -> SlipwayError | None:
        """Send what waits for one chat, in order; return why the rest is left for later."""
        for notification in waiting:
            try:
                async with self._at_once:
                    await whole(self._send(notification))
            except ChatBusy as busy:
                self._pause(notification.chat, busy.seconds)
                return None
            except (TryAgain, ChatTokenRefused) as error:
                logger.warning("notification %s is sent later: %s", notification.key, error)
                return error
            except Exception:
                logger.exception("notification %s is set aside", notification.key)
                self._aside.add(notification.key)
        return None

    async def _send(self, notification: Notification) -> None:
        try:
            await self._letters.bring(notification)
        except ChatTokenRefused:  # nothing is wrong with the chat
            raise
        except (NeedsPerson, Broken) as error:  # a blocked bot or a refused text stays so: it must not stop the others
            if isinstance(error, ChatMoved) and notification.chat == self._operator:
                logger.warning("%s: set SLIPWAY_TELEGRAM_OPERATOR_CHAT=%s", error, error.to)
                self._operator = error.to  # it is sent there next
                return
            logger.warning("notification %s cannot be sent and is given up: %s", notification.key, error)
        await self._registry.mark_sent(notification.key, self._clock())
        await self._sendings.end(notification.key)

    def _pause(self, chat: str, seconds: float) -> None:
        self._busy.add(chat)
        asyncio.get_running_loop().call_later(seconds, self._resume, chat)

    def _resume(self, chat: str) -> None:
        self._busy.discard(chat)
        self._bell.set()
