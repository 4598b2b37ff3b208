"""Open questions for secrets: which message of the bot asks for which name. Kept on disk, names only."""

import asyncio
from pathlib import Path

from domain.values import Value

KEPT = 200
"""Questions that are remembered; far more than wait at once."""


class Ask(Value):
    """One question: the value of `name`, for which `run` waits."""

    chat: str
    message: str
    run: str
    project: str
    name: str


class Asks:
    """One file a question, called `<chat>_<message>`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        found = [Ask.model_validate_json(path.read_text()) for path in folder.glob("[0-9]*_[0-9]*")]
        self._open = {(ask.chat, ask.message): ask for ask in sorted(found, key=lambda ask: int(ask.message))}

    async def remember(self, ask: Ask) -> None:
        """Store the question; the oldest ones beyond what is kept are forgotten."""
        self._open[ask.chat, ask.message] = ask
        await asyncio.to_thread(self._store, ask)
        for old in list(self._open.values())[:-KEPT]:
            await self.forget(old)

    async def forget(self, ask: Ask) -> None:
        """Close the question; nothing happens when it is closed."""
        self._open.pop((ask.chat, ask.message), None)
        await asyncio.to_thread(self._path(ask).unlink, missing_ok=True)

    def find(self, chat: str, message: str) -> Ask | None:
        return self._open.get((chat, message))

    def newest(self, chat: str) -> Ask | None:
        """Return the last question asked in the chat that is still open."""
        return next((ask for ask in reversed(self._open.values()) if ask.chat == chat), None)

    def of(self, chat: str, run: str, name: str) -> list[Ask]:
        """Return the open questions for one name of one run."""
        return [ask for ask in self._open.values() if (ask.chat, ask.run, ask.name) == (chat, run, name)]

    def _store(self, ask: Ask) -> None:
        fresh = self._folder / f".{ask.chat}_{ask.message}"
        fresh.touch(mode=0o600)
        fresh.write_text(ask.model_dump_json())
        fresh.replace(self._path(ask))

    def _path(self, ask: Ask) -> Path:
        return self._folder / f"{ask.chat}_{ask.message}"
