"""Signs of life in a chat."""

import asyncio
from typing import Protocol

from deployments.bot_handlers import TYPING, without_fail


class Typist(Protocol):
    async def typing(self, chat: str) -> None: ...


class ChatSigns:
    """Shows typing for as long as its task lives."""

    def __init__(self, chat: Typist) -> None:
        self._chat = chat

    def typing(self, chat: str) -> "asyncio.Task[None]":
        """Show typing until the task is cancelled; the work goes on where Telegram refuses it."""
        return asyncio.create_task(self._show(chat))

    async def _show(self, chat: str) -> None:
        while True:
            await without_fail(self._chat.typing(chat))
            await asyncio.sleep(TYPING)
