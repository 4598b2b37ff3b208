"""The order of updates: one at a time per chat, chats side by side, and Stop before everything."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from weakref import WeakValueDictionary

from telegram import Update
from telegram.ext import BaseUpdateProcessor

from deployments.bot_messages import overtakes
from deployments.inbox import Inbox
from deployments.places import Places

AT_ONCE = 1_000_000
"""Updates held in memory at once, which is no bound: one that waits for its chat must not keep Stop from beginning."""


class Turns(BaseUpdateProcessor):
    """Lets updates wait for their chat's earlier ones, and marks each in the inbox when its handler is through."""

    __slots__ = ("_at_work", "_chats", "_inbox", "_places")

    def __init__(self, inbox: Inbox, places: Places) -> None:
        super().__init__(AT_ONCE)
        self._inbox = inbox
        self._places = places
        self._chats: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._at_work: set[asyncio.Task[Any]] = set()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        if not isinstance(update, Update):
            await coroutine
            return
        if task := asyncio.current_task():
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
        if overtakes(update):
            await self._deal(update, coroutine)
        else:
            chat = update.effective_chat.id if update.effective_chat else 0
            turn = self._chats.setdefault(chat, asyncio.Lock())
            async with turn, self._places.taken():
                await self._deal(update, coroutine)

    async def initialize(self) -> None:
        """Need nothing."""

    async def shutdown(self) -> None:
        """Cut off what has not ended: it is in the inbox, and the next process takes it up."""
        tasks = tuple(self._at_work)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deal(self, update: Update, coroutine: Awaitable[Any]) -> None:
        await coroutine
        await self._inbox.finish(update)
