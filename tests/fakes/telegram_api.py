"""A Bot API server of our own, over real HTTP, with the people who talk to the bot.

Says what https://core.telegram.org/bots/api documents and what the real server was seen to say: limits, HTML mistakes,
409 for two pollers, 429 by script. `async with TelegramApi() as api:` then `api.url` is the base for a bot's requests.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.quiet_server import QuietServer
from tests.fakes.telegram_bot import SimulatedBot
from tests.fakes.telegram_files import parts_of
from tests.fakes.telegram_values import Fault, Refused

TOKEN = "42:AAslipway-simulator-0123456789abcdefghi"
CONFLICT = 409


class TelegramApi(SimulatedBot):
    """A server for bots, and the first of them: most tests need no other. `host` is where it listens."""

    def __init__(self, token: str = TOKEN, host: str = "127.0.0.1") -> None:
        super().__init__(token, "slipway_test_bot")
        self._bots: dict[str, SimulatedBot] = {token: self}
        self._posting: list[asyncio.Task[None]] = []
        self._socket = socket.create_server((host, 0))

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    async def another(self, token: str, username: str) -> SimulatedBot:
        """Make one more bot on this server, with people and chats of its own."""
        bot = self._bots[token] = SimulatedBot(token, username)
        self._posting.append(asyncio.create_task(bot.post_updates()))
        return bot

    async def __aenter__(self) -> Self:
        routes = [
            Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"]),
            Route("/file/bot{token}/{folder}/{name}", self._file),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off", ws="none")
        self._server = QuietServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        self._posting.append(asyncio.create_task(self.post_updates()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        for bot in self._bots.values():
            await bot.close()
        await self._serving
        for posting in self._posting:
            posting.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)
        self._socket.close()

    async def _answer(self, request: Request) -> Response:
        call, bot = await _parameters(request), self._bots.get(request.path_params["token"])
        if bot is None:
            return JSONResponse({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        try:
            result = await bot.result(request.path_params["method"], call)
        except Fault as fault:
            more = {"content-length": str(len(fault.body) + 100)} if fault.torn else {}
            return Response(fault.body, fault.status, more)
        except Refused as refused:
            code, description, parameters = refused.args
            if code == CONFLICT and not await request.is_disconnected():
                bot.conflicts.append(description)
            body = {"ok": False, "error_code": code, "description": description}
            return JSONResponse(body | ({"parameters": parameters} if parameters else {}), code)
        return JSONResponse({"ok": True, "result": result})

    async def _file(self, request: Request) -> Response:
        bot, name = self._bots.get(request.path_params["token"]), request.path_params["name"]
        return Response(bot.files[name]) if bot and name in bot.files else Response("Not Found", 404)


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
