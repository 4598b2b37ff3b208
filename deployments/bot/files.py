"""Files and photos in the chat: downloaded, judged, kept, and then said together with the words that belong to them."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from blocks.telegram import TelegramChat
from deployments.bot.albums import Albums, Pause, quiet
from deployments.bot.handlers import Handlers
from deployments.bot.inbox import Inbox
from deployments.bot.messages import BEGINS, Said
from deployments.bot.speech import patiently
from domain.attachments import Attachment, AttachmentRefused, Limits, checked_count, safe_name
from domain.errors import SlipwayError


class FileMessages:
    """Takes messages with a file. One without words waits for the next text, unless the Product Owner asked for it."""

    def __init__(
        self,
        handlers: Handlers,
        chat: TelegramChat,
        inbox: Inbox,
        limits: Limits,
        failed: Callable[[Said, Exception], Awaitable[None]],
        pause: Pause = quiet,
    ) -> None:
        self._handlers = handlers
        self._chat = chat
        self._limits = limits
        self.albums = Albums(inbox, self.begin, failed, pause)

    async def take(self, said: Said) -> None:
        """Take one file in; what it begins follows at once, or for a part of an album when that is whole."""
        with ExitStack() as stack:
            parts = stack.enter_context(self.albums.part(said)) if said.album else []
            file = await self._kept(said)
            if file is not None:
                parts.append((said, file))
        if file is not None and not said.album:
            await self.begin(said, (file,))

    async def begin(self, said: Said, files: tuple[Attachment, ...]) -> None:
        """Say what was written with the files, or ask what to do with them."""
        handlers, now = self._handlers, datetime.now(UTC)
        checked_count((*await handlers.waiting.waiting(said.chat, now), *files), self._limits)
        if said.command and said.command not in BEGINS:
            waiting = await handlers.waiting.add(said.chat, files, now)
            names = ", ".join(each.name for each in waiting)
            await handlers.speech.tell(said, "file_command", command=said.command[:32], names=names)
        elif any(letter.isalnum() for letter in said.text):
            await handlers.written(said.model_copy(update={"files": files}))
        elif await handlers.is_awaited(said):
            await handlers.here_are(said.model_copy(update={"files": files}))
        else:
            waiting = await handlers.waiting.add(said.chat, files, now)
            await handlers.speech.tell(said, "file_what", names=", ".join(each.name for each in waiting))

    async def _kept(self, said: Said) -> Attachment | None:
        """Download and keep the file; None, and its message deleted, when it holds a credential."""
        from tasks.attachments import take_in

        assert said.sent is not None  # noqa: S101  (such messages are routed here)
        sent, limit = said.sent, self._limits.bytes
        content = await patiently(lambda: self._chat.fetch(sent.id, safe_name(sent.name, "file"), limit))
        try:
            return await take_in(said.person, sent.name, content, self._limits, self._handlers.desk.attachments)
        except AttachmentRefused as refused:
            if refused.why != "credential":
                raise
            await self._tell_credential(said, refused)
        return None

    async def _tell_credential(self, said: Said, refused: AttachmentRefused) -> None:
        try:
            await self._chat.delete_message(said.chat, said.message)
        except SlipwayError:
            await self._handlers.speech.tell(said, "credential_left", kind=refused.args[2])
        else:
            await self._handlers.speech.tell(said, "credential", kind=refused.args[2])
