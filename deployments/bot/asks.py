"""Questions for secrets: which message of the bot asked for which name. Kept on disk, names only.

They are kept after they were answered: a second answer to one must not be taken for a request either.
"""

import asyncio
import logging
from collections.abc import Awaitable
from pathlib import Path

from pydantic import ValidationError

from blocks.private_files import write_private
from domain.values import Value

logger = logging.getLogger(__name__)

NOT_SENT = "0"
"""Message of a question that is about to be sent: a kill right after sending leaves it open under this name."""
KEPT = 200
"""Questions that are remembered."""


class Ask(Value):
    """One question: the value of `name`, for which `run` waits, or which the Product Owner asked for."""

    chat: str
    message: str = NOT_SENT
    run: str = ""
    """Empty when no run waits for it."""
    project: str
    name: str


class Asks:
    """One file a question, called `<chat>_<message>`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        found = [ask for path in folder.glob("[0-9]*_[0-9]*") if (ask := _read(path)) is not None]
        self._asked = {(ask.chat, ask.message): ask for ask in sorted(found, key=lambda ask: int(ask.message))}

    async def ask(self, ask: Ask, sending: Awaitable[str]) -> None:
        """Send a question; it is open before its message can be answered, and stays so after a kill."""
        await self.remember(ask)
        sent = ask.model_copy(update={"message": await sending})
        await self.remember(sent)
        await self.forget(ask)

    async def remember(self, ask: Ask) -> None:
        """Store the question; the oldest ones beyond what is kept are forgotten."""
        self._asked[ask.chat, ask.message] = ask
        await asyncio.to_thread(self._store, ask)
        for old in list(self._asked.values())[:-KEPT]:
            await self.forget(old)

    async def forget(self, ask: Ask) -> None:
        """Drop the question; nothing happens when there is none."""
        self._asked.pop((ask.chat, ask.message), None)
        await asyncio.to_thread(self._path(ask).unlink, missing_ok=True)

    def find(self, chat: str, message: str) -> Ask | None:
        return self._asked.get((chat, message))

    def newest(self, chat: str) -> Ask | None:
        """Return the last question asked in the chat."""
        return next((ask for ask in reversed(self._asked.values()) if ask.chat == chat), None)

    def _store(self, ask: Ask) -> None:
        write_private(self._path(ask), ask.model_dump_json())

    def _path(self, ask: Ask) -> Path:
        return self._folder / f"{ask.chat}_{ask.message}"


def _read(path: Path) -> Ask | None:
    """Return the question; None, and the file is gone, when a power cut left it without its content."""
    try:
        return Ask.model_validate_json(path.read_text())
    except ValidationError:
        logger.warning("the question in %s cannot be read and is forgotten", path)
        path.unlink()
        return None
