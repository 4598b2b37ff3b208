"""A Telegram of our own for a bot under rehearsal: its Bot API on loopback, and the person who talks to it.

It answers what bots commonly call, by polling or webhook, and takes everything else with `true`. Source of the shapes:
https://core.telegram.org/bots/api. It reaches nobody, and knows one token.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.plain_http import plain_client
from domain.chat_matching import BotMessage

TOKEN = "1000001:rehearsal-of-a-bot-that-reaches-nobody"  # noqa: S105 opens nothing outside of this server
BOT = {"id": 1000001, "is_bot": True, "first_name": "Rehearsal", "username": "rehearsal_bot", "can_join_groups": True}
POLL_LIMIT = 5.0
"""Seconds that an empty getUpdates is held at most."""
DATE = 1_790_000_000


class BotWorld:
    """The chats of one bot; `webhook_address` is where its app listens, for bots that set a webhook."""

    def __init__(self) -> None:
        self.webhook_address = ""
        self.chats: dict[int, dict[int, BotMessage]] = {}
        self._changed = asyncio.Condition()
        self._updates: list[dict[str, Any]] = []
        self._webhook: tuple[str, str] | None = None
        self._last = 0
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def environment(self) -> dict[str, str]:
        """Return what tells a bot where its Telegram is."""
        return {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": f"http://127.0.0.1:{self._socket.getsockname()[1]}"}

    async def say(self, chat: int, text: str) -> None:
        """Send a text to the bot."""
        message = {**_envelope(chat, self._next()), "from": _person(chat), "text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        await self._bring({"message": message})

    async def press(self, chat: int, label: str) -> str | None:
        """Press the newest button with this label; return why that cannot be done."""
        for message in reversed(self.chats.get(chat, {}).values()):
            for name, data in message.buttons:
                if name == label:
                    below = {**_envelope(chat, message.id), "from": BOT, "text": message.text}
                    query = {
                        "id": str(self._next()),
                        "from": _person(chat),
                        "chat_instance": str(chat),
                        "data": data,
                        "message": below,
                    }
                    await self._bring({"callback_query": query})
                    return None
        return f"there is no button {label!r}"

    async def until_changed(self, seconds: float) -> None:
        """Return when the bot did something, or after `seconds`."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(seconds, 0.001))

    async def answer(self, request: Request) -> Response:
        """Answer one call of the bot."""
        if request.path_params["token"] != TOKEN:
            return JSONResponse({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        call = await _parameters(request)
        method = request.path_params["method"].lower()
        result = await self._updates_from(call) if method == "getupdates" else await self._done(method, call)
        return JSONResponse({"ok": True, "result": result})

    async def _done(self, method: str, call: Mapping[str, Any]) -> Any:
        match method:
            case "getme":
                return BOT
            case "setwebhook":
                self._webhook = (urlsplit(str(call.get("url", ""))).path or "/", str(call.get("secret_token", "")))
            case "deletewebhook":
                self._webhook = None
            case "editmessagetext" | "editmessagereplymarkup" | "editmessagecaption":
                return await self._shown(call, int(call.get("message_id", 0)))
            case _ if method.startswith("send") and method != "sendchataction":
                return await self._shown(call, self._next())
        await self._tell()
        return True

    async def _shown(self, call: Mapping[str, Any], number: int) -> dict[str, Any]:
        chat = int(call.get("chat_id", 0))
        before = self.chats.setdefault(chat, {}).pop(number, BotMessage(id=number))
        text = str(call.get("text") or call.get("caption") or before.text)
        self.chats[chat][number] = BotMessage(id=number, text=text, buttons=_buttons(call.get("reply_markup")))
        await self._tell()
        return {**_envelope(chat, number), "from": BOT, "text": text}

    async def _updates_from(self, call: Mapping[str, Any]) -> list[dict[str, Any]]:
        offset = int(call.get("offset") or 0)
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        if not self._updates:
            await self._until_updates(min(float(call.get("timeout") or 0), POLL_LIMIT))
        return self._updates[:100]

    async def _until_updates(self, seconds: float) -> None:
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: bool(self._updates)), max(seconds, 0.001))

    async def _bring(self, content: dict[str, Any]) -> None:
        update = {"update_id": self._next(), **content}
        if self._webhook is None:
            self._updates.append(update)
            await self._tell()
            return
        path, secret = self._webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        with contextlib.suppress(httpx.HTTPError, ValueError):  # no answer shows itself as one that does not come
            async with plain_client(timeout=15) as client:
                said = await client.post(f"http://{self.webhook_address}{path}", json=update, headers=headers)
            if said.content.strip().startswith(b"{") and (call := said.json()).get("method"):
                await self._done(str(call["method"]).lower(), call)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _next(self) -> int:
        self._last += 1
        return self._last

    async def let_go(self) -> None:
        """End the polls that wait."""
        self._updates.append({"update_id": self._next()})
        await self._tell()

    @property
    def listener(self) -> socket.socket:
        return self._socket


class _Server(uvicorn.Server):
    """A server that leaves the signals of its process to its process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def bot_world() -> AsyncIterator[BotWorld]:
    """Serve a new Telegram until the block ends."""
    world = BotWorld()
    routes = [Route("/bot{token}/{method}", world.answer, methods=["GET", "POST"])]
    config = uvicorn.Config(
        Starlette(routes=routes), log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[world.listener]))
    try:
        yield world
    finally:
        server.should_exit = True
        await world.let_go()
        await serving
        world.listener.close()


def _envelope(chat: int, number: int) -> dict[str, Any]:
    return {"message_id": number, "date": DATE, "chat": {"id": chat, "type": "private", "first_name": "Ann"}}


def _person(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "Ann", "language_code": "en"}


def _buttons(markup: Any) -> tuple[tuple[str, str], ...]:
    """Return the buttons of an inline or plain keyboard; none of what is no keyboard."""
    try:
        given = json.loads(markup) if isinstance(markup, str) else markup or {}
        rows = given.get("inline_keyboard") or given.get("keyboard") or []
        flat = [button if isinstance(button, dict) else {"text": button} for row in rows for button in row]
        return tuple((str(button["text"]), str(button.get("callback_data") or button["text"])) for button in flat)
    except (ValueError, AttributeError, TypeError, KeyError):
        return ()


async def _parameters(request: Request) -> dict[str, Any]:
    """Read a call's parameters from query, form, multipart or JSON."""
    kind, body = request.headers.get("content-type", ""), await request.body()
    call: dict[str, Any] = dict(request.query_params)
    if kind.startswith("application/json"):
        given = json.loads(body or b"{}")
        return {**call, **given} if isinstance(given, dict) else call
    if kind.startswith("multipart/form-data"):
        return {**call, **_texts_of(kind, body)}
    return {**call, **dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))}


def _texts_of(kind: str, body: bytes) -> dict[str, str]:
    """Return the parts of a form that are texts; files are not looked at."""
    form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode("latin-1", "replace") + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in form.iter_parts()}
    return {name: str(part.get_content()) for name, part in parts.items() if part.get_content_type() == "text/plain"}
