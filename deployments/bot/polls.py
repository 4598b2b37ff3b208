"""Polls that failed: which go on, and which say that this bot can hear nobody any more."""

import asyncio
import logging

from telegram.error import Conflict, TelegramError

from blocks.telegram import TelegramChat, translated
from blocks.telegram_updates import PollRefused
from domain.errors import ChatTokenRefused, SlipwayError

logger = logging.getLogger(__name__)

ATTEMPTED = "waiting for messages"


class Polls:
    """Hears of each poll that failed. The vendor polls again in any case; a token that is revoked ends the bot."""

    def __init__(self, chat: TelegramChat) -> None:
        self._chat = chat
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking: asyncio.Task[None] | None = None

    def failed(self, error: TelegramError) -> None:
        """Take what a poll raised; must not raise."""
        if isinstance(error, PollRefused):
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask_whether_revoked())
        elif isinstance(error, Conflict):
            logger.warning("%s; stop the other program that asks with this bot's token, or get another bot", error.message)
        else:
            logger.warning("%s", translated(error, ATTEMPTED))

    def end(self) -> None:
        """Let who waits for the end go on."""
        if not self._end.done():
            self._end.set_result(None)

    async def ended(self) -> None:
        """Return at the end; raise ChatTokenRefused when that is the token's."""
        await self._end

    async def aclose(self) -> None:
        """Ask nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_whether_revoked(self) -> None:
        """One refused poll may be the mistake of a server in between: only Telegram's word on who this is ends the bot."""
        try:
            await self._chat.username()
        except ChatTokenRefused:
            if not self._end.done():
                self._end.set_exception(ChatTokenRefused(ATTEMPTED))
        except SlipwayError as error:
            logger.warning("%s", error)
