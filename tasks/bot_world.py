"""A Telegram of our own for a bot under rehearsal: its Bot API where the copy reaches it, and the person who talks to it.

It answers what bots commonly call, by polling or webhook, and takes everything else with `true`. Source of the shapes:
https://core.telegram.org/bots/api. It reaches nobody, knows one token, and lets
nobody in but the copy: other containers of this machine could connect to the same address.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.plain_http import plain_client
from blocks.quiet_server import QuietServer
from domain.chat_matching import BotMessage
from domain.environment import TELEGRAM_API_URL, TELEGRAM_BOT_TOKEN
from domain.errors import NeedsPerson
from tasks.bot_calls import NOT_MODIFIED, buttons, parameters, refusal

TOKEN = "1000001:rehearsal-of-a-bot-that-reaches-nobody"  # noqa: S105 opens nothing outside of this server
BOT = {"id": 1000001, "is_bot": True, "first_name": "Rehearsal", "username": "rehearsal_bot", "can_join_groups": True}
LOOPBACK = "127.0.0.1"
Guest = Callable[[], Awaitable[str]]
"""Asks for the address of the copy; empty while it has none."""
POLL_LIMIT = 5.0
"""Seconds that an empty getUpdates is held at most."""
EDITS = ("editmessagetext", "editmessagereplymarkup", "editmessagecaption")
DATE = 1_790_000_000


class BotWorld:
    """The chats of one bot; `webhook_address` is where its app listens, for bots that set a webhook."""

    def __init__(self, host: str = LOOPBACK, guest: Guest | None = None) -> None:
        self.webhook_address = ""
        self._guest = guest
        self._known_guest = "" if guest else LOOPBACK
        self.chats: dict[int, dict[int, BotMessage]] = {}
        self.refusals: dict[int, str] = {}
        """What was refused last in each chat, and why."""
        self._changed = asyncio.Condition()
        self._updates: list[dict[str, Any]] = []
        self._webhook: tuple[str, str] | None = None
        self._last = 0
        self._socket = _listener(host)

    @property
    def environment(self) -> dict[str, str]:
        """Return what tells a bot where its Telegram is."""
        host, port = self._socket.getsockname()
        return {TELEGRAM_BOT_TOKEN: TOKEN, TELEGRAM_API_URL: f"http://{host}:{port}"}

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
        if request.client is None or not await self._is_guest(request.client.host):
            return JSONResponse({"ok": False, "error_code": 403, "description": "Forbidden: not this copy's"}, 403)
        if request.path_params["token"] != TOKEN:
            return JSONResponse({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        call = await parameters(request)
        method = request.path_params["method"].lower()
        if why := self._refused(method, call):
            return JSONResponse({"ok": False, "error_code": 400, "description": f"Bad Request: {why}"}, 400)
        result = await self._updates_from(call) if method == "getupdates" else await self._done(method, call)
        return JSONResponse({"ok": True, "result": result})

    def _refused(self, method: str, call: Mapping[str, Any]) -> str:
        """Return in Telegram's words why it would not do it, and write that down for the chat; empty when it does."""
        chat, number = _number(call.get("chat_id")), _number(call.get("message_id"))
        why = refusal(method, call)
        before = self.chats.get(chat, {}).get(number)
        if not why and method in EDITS and before is not None and before == _edited(before, call):
            why = NOT_MODIFIED
        if why:
            self.refusals[chat] = f"{method}: {why}"
        return why

    async def _done(self, method: str, call: Mapping[str, Any]) -> Any:
        match method:
            case "getme":
                return BOT
            case "getwebhookinfo":
                url = self._webhook[0] if self._webhook else ""
                return {"url": url, "has_custom_certificate": False, "pending_update_count": len(self._updates)}
            case "setwebhook":
                self._webhook = (str(call.get("url", "")), str(call.get("secret_token", "")))
            case "deletewebhook":
                self._webhook = None
            case _ if method in EDITS:
                return await self._shown(call, _number(call.get("message_id")))
            case _ if method.startswith("send") and method != "sendchataction":
                return await self._shown(call, self._next())
        await self._tell()
        return True

    async def _shown(self, call: Mapping[str, Any], number: int) -> dict[str, Any]:
        chat = _number(call.get("chat_id"))
        before = self.chats.setdefault(chat, {}).pop(number, BotMessage(id=number))
        shown = self.chats[chat][number] = _edited(before, call)
        await self._tell()
        return {**_envelope(chat, number), "from": BOT, "text": shown.text}

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
        url, secret = self._webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        with contextlib.suppress(httpx.HTTPError, ValueError):  # no answer shows itself as one that does not come
            async with plain_client(timeout=15) as client:
                said = await client.post(
                    f"http://{self.webhook_address}{urlsplit(url).path or '/'}", json=update, headers=headers
                )
            if said.content.strip().startswith(b"{") and (call := said.json()).get("method"):
                method = str(call["method"]).lower()
                await (self._tell() if self._refused(method, call) else self._done(method, call))

    async def _is_guest(self, host: str) -> bool:
        """Tell whether the copy asks; it has its address since it runs, and keeps it."""
        if not self._known_guest and self._guest is not None:
            self._known_guest = await self._guest()
        return host == self._known_guest

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


@contextlib.asynccontextmanager
async def bot_world(host: str = LOOPBACK, guest: Guest | None = None) -> AsyncIterator[BotWorld]:
    """Serve a new Telegram on this address of the machine until the block ends; only `guest` may use it, if one is named."""
    world = BotWorld(host, guest)
    routes = [Route("/bot{token}/{method}", world.answer, methods=["GET", "POST"])]
    config = uvicorn.Config(
        Starlette(routes=routes),
        log_level="warning",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[world.listener]))
    try:
        yield world
    finally:
        server.should_exit = True
        await world.let_go()
        await serving
        world.listener.close()


def _listener(host: str) -> socket.socket:
    try:
        return socket.create_server((host, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        raise NeedsPerson(
            f"a bot cannot be tried out: its network's address {host} is not on this machine, since the Docker engine runs "
            "elsewhere or without root; use an engine on this machine"
        ) from error


def _number(given: Any) -> int:
    """Return an id; 0 for what is none, like the name of a channel."""
    try:
        return int(given)
    except (ValueError, TypeError):
        return 0


def _edited(before: BotMessage, call: Mapping[str, Any]) -> BotMessage:
    text = str(call.get("text") or call.get("caption") or before.text)
    return BotMessage(id=before.id, text=text, buttons=buttons(call.get("reply_markup")))


def _envelope(chat: int, number: int) -> dict[str, Any]:
    return {"message_id": number, "date": DATE, "chat": {"id": chat, "type": "private", "first_name": "Ann"}}


def _person(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "Ann", "language_code": "en"}
