"""A Bot API server of our own, over real HTTP, with the people who talk to the bot.

Says what https://core.telegram.org/bots/api documents and what the real server was seen to say: limits, HTML mistakes,
409 for two pollers, 429 by script. `async with TelegramApi() as api:` then `api.url` is the base for a bot's requests.
"""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.telegram_files import parts_of
from tests.fakes.telegram_phones import Phones
from tests.fakes.telegram_values import Refused

TOKEN = "42:AAslipway-simulator-0123456789abcdefghi"
CONFLICT = 409
OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class QuietServer(uvicorn.Server):
    """A server that leaves the signals of its process to its process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class TelegramApi(Phones):
    """One bot's Telegram: a server for the bot; `Phones` has the verbs of the people."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.conflicts: list[str] = []
        """What pollers that still listened were refused with."""
        self._pollers = 0
        self._closed = False
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    # the bot's side

    async def __aenter__(self) -> Self:
        routes = [
            Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"]),
            Route("/file/bot{token}/{folder}/{name}", self._file),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off", ws="none")
        self._server = QuietServer(config)
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
        if not re.fullmatch(r"(get|set|send|edit|answer|delete|log|close|copy|forward)[A-Z]\w+", method) or not hasattr(
            self, method
        ):
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
        self.allow(call)
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
        return self.updates[: min(int(call.get("limit", 100)), 100)]

    async def _post_updates(self) -> None:
        """Bring updates to the webhook, in order, each until it is answered with 2xx."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: self.webhook and self.updates and "last_error_date" not in self.webhook
                    )
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
                try:
                    answer = await client.post(self.webhook["url"], json=self.updates[0], headers=headers)
                    problem = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
                    problem = "" if answer.is_success else problem
                except httpx.HTTPError:
                    problem = "Connection refused"
                if problem:
                    self.webhook |= {"last_error_date": 1_790_000_002, "last_error_message": problem}
                else:
                    self.updates.pop(0)
                await self._notify()

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        known = request.path_params["token"] == self.token and name in self.files
        return Response(self.files[name]) if known else Response("Not Found", 404)


async def _parameters(request: Request) -> dict[str, Any]:
    """Read a call's parameters as the real server does: query, form, multipart or JSON."""
    body, kind = await request.body(), request.headers.get("content-type", "")
    call: dict[str, Any] = dict(request.query_params)
    if kind.startswith("application/json"):
        call |= {k: v if isinstance(v, str | int) else json.dumps(v) for k, v in json.loads(body or b"{}").items()}
    elif kind.startswith("multipart/form-data"):
        call |= parts_of(kind, body)
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
