"""An answer appears in its chat while it is written: as Telegram's draft, else as a message that is edited and taken away.

What is shown is never the answer itself: that comes whole by the outbox, once, when the turn is over. So a kill costs nothing
of it, and no part of it is told twice.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from html import escape
from itertools import count

from blocks.telegram import TelegramChat
from deployments.bells import rung
from deployments.bot.streamed import Streamed
from deployments.whole import whole
from deployments.wording.texts import say
from domain.chat_text import paired, split_html
from domain.drafts import Deed, deed_in, reply_in
from domain.errors import ChatBusy, SlipwayError, TryAgain
from domain.writing import Draft
from tasks.redaction import settled

logger = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two looks of one chat at what is written."""
OF_ALL = 20
"""Of all chats together so many are shown something within a second: Telegram takes about 30 calls a second of one bot."""
AGAIN = 20.0
"""Seconds after which a draft is shown once more: Telegram forgets one after thirty."""
PATIENCE = 3.0
"""Seconds that one look may take."""
WITHOUT = 3600.0
"""Seconds for which no draft is tried after one was refused."""
LOOKS = ("inspect_project", "status", "costs", "logs", "app_log")
DEEDS = {"list_projects": "doing_look", "propose": "doing_propose", "start": "doing_start"} | dict.fromkeys(LOOKS, "doing_look")

Safe = Callable[[str], str]


class Drafts:
    """Shows what is written in chats, paced for one and for all of them."""

    def __init__(
        self,
        chat: TelegramChat,
        streamed: Streamed,
        pace: float = PACE,
        safe: Safe = settled,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chat = chat
        self._streamed = streamed
        self._pace = pace
        self._safe = safe
        self._clock = clock
        self._numbers = count(1)
        self._shown = 0
        """How many answers are being shown now."""
        self._refused: float | None = None
        """When a draft was refused last."""

    @asynccontextmanager
    async def writing(self, chat: str, language: str) -> AsyncIterator["Appearing"]:
        """Show in the chat what is written inside the block; nothing of it is there afterwards, or soon."""
        appearing, number = Appearing(language, self._safe), next(self._numbers)
        self._shown += 1
        showing = asyncio.create_task(self._show(chat, number, appearing), name=f"draft in {chat}")
        try:
            yield appearing
        finally:
            self._shown -= 1
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            await whole(self._streamed.clear(chat))

    async def _show(self, chat: str, number: int, appearing: "Appearing") -> None:
        """Show each newest state, until cancelled."""
        page = _Page(self._chat, self._streamed, chat, number)
        while True:
            await rung(appearing.bell, AGAIN)
            wait = self._pace * max(1.0, self._shown / OF_ALL)
            try:
                if html := appearing.html():
                    await whole(self._put(page, html))
            except ChatBusy as busy:
                appearing.bell.set()
                wait = max(wait, busy.seconds)
            except (TryAgain, TimeoutError) as error:
                logger.info("what is written in %s is shown later: %s", chat, error)
                if page.is_lost:
                    return
            except SlipwayError as error:
                logger.info("what is written in %s is not shown: %s", chat, error)
                return
            await asyncio.sleep(wait)

    async def _put(self, page: "_Page", html: str) -> None:
        async with asyncio.timeout(PATIENCE):
            if self._offered() and await page.draft(html):
                return
            if self._offered():
                logger.info("Telegram takes no drafts: answers are shown by edits for now")
                self._refused = self._clock()
            await page.edit(html)

    def _offered(self) -> bool:
        return self._refused is None or self._clock() - self._refused >= WITHOUT


class Appearing:
    """What is written, as it can be shown: plain, without what may be the beginning of a secret."""

    def __init__(self, language: str, safe: Safe) -> None:
        self.bell = asyncio.Event()
        self._language = language
        self._safe = safe
        self._draft = Draft()
        self._hearer = copy_context()
        """Where it is known whose secrets these are: the turn that writes."""

    def wrote(self, draft: Draft) -> None:
        """Take what is written so far."""
        self._draft = draft
        self._hearer = copy_context()
        self.bell.set()

    def html(self) -> str:
        """Return the reply as far as it goes, else what is being done; empty before there is either."""
        if reply := self._shown(reply_in(self._draft)).strip():
            return split_html(escape(paired(reply), quote=False))[-1]
        deed = deed_in(self._draft)
        return f"<i>{escape(self._told(deed), quote=False)}</i>" if deed else ""

    def _told(self, deed: Deed) -> str:
        key, project = DEEDS.get(deed.tool, "doing_other"), paired(self._shown(deed.project))[:60]
        if key == "doing_look" and project:
            return say(self._language, "doing_look_at", project=project)
        return say(self._language, key)

    def _shown(self, text: str) -> str:
        return self._hearer.run(self._safe, text)


class _Page:
    """Where one answer is shown."""

    def __init__(self, chat: TelegramChat, streamed: Streamed, name: str, number: int) -> None:
        self._chat = chat
        self._streamed = streamed
        self._name = name
        self._number = number
        self._message = ""
        self._html = ""
        self.is_lost = False
        """A message may be there whose id nobody knows: another one would be one too many."""

    async def draft(self, html: str) -> bool:
        return await self._chat.draft(self._name, self._number, html)

    async def edit(self, html: str) -> None:
        if html == self._html:
            return
        if self._message:
            await self._streamed.edit(self._name, self._message, html)
        else:
            await self._send(html)
        self._html = html

    async def _send(self, html: str) -> None:
        try:
            self._message = await self._streamed.show(self._name, html)
        except ChatBusy:
            raise
        except BaseException:
            self.is_lost = True
            raise
