"""The simulated Telegram with a chat page in the browser: `python -m tests.fakes.telegram_page COMMAND`, as `make up SIM=1`.

The command gets a made-up token and the simulator's address in its environment, and everything ends when it ends. The person
of the page may start runs that cost money, so the page takes requests of this machine only: its host name is checked, and a
call must be JSON, which no page of another site can send without being asked first.
"""

import asyncio
import base64
import json
import mimetypes
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from blocks.quiet_server import QuietServer
from tests.fakes.telegram_api import TelegramApi
from tests.fakes.telegram_values import Message, Refused

ANN = 1001
PORT = 8070
SHOWN = 200
"""Messages that the page shows, the newest ones."""
PAGE = Path(__file__).with_name("telegram_page.html")
Act = Callable[[TelegramApi, dict[str, Any]], Awaitable[object]]


def page(api: TelegramApi) -> Starlette:
    """Return the page of one person's phone."""

    async def index(_: Request) -> Response:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"))

    async def events(_: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            async for _ in api.changes():
                yield f"data: {json.dumps(seen(api))}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def file(request: Request) -> Response:
        name = request.path_params["id"]
        known = api.kinds.get(name)
        if known is None:
            return Response("Not Found", 404)
        inline = known.kind == "photo" and known.mime.startswith("image/") and "svg" not in known.mime
        headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
        headers |= {} if inline else {"content-disposition": "attachment"}
        return Response(api.files[name], media_type=known.mime, headers=headers)

    async def act(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Response("only JSON is taken", 415)
        try:
            await ACTS[request.path_params["verb"]](api, an_object(await request.json()))
        except (KeyError, ValueError, IndexError, Refused) as error:
            return JSONResponse({"problem": str(error)}, 400)
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/events", events),
            Route("/files/{id}", file),
            Route("/{verb}", act, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def an_object(given: object) -> dict[str, Any]:
    """Return what was given when it is a JSON object; raise ValueError."""
    if not isinstance(given, dict):
        raise ValueError("only a JSON object is taken")  # noqa: TRY004  (the page's fault like any other, not the code's)
    return given


def seen(api: TelegramApi) -> dict[str, Any]:
    """Return what the person has before their eyes."""
    person = api.person(ANN)
    chat = [m for m in api.sent.values() if m.chat == ANN and not m.deleted][-SHOWN:]
    notes = [text for text in api.queries.values() if text]
    return {
        "messages": [shown(message) for message in chat],
        "draft": person.draft,
        "actions": len(person.actions),
        "notes": notes,
        "commands": api.commands.get(person.language) or api.commands.get("", []),
        "language": person.language,
    }


def shown(message: Message) -> dict[str, Any]:
    return asdict(message) | {"edits": len(message.versions) - 1, "versions": None}


async def _say(api: TelegramApi, call: dict[str, Any]) -> None:
    to = api.sent.get(int(call.get("to") or 0))
    await api.say(ANN, str(call["text"]), to)


async def _press(api: TelegramApi, call: dict[str, Any]) -> None:
    await api.press(api.sent[int(call["message"])].buttons[int(call["button"])])


async def _give(api: TelegramApi, call: dict[str, Any]) -> None:
    name, content = str(call["name"]), base64.b64decode(call["content"])
    mime = str(call.get("mime") or mimetypes.guess_type(name)[0] or "application/octet-stream")
    kind = {"image": "photo", "audio": "voice"}.get(mime.partition("/")[0], "document")
    await api.give(ANN, content, name, mime, kind, str(call.get("caption", "")))


async def _language(api: TelegramApi, call: dict[str, Any]) -> None:
    api.person(ANN).language = "ru" if call["language"] == "ru" else "en"
    await api.look()


ACTS: dict[str, Act] = {"say": _say, "press": _press, "give": _give, "language": _language}


def environment(api: TelegramApi) -> dict[str, str]:
    """Return the settings that lead Slipway to this Telegram, and let the page's person in."""
    return {
        "SLIPWAY_TELEGRAM_TOKEN": api.token,
        "SLIPWAY_TELEGRAM_API_URL": api.url,
        "SLIPWAY_TELEGRAM_ALLOWED": str(ANN),
    }


def later_than_before(api: TelegramApi) -> None:
    """Let ids go on from those of earlier starts: the bot remembers which updates it has handled, and its cards' messages."""
    api.next_update = api.next_message = int(time.time())


async def run(command: Sequence[str], port: int = PORT) -> int:
    """Serve until the command ends, and return its exit code."""
    async with TelegramApi() as api:
        api.person(ANN)
        later_than_before(api)
        listener = _listener(port)
        server = QuietServer(uvicorn.Config(page(api), log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        print(f"Telegram is simulated: chat at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
        try:
            return await _child(command, {**os.environ, **environment(api)})
        finally:
            server.should_exit = True
            await serving


async def _child(command: Sequence[str], settings: dict[str, str]) -> int:
    """Run the command; Ctrl-C reaches it by itself, a polite end is passed on."""
    child = await asyncio.create_subprocess_exec(*command, env=settings)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, child.terminate)
    return await child.wait()


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:  # taken: any other one is as good
        return socket.create_server(("127.0.0.1", 0))


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:] or ["slipway", "up"])))
