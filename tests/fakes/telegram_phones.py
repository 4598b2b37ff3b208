"""The people of the simulated Telegram: what they can do with a thumb, and what they see."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from tests.fakes.telegram_files import FileMethods
from tests.fakes.telegram_values import Button, File, Message, Person


class Phones(FileMethods):
    """A few verbs for each person who has a chat with the bot."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped: list[dict[str, Any]] = []
        """Updates of a kind that the bot did not ask for."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._busy: list[tuple[str, int]] = []
        self._changed = asyncio.Condition()
        self._version = 0

    def person(self, chat: int, language: str = "en") -> Person:
        """Make somebody who has opened a private chat with the bot."""
        return self.people.setdefault(chat, Person(chat, language))

    async def say(self, chat: int, text: str, to: Message | None = None) -> Message:
        """Send a text to the bot as the person of this chat, as a reply when `to` is given."""
        word = text.split(maxsplit=1)[0] if text.startswith("/") else ""
        entities = [{"type": "bot_command", "offset": 0, "length": len(word)}] if word else []
        return await self._write(Message(self.new_id(), chat, by_bot=False, text=text, entities=entities), to)

    async def open(self, chat: int, payload: str = "") -> Message:
        """Press Start, as behind a link `https://t.me/<bot>?start=<payload>`."""
        return await self.say(chat, f"/start {payload}".rstrip())

    async def give(
        self,
        chat: int,
        content: bytes,
        name: str,
        mime: str = "text/plain",
        kind: str = "document",
        caption: str = "",
        album: str = "",
    ) -> Message:
        """Send a document, or a photo or voice message by `kind`, as this chat's person; parts of an album share its id."""
        file = self.keep(File(kind, "", name, mime, len(content)), content)
        message = Message(self.new_id(), chat, by_bot=False, text=caption, file=file)
        return await self._write(message, more={"media_group_id": album} if album else {})

    async def send_other(self, chat: int, **content: Any) -> Message:
        """Send what is neither text nor file, as the Bot API shows it: `contact={...}`, `sticker={...}`."""
        return await self._write(
            Message(self.new_id(), chat, by_bot=False, text=""), more={"text": None, "entities": None, **content}
        )

    async def bring(self, **content: Any) -> None:
        """Let an update of any kind come, as the Bot API shows it."""
        await self._add_update(content)

    async def change(self, message: Message, text: str) -> None:
        """Edit a message of a person's own."""
        message.text = text
        shown = {**self.shown(message), "from": self._user(self.person(message.chat)), "edit_date": 1_790_000_001}
        await self._add_update({"edited_message": shown})

    async def _write(self, message: Message, to: Message | None = None, more: Mapping[str, Any] | None = None) -> Message:
        self.sent[message.id] = message
        shown = {**self.shown(message), "from": self._user(self.person(message.chat)), **(more or {})}
        shown = {name: value for name, value in shown.items() if value is not None}
        if to is not None:
            shown["reply_to_message"], message.reply_to = self.shown(to), to.id
        await self._add_update({"message": shown})
        return message

    async def press(self, button: Button, by: int | None = None) -> str:
        """Press an inline button and return the id of the callback query."""
        query = f"q{self.next_update}"
        self.queries[query] = None
        user = self._user(self.person(by or button.chat))
        card = self.sent[button.message]  # a deleted one is shown as inaccessible: date 0 and no content
        message = {**self.shown(card), **({"date": 0} if card.deleted else {})}
        body = {"id": query, "from": user, "chat_instance": "1", "data": button.data, "message": message}
        await self._add_update({"callback_query": body})
        return query

    def messages(self, chat: int) -> list[Message]:
        """Return what the bot has in this chat now, oldest first."""
        return [m for m in self.sent.values() if m.chat == chat and m.by_bot and not m.deleted]

    def busy(self, seconds: int, times: int = 1, method: str = "sendMessage") -> None:
        """Answer the next `times` calls of `method` with 429 and retry_after."""
        self._busy += [(method, seconds)] * times

    async def until(self, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Wait until `condition()` is truthy, looked at after every change, and return it."""

        async def changed() -> Any:
            async with self._changed:
                await self._changed.wait_for(condition)
                return condition()

        try:
            return await asyncio.wait_for(changed(), seconds)
        except TimeoutError:
            texts = [(m.chat, m.text) for m in self.sent.values() if m.by_bot]
            raise AssertionError(f"never came true; the bot's messages: {texts}; last calls: {self.calls[-5:]}") from None

    async def changes(self) -> AsyncIterator[None]:
        """Come at once, and after each change; changes that come together come once."""
        while True:
            seen = self._version
            yield
            async with self._changed:
                await self._changed.wait_for(lambda seen=seen: self._version != seen)

    async def look(self) -> None:
        """Let everybody who waits look again."""
        await self._notify()

    async def message(self, chat: int, *texts: str) -> Message:
        """Wait for a message of the bot that holds all `texts`."""
        return await self.until(lambda: next((m for m in self.messages(chat) if all(t in m.text for t in texts)), None))

    async def _add_update(self, content: dict[str, Any]) -> None:
        wanted = not self.allowed or set(content) & set(self.allowed)
        (self.updates if wanted else self.dropped).append({"update_id": self.next_update, **content})
        self.next_update += 1
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _user(self, person: Person) -> dict[str, Any]:
        return {"id": person.id, "is_bot": False, "first_name": f"P{person.id}", "language_code": person.language}
