"""Voice messages: heard by the operator's program, shown to their person, and used when they say that this is what they said.

What was heard lies on disk under the message's update, so that its buttons work after a restart; used once, it is gone.
"""

import asyncio
import logging
import shlex
from html import escape
from pathlib import Path

from blocks.private_files import write_private
from blocks.telegram import TelegramChat
from blocks.transcriber import CommandTranscriber
from deployments.bot.chat_signs import ChatSigns
from deployments.bot.handlers import Handlers
from deployments.bot.messages import Said
from deployments.bot.speech import patiently
from deployments.wording.texts import say
from domain.attachments import Limits
from domain.credentials import credential_in
from domain.transcribing import NotTranscribed, Transcriber

logger = logging.getLogger(__name__)


def transcriber_of(command: str, seconds: float) -> Transcriber | None:
    """Return what makes text of voice messages; None when no program is named."""
    words = shlex.split(command)
    return CommandTranscriber(words, seconds) if words else None


USE, DROP = "heard", "unheard"
"""Verbs of the buttons; their data is `heard:<chat>_<update>`."""
KEPT = 200


class VoiceMessages:
    """Takes voice messages, and the buttons under what was heard."""

    def __init__(
        self, handlers: Handlers, chat: TelegramChat, limits: Limits, transcriber: Transcriber | None, folder: Path
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handlers = handlers
        self._chat = chat
        self._limits = limits
        self._transcriber = transcriber
        self._folder = folder
        self._in_use: set[Path] = set()

    async def hear(self, said: Said) -> None:
        """Show what was heard, with buttons; say in a sentence why nothing was."""
        if self._transcriber is None or said.sent is None:
            await self._handlers.speech.tell(said, "voice_none")
            return
        typing = ChatSigns(self._chat).typing(said.chat)
        try:
            heard = await self._heard(said, self._transcriber)
        finally:
            typing.cancel()
        if not heard:
            await self._handlers.speech.tell(said, "voice_nothing")
        elif kind := credential_in(heard):
            await self._handlers.speech.tell(said, "credential_left", kind=kind)
        else:
            await self._show(said, heard)

    async def take(self, said: Said) -> bool:
        """Deal with a button under what was heard; False when it is none."""
        verb, _, name = said.text.partition(":")
        if not said.press or verb not in (USE, DROP):
            return False
        chat, _, update = name.partition("_")
        path = self._folder / f"{said.chat}_{update}"
        if chat != said.chat or not update.isdecimal() or not path.exists():
            await self._handlers.speech.pop(said, "dead_button")
        elif path in self._in_use:  # pressed once more: the first one says what becomes of it
            await self._handlers.speech.heard(said)
        elif verb == DROP:
            path.unlink()
            await self._handlers.speech.pop(said, "voice_dropped")
        else:
            self._in_use.add(path)
            try:
                await self._use(said, path, int(update))
            finally:
                self._in_use.discard(path)
        return True

    async def _use(self, said: Said, path: Path, update: int) -> None:
        """Take the words as written; they stay on disk until something came of them."""
        await self._handlers.speech.heard(said)
        text = await asyncio.to_thread(path.read_text, "utf-8")
        await self._handlers.written(said.model_copy(update={"text": text, "press": "", "heard_in": update}))
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _heard(self, said: Said, transcriber: Transcriber) -> str:
        assert said.sent is not None  # noqa: S101  (looked at before)
        sent, limit = said.sent, self._limits.bytes
        sound = await patiently(lambda: self._chat.fetch(sent.id, sent.name, limit))
        try:
            return (await transcriber.transcribe(sound, Path(sent.name).suffix[:8] or ".ogg")).strip()
        except NotTranscribed as error:
            logger.warning("update %s: %s", said.update, error)
            return ""

    async def _show(self, said: Said, heard: str) -> None:
        name = f"{said.chat}_{said.update}"
        await asyncio.to_thread(self._store, name, heard)
        text = escape(say(said.language, "voice_heard", text=heard), quote=False)
        buttons = ((say(said.language, "voice_use"), f"{USE}:{name}"), (say(said.language, "voice_drop"), f"{DROP}:{name}"))
        await self._handlers.speech.answer(said, text, buttons)

    def _store(self, name: str, heard: str) -> None:
        write_private(self._folder / name, heard)
        kept = sorted(self._folder.glob("[0-9]*_*"), key=lambda path: int(path.name.split("_")[1]))
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)
