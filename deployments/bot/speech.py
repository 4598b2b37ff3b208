"""How the bot speaks: short answers with buttons, long texts as files, and waiting when Telegram asks to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import BinaryIO, TypeVar

from blocks.telegram import TelegramChat
from deployments.bot.messages import Said
from deployments.bot.references import referenced
from deployments.bot.sendings import Sendings, perhaps
from deployments.bot.talk_cards import TALK, Spoken, written
from deployments.wording.texts import say
from domain.chat_text import fits, paired, sendable, split_html
from domain.errors import AnswerLost, ChatBusy, SlipwayError, TryAgain
from domain.registry import Registry
from domain.runs import Notification

T = TypeVar("T")

PATIENCE = 3
"""How often a file, or an answer to a press, is tried when Telegram asks to wait."""
LONGEST = 60.0
"""Seconds that are waited: meanwhile everything else that the person writes waits as well."""
POP = 200
"""Characters that Telegram shows over a chat (https://core.telegram.org/bots/api#answercallbackquery)."""


FILES = 200
"""Files whose sending is remembered: an update that a kill cut off comes again long before so many others were sent."""


class Speech:
    """Answers in one chat to what one person said."""

    def __init__(self, chat: TelegramChat, registry: Registry, files: Sendings) -> None:
        self._chat = chat
        self._registry = registry
        self._files = files

    async def tell(self, said: Said, key: str, *, buttons: Sequence[tuple[str, str]] = (), **fields: object) -> None:
        """Answer with one of the texts for people."""
        await self.say(said, say(said.language, key, **fields), buttons)

    async def say(self, said: Said, text: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        """Answer with plain text."""
        await self.answer(said, escape(text, quote=False), buttons)

    async def answer(self, said: Said, html: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        """Send an answer, its buttons as (label, action); while Telegram asks to wait or is away, the outbox has the rest.

        So what the person does next is dealt with meanwhile, and a kill loses no answer.
        """
        keys = await referenced(buttons, said.person, self._registry)
        pages = split_html(sendable(html))
        for number, page in enumerate(pages, 1):
            try:
                await self._chat.send(said.chat, page, keys if number == len(pages) else ())
            except TryAgain as error:
                rest = perhaps("\n".join(pages[number - 1 :]), said.language, again=isinstance(error, AnswerLost))
                await self._registry.add_notification(later(said, rest, buttons, datetime.now(UTC)))
                return

    async def show(self, said: Said, title: str, text: str, name: str) -> None:
        """Show a title and what somebody else wrote: in the message where it fits into one, else as a file called `name`."""
        html = f"{title}\n<pre>{escape(text, quote=False)}</pre>"
        if fits(html):
            await self.answer(said, html)
        else:
            await self.send_file(said, title, text, name)

    async def send_file(self, said: Said, title: str, text: str, name: str) -> None:
        await self.send_bytes(said, title, paired(text).encode(), name)

    async def send_bytes(self, said: Said, title: str, content: bytes | BinaryIO, name: str) -> None:
        """Send a file; one that may be there already, since a kill cut its update off, comes without a sound and says so."""

        async def send(again: bool) -> str:
            words = perhaps(title, said.language, again=again)
            return await patiently(lambda: self._chat.send_file(said.chat, name, content, words, quiet=again))

        await self._files.once(f"{said.key}:{name}", send)
        await self._files.keep_newest(FILES)

    async def pop(self, said: Said, key: str, **fields: object) -> None:
        """Answer a pressed button with a sentence over the chat; in it when that is too long, or it cannot be shown there."""
        text = say(said.language, key, **fields)
        if len(text) > POP:
            await self.heard(said)
        else:
            with suppress(SlipwayError):
                await patiently(lambda: self._chat.answer(said.press, text))
                return
        await self.answer(said, escape(text, quote=False))

    async def heard(self, said: Said) -> None:
        """End the spinner of a pressed button, if it is one and Telegram still knows it."""
        if said.press:
            with suppress(SlipwayError):
                await self._chat.answer(said.press, "")


def later(said: Said, html: str, buttons: Sequence[tuple[str, str]], at: datetime) -> Notification:
    """Return an answer as the outbox holds it; the same answer to the same update has the same key."""
    key = f"{TALK}{said.key}:{sha256(paired(html).encode()).hexdigest()[:10]}"
    return written(
        key, Spoken(html=paired(html), language=said.language, person=said.person, buttons=tuple(buttons)), said.origin, at
    )


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try as often as Telegram asks to wait; raise ChatBusy when it asks for too long."""
    for _ in range(PATIENCE - 1):
        try:
            return await attempt()
        except ChatBusy as busy:
            if busy.seconds > LONGEST:
                raise
            await asyncio.sleep(busy.seconds)
    return await attempt()
