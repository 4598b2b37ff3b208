"""A Bot API server of our own, over real HTTP, with the people who talk to the bot.

Says what https://core.telegram.org/bots/api documents and what the real server was seen to say: limits, HTML mistakes,
409 for two pollers, 429 by script. `async with TelegramApi() as api:` then `api.url` is the base for a bot's requests.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.telegram_methods import Button, Message, Methods, Person, Refused

TOKEN = "42:AAslipway-simulator-0123456789abcdefghi"
CONFLICT = 409
OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class TelegramApi(Methods):
    """One bot's Telegram: a server for the bot, a few verbs for the test's person."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.conflicts: list[str] = []
        """What pollers that still listened were refused with."""
        self._busy: list[tuple[str, int]] = []
        self._pollers = 0
        self._closed = False
        self._changed = asyncio.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    # the person's side

    def person(self, chat: int, language: str = "en") -> Person:
        """Make somebody who has opened a private chat with the bot."""
        return self.people.setdefault(chat, Person(chat, language))

    async def say(self, chat: int, text: str, to: Message | None = None) -> Message:
        """Send a text to the bot as the person of this chat, as a reply when `to` is given."""
        person = self.person(chat)
        message = Message(self.new_id(), chat, by_bot=False, text=text)
        self.sent[message.id] = message
        command = (
            [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}] if text.startswith("/") else []
        )
        shown = {**self.shown(message), "from": self._user(person), "entities": command}
        if to is not None:
            shown["reply_to_message"] = self.shown(to)
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

    async def message(self, chat: int, *texts: str) -> Message:
        """Wait for a message of the bot that holds all `texts`."""
        return await self.until(lambda: next((m for m in self.messages(chat) if all(t in m.text for t in texts)), None))

    # the bot's side

    async def __aenter__(self) -> Self:
        routes = [
            Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"]),
            Route("/file/bot{token}/documents/{name}", self._file),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        self._posting = asyncio.create_task(self._post_updates())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed, self._server.should_exit = True, True
        await self._notify()
        await self._serving
        self._posting.cancel()
        await asyncio.gather(self._posting, return_exceptions=True)
        self._socket.close()

    async def _answer(self, request: Request) -> Response:
        method, call = request.path_params["method"], await _parameters(request)
        try:
            result = await self._result(request.path_params["token"], method, call)
        except Refused as refused:
            code, description, parameters = refused.args
            if code == CONFLICT and not await request.is_disconnected():
                self.conflicts.append(description)
            body = {"ok": False, "error_code": code, "description": description}
            return JSONResponse(body | ({"parameters": parameters} if parameters else {}), code)
        return JSONResponse({"ok": True, "result": result})

    async def _result(self, token: str, method: str, call: dict[str, Any]) -> Any:
        if token != self.token:
            raise Refused(401, "Unauthorized")
        self.calls.append((method, call))
        if method == "getUpdates":
            return await self._get_updates(call)
        if not method[0].islower() or not hasattr(self, method) or not any(c.isupper() for c in method):
            raise Refused(404, "Not Found")
        self._refuse_when_busy(method)
        try:
            return getattr(self, method)(call)
        finally:
            await self._notify()

    def _refuse_when_busy(self, method: str) -> None:
        entry = next((entry for entry in self._busy if entry[0] == method), None)
        if entry:
            self._busy.remove(entry)
            raise Refused(429, f"Too Many Requests: retry after {entry[1]}", retry_after=entry[1])

    async def _get_updates(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refused(409, WEBHOOK_SET)
        self._pollers += 1
        mine, offset = self._pollers, int(call.get("offset", 0))
        self.updates = self.updates[offset:] if offset < 0 else [u for u in self.updates if u["update_id"] >= offset]
        await self._notify()
        async with self._changed:
            ready = self._changed.wait_for(lambda: self.updates or self._closed or self._pollers != mine)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ready, int(call.get("timeout", 0)) or 0.001)
        if self._pollers != mine:
            raise Refused(409, OTHER_POLLER)
        return self.updates[: int(call.get("limit", 100))]

    async def _post_updates(self) -> None:
        """Bring updates to the webhook, in order, each until it is answered with 2xx."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: self.webhook and self.updates and "last_error_date" not in self.webhook
                    )
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
                answer = await client.post(self.webhook["url"], json=self.updates[0], headers=headers)
                if answer.is_success:
                    self.updates.pop(0)
                else:
                    problem = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
                    self.webhook |= {"last_error_date": 1_790_000_002, "last_error_message": problem}
                await self._notify()

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        known = request.path_params["token"] == self.token and name in self.files
        return Response(self.files[name]) if known else Response("Not Found", 404)

    async def _add_update(self, content: dict[str, Any]) -> None:
        self.updates.append({"update_id": self.next_update, **content})
        self.next_update += 1
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _user(self, person: Person) -> dict[str, Any]:
        return {"id": person.id, "is_bot": False, "first_name": f"P{person.id}", "language_code": person.language}


async def _parameters(request: Request) -> dict[str, Any]:
    """Read a call's parameters as the real server does: query, form, multipart or JSON."""
    body, kind = await request.body(), request.headers.get("content-type", "")
    call: dict[str, Any] = dict(request.query_params)
    if kind.startswith("application/json"):
        call |= {k: v if isinstance(v, str | int) else json.dumps(v) for k, v in json.loads(body or b"{}").items()}
    elif kind.startswith("multipart/form-data"):
        form = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + body)
        call |= {str(p.get_param("name", header="content-disposition")): p.get_content() for p in form.iter_parts()}
    else:
        call |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return call


@contextlib.asynccontextmanager
async def telegram_api(*people: int, language: str = "en") -> AsyncIterator[TelegramApi]:
    """Run a simulator with these people already in private chats with the bot."""
    async with TelegramApi() as api:
        for person in people:
            api.person(person, language)
        yield api
