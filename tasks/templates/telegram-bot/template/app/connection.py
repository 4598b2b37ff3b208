"""The connection to Telegram: made as soon as it can be, kept, and its state told to the pulse."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from telegram import Update
from telegram.error import TelegramError
from telegram.ext import Application, ContextTypes, ExtBot
from telegram.request import BaseRequest, HTTPXRequest

from app import bot
from app.pulse import Pulse
from app.settings import Settings

log = logging.getLogger("bot")

PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds between two tries, the last for ever."""
LOOK = 10.0
"""Seconds between two looks at the webhook."""


class WatchedBot(ExtBot):
    """Tells the pulse how each question for updates ends."""

    def __init__(self, pulse: Pulse, **given: Any) -> None:
        super().__init__(**given)
        self._pulse = pulse

    async def get_updates(self, *given: Any, **more: Any) -> Sequence[Update]:
        if not self._pulse.has_beaten:
            more["timeout"] = 0  # the first answer comes at once
        try:
            updates = await super().get_updates(*given, **more)
        except TelegramError as error:
            self._pulse.failed(error)
            raise
        self._pulse.beat()
        return updates


class Connection:
    """One bot at work."""

    def __init__(self, settings: Settings, request: BaseRequest | None = None) -> None:
        self._settings = settings
        self.pulse = Pulse()
        api = WatchedBot(
            self.pulse,
            token=settings.token,
            base_url=f"{settings.api_url}/bot",
            base_file_url=f"{settings.api_url}/file/bot",
            request=request or HTTPXRequest(connection_pool_size=32),
            get_updates_request=request or HTTPXRequest(connection_pool_size=1),
        )
        builder = Application.builder().bot(api)
        self.application = (builder.updater(None) if settings.webhook_url else builder).build()
        self.application.add_error_handler(fault)
        bot.add_handlers(self.application)

    @property
    def name(self) -> str:
        """Return the bot's name in Telegram; empty while it is not known."""
        with suppress(RuntimeError):
            return self.application.bot.username
        return ""

    async def hold(self, ended: asyncio.Event) -> None:
        """Work until `ended`: get updates, and have them handled to the last before this returns."""
        if not await self._tried(self.application.initialize, ended):
            return
        await bot.started(self.application)
        await self.application.start()
        try:
            await (self._brought(ended) if self._settings.webhook_url else self._asked_for(ended))
        finally:
            await self.application.stop()
            await self.application.shutdown()

    async def take(self, body: bytes) -> None:
        """Have an update handled that Telegram brought."""
        await self.application.update_queue.put(Update.de_json(json.loads(body), self.application.bot))

    async def _asked_for(self, ended: asyncio.Event) -> None:
        updater = self.application.updater

        async def start() -> None:
            await updater.start_polling(poll_interval=0, allowed_updates=Update.ALL_TYPES, error_callback=told)

        if await self._tried(start, ended):
            await ended.wait()
            await updater.stop()

    async def _brought(self, ended: asyncio.Event) -> None:
        url, since = self._settings.webhook_url, time.time()

        async def start() -> None:
            secret = self._settings.webhook_secret
            await self.application.bot.set_webhook(url, secret_token=secret, allowed_updates=Update.ALL_TYPES)

        async def look() -> None:
            self.pulse.look(await self.application.bot.get_webhook_info(), url, since)

        await self._tried(start, ended)
        while not ended.is_set() and await self._tried(look, ended):
            await passed(ended, LOOK)

    async def _tried(self, step: Callable[[], Awaitable[Any]], ended: asyncio.Event) -> bool:
        """Do it as soon as Telegram lets us; False when `ended` came first."""
        tries = 0
        while not ended.is_set():
            try:
                await step()
            except TelegramError as error:
                self.pulse.failed(error)
                told(error)
                await passed(ended, PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
            else:
                return True
        return False


async def passed(ended: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)


def told(error: TelegramError) -> None:
    """Write it down; not its text, in which the token can be."""
    log.warning("Telegram: %s", type(error).__name__)


async def fault(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Write down what a handler raised; the bot goes on."""
    log.error("an update could not be handled", exc_info=context.error)
