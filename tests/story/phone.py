"""A phone for stories that are not asynchronous: the Telegram simulator in a thread of its own, and its owner's few verbs."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.fakes.telegram_api import TOKEN, TelegramApi
from tests.fakes.telegram_bot import SimulatedBot
from tests.fakes.telegram_methods import Message

T = TypeVar("T")
OWNER = 2001


class Chat:
    """What one person sees of a bot."""

    def __init__(self, bot: SimulatedBot, loop: asyncio.AbstractEventLoop) -> None:
        self.bot = bot
        self._loop = loop
        bot.person(OWNER)

    @property
    def conflicts(self) -> list[str]:
        """Return how often two asked for the same bot's updates."""
        return self.bot.conflicts

    def say(self, text: str) -> Message:
        return self._done(self.bot.say(OWNER, text))

    def messages(self) -> list[Message]:
        """Return what the bot has said and not deleted, oldest first."""
        return self.bot.messages(OWNER)

    def told(self, *texts: str, seconds: float) -> Message:
        """Wait for a message of the bot that holds all texts now."""

        def found() -> Message | None:
            return next((message for message in self.messages() if all(text in message.text for text in texts)), None)

        message: Message = self._done(self.bot.until(found, seconds))
        return message

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Phone(Chat):
    """The simulator, and the chat with its first bot; `host` is the address of this machine on which it listens."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._api = TelegramApi(host=host)
        super().__init__(self._api, asyncio.new_event_loop())
        self._thread = threading.Thread(target=self._loop.run_forever, name="phone")

    @property
    def settings(self) -> dict[str, str]:
        """The environment of an installation that has the bot, and lets this person in."""
        return {
            "SLIPWAY_TELEGRAM_TOKEN": TOKEN,
            "SLIPWAY_TELEGRAM_API_URL": self._api.url,
            "SLIPWAY_TELEGRAM_ALLOWED": str(OWNER),
            "SLIPWAY_CHAT_APPROVAL": "false",
        }

    @property
    def url(self) -> str:
        return self._api.url

    def another(self, token: str, username: str) -> Chat:
        """Make one more bot, and return this person's chat with it."""
        return Chat(self._done(self._api.another(token, username)), self._loop)

    def __enter__(self) -> Self:
        self._thread.start()
        self._done(self._api.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done(self._api.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
