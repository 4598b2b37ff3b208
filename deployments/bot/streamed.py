"""Messages that show an answer while it is written, where Telegram offers no drafts: noted, and taken away in the end."""

import asyncio
import logging
from pathlib import Path

from blocks.private_files import write_private
from blocks.telegram import TelegramChat
from domain.errors import SlipwayError, UnknownObject

logger = logging.getLogger(__name__)


class Streamed:
    """One message a chat at most. What a kill leaves is taken away by the next process, before the answer comes whole."""

    def __init__(self, chat: TelegramChat, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._chat = chat
        self._folder = folder

    async def show(self, chat: str, html: str) -> str:
        """Send the message without a sound and return its id, which is noted; one that is noted still is taken away first."""
        await self.clear(chat)
        message = await self._chat.send(chat, html, quiet=True)
        await asyncio.to_thread(write_private, self._folder / chat, message)
        return message

    async def edit(self, chat: str, message: str, html: str) -> None:
        """Let the message show more."""
        await self._chat.edit(chat, message, html)

    async def clear(self, chat: str) -> None:
        """Take the chat's message away, if there is one; one that cannot be taken away now stays noted."""
        path = self._folder / chat
        if not path.exists():
            return
        message = path.read_text()
        if not message.isdecimal():  # a power cut left the note without its content
            path.unlink()
            return
        try:
            await self._chat.delete_message(chat, message)
        except UnknownObject:
            logger.info("what was shown of an answer in %s is gone already", chat)
        except SlipwayError as error:
            logger.warning("what was shown of an answer in %s stays for now: %s", chat, error)
            return
        path.unlink(missing_ok=True)

    async def clear_all(self) -> None:
        """Take away what an earlier process left."""
        for path in sorted(self._folder.glob("[0-9]*")):
            await self.clear(path.name)
