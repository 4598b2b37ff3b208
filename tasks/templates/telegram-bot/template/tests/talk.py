"""A chat with the bot, without Telegram."""

import asyncio
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from telegram import Update
from telegram.request import BaseRequest, RequestData

from app import bot
from app.connection import Connection
from app.settings import Settings

ME = {"id": 1, "is_bot": True, "first_name": "Bot", "username": "some_bot"}


class Paper(BaseRequest):
    """Takes the bot's calls and keeps what it sent, oldest first."""

    read_timeout = 5.0

    def __init__(self) -> None:
        self.sent: dict[int, dict[str, Any]] = {}

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any) -> Any:
        given = dict(request_data.parameters) if request_data else {}
        return 200, json.dumps({"ok": True, "result": self._answer(url.rpartition("/")[2], given)}).encode()

    def _answer(self, call: str, given: dict[str, Any]) -> Any:
        if call == "getMe":
            return ME
        if not (call.startswith(("send", "editMessage")) and "chat_id" in given) or call == "sendChatAction":
            return True
        number = int(given.get("message_id") or len(self.sent) + 1_000)
        before = self.sent.pop(number, {})
        text = str(given.get("text") or given.get("caption") or before.get("text", ""))
        self.sent[number] = {"text": text, "chat": given["chat_id"], "markup": given.get("reply_markup") or {}}
        chat = {"id": given["chat_id"], "type": "private", "first_name": "Ann"}
        return {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": ME, "text": text}


class Talk:
    """A person's private chat; `data` is the bot's DATA_DIR."""

    def __init__(self, data: Path, chat: int = 7) -> None:
        os.environ["DATA_DIR"] = str(data)
        self._chat = chat
        self._last = 0
        self._paper = Paper()
        self._loop = asyncio.Runner()
        self._application = Connection(Settings(token="1:test"), self._paper).application

    def __enter__(self) -> Self:
        self._loop.run(self._application.initialize())
        self._loop.run(bot.started(self._application))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.run(self._application.shutdown())
        self._loop.close()

    def says(self, text: str, chat: int | None = None) -> list[str]:
        """Send a text, and return what the bot answers or changes in this chat."""
        message = self._message(chat or self._chat, text)
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        return self._bring(chat or self._chat, {"message": message})

    def presses(self, label: str, chat: int | None = None) -> list[str]:
        """Press the newest button of this name, and return what the bot answers or changes."""
        chat = chat or self._chat
        data = [found for name, found in self.buttons(chat) if name == label][-1]
        message = {**self._message(chat, "above"), "from": ME, "message_id": max(self._paper.sent)}
        query = {"id": "1", "from": message["chat"] | {"is_bot": False}, "chat_instance": "1", "data": data}
        return self._bring(chat, {"callback_query": {**query, "message": message}})

    def buttons(self, chat: int | None = None) -> list[tuple[str, str]]:
        """Return label and data of each button that stands in the chat."""
        markups = [found["markup"] for found in self._of(chat or self._chat).values()]
        given = [json.loads(markup) if isinstance(markup, str) else markup for markup in markups]
        flat = [button for markup in given for row in markup.get("inline_keyboard", []) for button in row]
        return [(button["text"], button.get("callback_data", button["text"])) for button in flat]

    def _bring(self, chat: int, content: dict[str, Any]) -> list[str]:
        before = dict(self._of(chat))
        update = Update.de_json({"update_id": self._next(), **content}, self._application.bot)
        self._loop.run(self._application.process_update(update))
        return [found["text"] for number, found in self._of(chat).items() if before.get(number) != found]

    def _of(self, chat: int) -> dict[int, dict[str, Any]]:
        return {number: found for number, found in self._paper.sent.items() if int(found["chat"]) == chat}

    def _message(self, chat: int, text: str) -> dict[str, Any]:
        person = {"id": chat, "first_name": "Ann"}
        where = {"message_id": self._next(), "date": 1_790_000_000, "chat": {**person, "type": "private"}}
        return {**where, "from": {**person, "is_bot": False}, "text": text}

    def _next(self) -> int:
        self._last += 1
        return self._last
