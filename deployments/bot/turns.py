"""The order of updates: one at a time per chat, chats side by side, a sign for each first, and Stop before everything."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from weakref import WeakValueDictionary

from telegram import Update
from telegram.ext import BaseUpdateProcessor

from blocks.telegram import TelegramChat
from deployments.bot.chat_signs import FirstSigns
from deployments.bot.door import Door
from deployments.bot.inbox import Inbox
from deployments.bot.messages import overtakes, to_be_seen
from deployments.bot.places import Places

AT_ONCE = 1_000_000
"""Updates held in memory at once, which is no bound: one that waits for its chat must not keep Stop from beginning."""


class Turns(BaseUpdateProcessor):
    """Lets updates wait for their chat's earlier ones, and marks each in the inbox when its handler is through.

    What has to be thought about is seen (👀) before anything else is done for it; who was turned away last is not.
    """

    __slots__ = ("_at_work", "_chat", "_chats", "_door", "_inbox", "_places", "_signs")

    def __init__(self, inbox: Inbox, places: Places, chat: TelegramChat, door: Door) -> None:
        super().__init__(AT_ONCE)
        self._inbox = inbox
        self._places = places
        self._chat = chat
        self._door = door
        self._signs = FirstSigns()
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
                if (said := to_be_seen(update)) is not None and said.person not in self._door.turned_away:
                    await self._signs.give(self._chat.react(said.chat, said.message, "👀"))
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
