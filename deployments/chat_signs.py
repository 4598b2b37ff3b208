"""Signs of life in a chat."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol

from domain.errors import SlipwayError

TYPING = 4.0
"""Seconds between two signs of typing: Telegram shows each for five."""


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


async def without_fail(sign: Awaitable[None]) -> None:
    """Give a small sign; the work goes on where Telegram refuses it."""
    with suppress(SlipwayError):
        await sign
