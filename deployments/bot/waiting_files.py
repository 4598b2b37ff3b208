"""Files that came without words: they wait on disk for the chat's next text, which takes them along once.

`<chat>.json` holds what waits, `<chat>_<update>.json` what a text has taken: handled again after a kill, it finds them there.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from blocks.private_files import write_private
from domain.attachments import Attachment, distinct
from domain.values import Value

logger = logging.getLogger(__name__)

PATIENCE = timedelta(days=1)
"""A text that comes later is about something else."""
KEPT = 200
"""Marks of texts that took files, which are kept."""


class Waiting(Value):
    """One file, and when it came."""

    at: AwareDatetime
    file: Attachment


_LIST = TypeAdapter(tuple[Waiting, ...])


class WaitingFiles:
    """The waiting files of all chats, in one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._turn = asyncio.Lock()

    async def add(self, chat: str, files: tuple[Attachment, ...], now: datetime) -> tuple[Attachment, ...]:
        """Let the files wait; return all that wait in the chat. The same again changes nothing."""
        async with self._turn:
            before = [each for each in self._read(self._of(chat)) if now - each.at < PATIENCE]
            known = {(each.file.name, each.file.digest) for each in before}
            fresh = [Waiting(at=now, file=file) for file in files if (file.name, file.digest) not in known]
            _write(self._of(chat), (*before, *fresh))
            return distinct(each.file for each in (*before, *fresh))

    async def waiting(self, chat: str, now: datetime) -> tuple[Attachment, ...]:
        async with self._turn:
            return distinct(each.file for each in self._read(self._of(chat)) if now - each.at < PATIENCE)

    async def take(self, chat: str, update: int, now: datetime) -> tuple[Attachment, ...]:
        """Return what waits, or what this very update has taken before; afterwards nothing waits."""
        async with self._turn:
            taken = self._folder / f"{chat}_{update}.json"
            if taken.exists():
                self._end_giving_back(chat, self._read(taken))
            elif self._of(chat).exists():
                self._of(chat).replace(taken)
                self._drop_old()
            return distinct(each.file for each in self._read(taken) if now - each.at < PATIENCE)

    async def give_back(self, chat: str, update: int) -> None:
        """Let what the update took wait again: nothing came of it."""
        async with self._turn:
            taken = self._folder / f"{chat}_{update}.json"
            if taken.exists():
                _write(self._of(chat), (*self._read(taken), *self._read(self._of(chat))))
                taken.unlink()

    def _end_giving_back(self, chat: str, taken: tuple[Waiting, ...]) -> None:
        """Let what an update has taken not wait as well: a kill while it was given back left it at both places."""
        waiting = self._read(self._of(chat))
        left = tuple(each for each in waiting if each not in taken)
        if left != waiting:
            _write(self._of(chat), left)

    async def drop(self, chat: str) -> bool:
        """Forget what waits; False when nothing did."""
        async with self._turn:
            had = self._of(chat).exists()
            self._of(chat).unlink(missing_ok=True)
            return had

    def _of(self, chat: str) -> Path:
        return self._folder / f"{chat}.json"

    def _read(self, path: Path) -> tuple[Waiting, ...]:
        try:
            return _LIST.validate_json(path.read_bytes()) if path.exists() else ()
        except ValidationError:
            logger.warning("what waits in %s cannot be read: its person has to send it again", path)
            return ()

    def _drop_old(self) -> None:
        marks = sorted(self._folder.glob("*_*.json"), key=lambda path: int(path.stem.split("_")[1]))
        for mark in marks[:-KEPT]:
            mark.unlink(missing_ok=True)


def _write(path: Path, waiting: tuple[Waiting, ...]) -> None:
    write_private(path, _LIST.dump_json(waiting))
