"""The inbox: updates on disk before Telegram is told that we have them, until they are dealt with.

python-telegram-bot confirms a batch at its next getUpdates, which can be before its handlers are through; what a kill
cuts short is taken up from here. `new/<id>` holds an update, `done/<id>` marks one that must not be handled again.
What holds a secret is sealed before it is stored, so that no secret ever lies here.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from telegram import Bot, Update
from telegram.error import NetworkError

from blocks.private_files import write_private
from blocks.telegram_updates import as_json
from deployments.bot.messages import said_in
from domain.errors import SlipwayError

logger = logging.getLogger(__name__)

KEPT = 500
"""Marks of handled updates that are kept: more than Telegram can bring again (one batch of 100)."""


Seals = Callable[[Update], Awaitable[Update]]


class Inbox(asyncio.Queue[object]):
    """The queue between poller and handlers, with a folder under it."""

    def __init__(self, folder: Path, seal: Seals) -> None:
        super().__init__()
        self._seal = seal
        self._new, self._done = folder / "new", folder / "done"
        self._torn = folder / "torn"
        for path in (folder, self._new, self._done, self._torn):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._marks = dict.fromkeys(_numbers(self._done))
        """What was handled, oldest first, as the folder has it."""
        self._queued: set[int] = set()
        self._kept: set[int] = set()

    async def put(self, item: object) -> None:
        """Seal and store the update, then queue it; one that was handled or is queued already is dropped.

        Raises the vendor's NetworkError for one that cannot be stored now: Telegram then brings it again. Any other error
        would end the vendor's polling for good.
        """
        if isinstance(item, Update):
            if self._is_known(item):
                return
            try:
                item = await self._seal(item)
                said_in(item)  # what cannot be read as somebody's word must not come to a handler, nor again after a restart
                await asyncio.to_thread(self._store, item)
            except (SlipwayError, OSError) as error:
                raise NetworkError(f"update {item.update_id} is not stored: {error}") from error
            except Exception as error:  # a kind that nobody foresaw must not hold up all others for good
                said = "update %d cannot be kept (%s) and is left out"
                logger.error(said, item.update_id, type(error).__name__)  # noqa: TRY400  (no words of theirs in the log)
                return
            self._queued.add(item.update_id)
        await super().put(item)

    async def load(self, bot: Bot) -> None:
        """Queue what an earlier process stored and did not finish, oldest first.

        What a power cut left without its content is set aside: nobody knows any more who said it.
        """
        for number in _numbers(self._new):
            path = self._new / str(number)
            try:
                update = Update.de_json(json.loads(path.read_text()), bot)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                said = "update %d cannot be read (%s) and lies in %s: whoever wrote it has to say it again"
                logger.error(said, number, type(error).__name__, self._torn)  # noqa: TRY400  (no words of theirs in the log)
                path.replace(self._torn / path.name)
                continue
            if not self._is_known(update):
                self._queued.add(update.update_id)
                await super().put(update)

    async def finish(self, update: Update) -> None:
        """Mark the update as dealt with; one that is kept stays until it is released."""
        await self.settle(update.update_id)

    async def settle(self, update_id: int) -> None:
        """Mark the update as dealt with, unless it is kept."""
        if update_id not in self._kept:
            await self.release(update_id)

    def keep(self, update_id: int) -> None:
        """Keep the update beyond the end of its handler: what it began goes on."""
        self._kept.add(update_id)

    def let_go(self, update_id: int) -> None:
        """Keep it no longer; it stays until it is settled."""
        self._kept.discard(update_id)

    async def release(self, update_id: int) -> None:
        """Mark the update as dealt with, also one that was kept."""
        self._kept.discard(update_id)
        self._marks[update_id] = None
        old = list(self._marks)[: max(0, len(self._marks) - KEPT)]
        for mark in old:
            del self._marks[mark]
        await asyncio.to_thread(self._finish, update_id, old)
        self._queued.discard(update_id)

    def _is_known(self, update: Update) -> bool:
        return update.update_id in self._queued or update.update_id in self._marks

    def _store(self, update: Update) -> None:
        write_private(self._new / str(update.update_id), as_json(update))

    def _finish(self, update_id: int, old: Iterable[int]) -> None:
        (self._done / str(update_id)).touch(mode=0o600)
        (self._new / str(update_id)).unlink(missing_ok=True)
        for mark in old:
            (self._done / str(mark)).unlink(missing_ok=True)


def _numbers(folder: Path) -> list[int]:
    """Return the numbers of the updates that the folder has files of, in order."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
