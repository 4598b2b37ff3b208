"""Signs of life in a chat."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from domain.errors import SlipwayError
from domain.writing import Writing

TYPING = 4.0
"""Seconds between two signs of typing: Telegram shows each for five."""


FIRST = 0.3
"""Seconds that work waits at most for the first signs of other chats: within so long everybody is to see one."""
GIVEN_UP = 3.0
"""Seconds that work waits at most for its own sign: a Telegram that hangs does not keep it from beginning."""


class Typist(Protocol):
    async def typing(self, chat: str) -> None: ...


class Signs(Protocol):
    """How a chat shows that somebody is at work."""

    def typing(self, chat: str) -> "asyncio.Task[None]": ...


class Showing(Protocol):
    """How a chat shows what is written there."""

    def writing(self, chat: str, language: str) -> AbstractAsyncContextManager[Writing]: ...


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


class FirstSigns:
    """Lets each who wrote see a sign before the work for any of those who wrote at the same time begins."""

    def __init__(self, seconds: float = FIRST) -> None:
        self._seconds = seconds
        self._pending = 0
        self._all_given = asyncio.Event()

    async def give(self, sign: Awaitable[None]) -> None:
        """Give it, and return when no other is being given any more, or after a while."""
        self._pending += 1
        self._all_given.clear()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(GIVEN_UP):
                    await without_fail(sign)
        finally:
            self._pending -= 1
            if not self._pending:
                self._all_given.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self._all_given.wait()


async def without_fail(sign: Awaitable[None]) -> None:
    """Give a small sign; the work goes on where Telegram refuses it."""
    with suppress(SlipwayError):
        await sign
