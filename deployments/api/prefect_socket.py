"""Prefect's websockets behind the gate: its events, its logs, its workers' channel.

Prefect takes what it wants to be shown in a websocket's first message, where Caddy cannot put it. So Caddy leads websockets
here: the key that the first message holds is looked at as anywhere else, and our own word for Prefect's server goes on in its
place. Behind the first message nothing is read, and nothing kept.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from deployments.api.doors import PREFECT
from deployments.api.knocking import Doorkeeper, address_of
from deployments.api.prefect_door import for_operators
from deployments.api.problems import Refusal
from domain.errors import TryAgain

logger = logging.getLogger(__name__)

SPOKEN = "prefect"
"""What Prefect calls its own way of speaking by a websocket."""
MESSAGE = 2 * 1024 * 1024
"""Bytes of one message; Prefect takes events of 1.5 MB."""
REFUSED, LATER, UNSAID = 1008, 1013, (1005, 1006)
"""Why a websocket is closed (RFC 6455, 7.4.1, and what IANA registered): by our rules, for now; without a word."""
PLACE = re.compile(rf"{PREFECT}(/api(/[A-Za-z0-9._~%-]+)+)")


@dataclass(frozen=True, kw_only=True)
class PrefectServer:
    """Where our Prefect server is, and what it wants to be shown."""

    url: str
    word: str = field(repr=False)

    def socket(self, path: str) -> str:
        """Return the address of a websocket; the path is below that of its API."""
        return f"ws{self.url.removeprefix('http').removesuffix('/').removesuffix('/api')}{path}"


@dataclass(kw_only=True)
class PrefectSockets:
    """All that go on."""

    doorkeeper: Doorkeeper
    clock: Callable[[], datetime]
    server: PrefectServer | None
    most: int = 200
    greeting: float = 10.0
    """Seconds for the first message."""
    again: float = 60.0
    """Seconds after which the key is looked at again."""
    number: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead one to Prefect's server until either side closes it or its key ends; one for anything else is a 403."""
        socket, place = WebSocket(scope, receive, send), PLACE.fullmatch(scope["raw_path"].decode("latin-1"))
        if self.server is None or not place or SPOKEN not in scope["subprotocols"] or self.number >= self.most:
            return await socket.close()
        self.number += 1
        try:
            await self._lead(socket, self.server, place[1])
        finally:
            self.number -= 1

    async def _lead(self, socket: WebSocket, server: PrefectServer, path: str) -> None:
        await socket.accept(SPOKEN)
        try:
            key = await self._key(socket)
            await self._admit(socket, key)
            async with _joined(server, path) as there:
                await _first_of(_sent(socket, there), _brought(there, socket), self._watched(socket, key))
                await socket.close(*_ended(there))
        except WebSocketDisconnect:
            return
        except Refusal as refusal:
            await socket.close(REFUSED, refusal.detail)
        except (TryAgain, TimeoutError, OSError, WebSocketException) as error:
            logger.warning("a websocket of Prefect's ends: %s: %s", type(error).__name__, error)
            await socket.close(LATER, "ask again in a moment")

    async def _key(self, socket: WebSocket) -> str:
        """Return what the first message shows: `name:key`, as a browser would, or the key alone."""
        try:
            async with asyncio.timeout(self.greeting):
                shown = _token(await _text(socket))
        except TimeoutError:
            shown = ""
        if not shown:
            raise Refusal(401, "the first message has to show a key")
        name, _, key = shown.partition(":")
        return key or name

    async def _admit(self, socket: WebSocket, key: str) -> None:
        for_operators(await self.doorkeeper.key(key, address_of(socket.scope), self.clock()))

    async def _watched(self, socket: WebSocket, key: str) -> None:
        """Raise Refusal when the key opens nothing any more."""
        while True:
            await asyncio.sleep(self.again)
            await self._admit(socket, key)


@asynccontextmanager
async def _joined(server: PrefectServer, path: str) -> AsyncIterator[ClientConnection]:
    """Yield a websocket on which Prefect's server knows us; its answer to that is the first message."""
    spoken = [Subprotocol(SPOKEN)]
    async with connect(server.socket(path), subprotocols=spoken, proxy=None, compression=None, max_size=MESSAGE) as there:
        await there.send(json.dumps({"type": "auth", "token": server.word}))
        yield there


async def _first_of(*ways: Coroutine[None, None, None]) -> None:
    """Return, or raise, when one of them does; the others are ended."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _sent(socket: WebSocket, there: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await there.send(await _text(socket))


async def _brought(there: ClientConnection, socket: WebSocket) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.send_text(await there.recv(decode=True))


async def _text(socket: WebSocket) -> str:
    try:
        return await socket.receive_text()
    except KeyError:
        raise Refusal(422, "messages are text") from None


def _token(said: str) -> str:
    """Return the token of a greeting; empty for anything else."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return ""
    token = found.get("token") if isinstance(found, dict) and found.get("type") == "auth" else None
    return token if isinstance(token, str) else ""


def _ended(there: ClientConnection) -> tuple[int, str]:
    """Return how Prefect's server closed it; one that is gone may be back."""
    unsaid = there.close_code in UNSAID
    return (LATER, "") if unsaid else (there.close_code or LATER, there.close_reason or "")
