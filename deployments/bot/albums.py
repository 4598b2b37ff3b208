"""Albums: Telegram sends each picture or file of one as an update of its own, and never says which is the last.

The updates stay in the inbox until the whole album has begun what it begins: after a kill all of them come again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployments.bot.inbox import Inbox
from deployments.bot.messages import Said
from domain.attachments import Attachment

Pause = Callable[[], Awaitable[None]]
Begin = Callable[[Said, tuple[Attachment, ...]], Awaitable[None]]
Failed = Callable[[Said, Exception], Awaitable[None]]
QUIET = 1.0
"""Seconds without another part after which an album is whole: its parts come in one batch of updates."""


async def quiet() -> None:
    await asyncio.sleep(QUIET)


@dataclass
class _Album:
    parts: list[tuple[Said, Attachment]] = field(default_factory=list)
    at_work: int = 0
    ending: asyncio.Task[None] | None = None


class Albums:
    """The albums that are coming in; `begin` is called with one message for all parts, `failed` with what it raised."""

    def __init__(self, inbox: Inbox, begin: Begin, failed: Failed, pause: Pause = quiet) -> None:
        self._inbox = inbox
        self._begin = begin
        self._failed = failed
        self._pause = pause
        self._coming: dict[tuple[str, str], _Album] = {}
        """By chat and id: Telegram's ids of albums count inside their chats."""
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def part(self, said: Said) -> Iterator[list[tuple[Said, Attachment]]]:
        """Let a part be added to its album inside this block, meanwhile the album cannot end."""
        name = said.chat, said.album
        album = self._coming.setdefault(name, _Album())
        album.at_work += 1
        if album.ending is not None:
            album.ending.cancel()
        before = len(album.parts)
        try:
            yield album.parts
        finally:
            for kept, _ in album.parts[before:]:
                self._inbox.keep(kept.update)
            album.at_work -= 1
            if album.at_work == 0:
                album.ending = asyncio.create_task(self._end(name, album), name=f"album {said.album}")
                self._tasks.add(album.ending)
                album.ending.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Cut off what is at work; the next process takes it up from the inbox."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, name: tuple[str, str], album: _Album) -> None:
        await self._pause()
        self._coming.pop(name, None)  # nothing is awaited since: a part that comes from now on is an album of its own
        album.ending = None
        if album.parts:
            await self._begun(sorted(album.parts, key=lambda part: part[0].update))

    async def _begun(self, parts: list[tuple[Said, Attachment]]) -> None:
        """Begin once for all: under the key of the first part, which is therefore the last that the inbox lets go of."""
        first = parts[0][0]
        words = "\n".join(dict.fromkeys(said.text for said, _ in parts if said.text))
        self._inbox.let_go(first.update)
        try:
            await self._begin(first.model_copy(update={"text": words}), tuple(file for _, file in parts))
        except Exception as error:  # as at the door: a person is never left without an answer
            await self._failed(first, error)
        for said, _ in parts[1:]:
            await self._inbox.release(said.update)
        await self._inbox.settle(first.update)
