"""Traces of messages on their way, kept on disk: what a kill between a send and its writing down leaves to be known."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from blocks.private_files import write_private
from deployments.wording.texts import say
from domain.errors import AnswerLost, SlipwayError
from domain.sending import Step, Trace, next_step
from domain.values import Value

logger = logging.getLogger(__name__)


class Left(Value):
    """What an earlier try left; `message` is the id of what was sent, where that is known."""

    trace: Trace = Trace.NONE
    message: str = ""


class Sendings:
    """One file for each message between the moment before its send and the moment after it was written down.

    What is too long for one message has a file for each part before the last, so that no part comes again for a later one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    async def once(self, key: str, send: Callable[[bool], Awaitable[str]], *, asks: bool = False, part: int = 0) -> str:
        """Send what was not sent yet, quietly where that is in doubt, and return the message's id as far as it is known.

        The caller writes down that it was sent, and ends the trace then. A try that was refused leaves none of its own.
        """
        path = self._path(key, part)
        left = await asyncio.to_thread(self._begin, path)
        step = next_step(left.trace, asks=asks)
        if left.trace is not Trace.NONE:
            logger.info("%s was %s by an earlier try: %s", key, left.trace.value, step.value)
        if step is Step.WRITE_DOWN:
            return left.message
        try:
            message = await send(step is Step.SEND_QUIETLY)
        except AnswerLost:
            raise
        except SlipwayError:
            if left.trace is Trace.NONE:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        await asyncio.to_thread(self._write, path, Left(trace=Trace.SENT, message=message))
        return message

    async def end(self, key: str) -> None:
        """Forget it and its parts; nothing happens when there is no trace."""
        await asyncio.to_thread(self._end, self._path(key))

    async def keep_only(self, keys: Iterable[str]) -> None:
        """Forget all but these: a kill between the last two steps leaves a trace of what is not sent any more.

        To be called before anything is sent.
        """
        await asyncio.to_thread(self._keep_only, {self._path(key).name for key in keys})

    async def keep_newest(self, number: int) -> None:
        """Forget all but the newest traces."""
        await asyncio.to_thread(self._keep_newest, number)

    def _keep_newest(self, number: int) -> None:
        for path in sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-number]:
            path.unlink(missing_ok=True)

    def _keep_only(self, names: set[str]) -> None:
        for path in [*self._folder.iterdir()]:
            if path.stem not in names:
                path.unlink(missing_ok=True)

    def _end(self, path: Path) -> None:
        for left in [*self._folder.glob(f"{path.stem}*")]:
            left.unlink(missing_ok=True)

    def _begin(self, path: Path) -> Left:
        try:
            return Left.model_validate_json(path.read_text())
        except FileNotFoundError:
            self._write(path, Left(trace=Trace.BEGUN))
            return Left()
        except ValidationError:  # a power cut can leave a file whose content never reached the disk
            return Left(trace=Trace.BEGUN)

    def _write(self, path: Path, left: Left) -> None:
        write_private(path, left.model_dump_json())

    def _path(self, key: str, part: int = 0) -> Path:
        name = sha256(key.encode()).hexdigest()
        return self._folder / (f"{name}.{part}" if part else name)


def perhaps(html: str, language: str, *, again: bool) -> str:
    """Return the text with a line before it that says that it may be there already, if it may."""
    return f"<i>{say(language, 'perhaps_again')}</i>\n{html}" if again else html
