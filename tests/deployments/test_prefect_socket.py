"""Prefect's websockets behind the gate: its own clients, through the real Caddy and the API, to its real server."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prefect
import pytest
from prefect.events import Event
from prefect.events.clients import PrefectEventsClient, PrefectEventSubscriber
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from blocks.caddy import Caddy
from deployments.api.application import routes
from deployments.api.gate import Gate
from deployments.api.prefect_socket import LATER, MESSAGE, REFUSED, PrefectServer, PrefectSockets
from deployments.api.serving import server_of, until_ended
from deployments.supervision.caddy_service import prefect_door
from deployments.supervision.services import prefect_service
from deployments.wiring import Wiring
from tasks.keys import revoke_key
from tasks.reconciler import reconcile_routes
from tests.blocks.services import caddy_server, free_port
from tests.deployments.api_bench import ANN, NOON, OPERATOR, READ, WRITE, Api, api_in
from tests.deployments.test_prefect_door import place, wired
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryWakeups
from tests.prefect_database import lay_prefect_database

pytestmark = pytest.mark.usefixtures("no_settings")

OUT = "/api/events/out"
Spoken = tuple[Subprotocol, ...]
SPOKEN: Spoken = (Subprotocol("prefect"),)


@dataclass
class Way:
    """Caddy, the API and a server of Prefect's behind each other."""

    api: Api
    sockets: PrefectSockets
    port: int
    word: str

    async def operator(self) -> str:
        return await self.api.key("local:op", OPERATOR, WRITE)

    def speaking(
        self, path: str = OUT, spoken: tuple[Subprotocol, ...] = SPOKEN
    ) -> AbstractAsyncContextManager[ClientConnection]:
        """Open a websocket as a stranger can."""
        at = f"ws://prefect.localhost:{self.port}{path}"
        return connect(at, host="127.0.0.1", port=self.port, subprotocols=spoken or None, proxy=None, max_size=MESSAGE)

    async def closed(self, first: str | bytes | None, then: str | None = None) -> tuple[int, str]:
        """Say this, and return how the websocket is closed."""
        async with self.speaking() as it:
            for said in (first, then):
                if said is not None:
                    await it.send(said)
            with suppress(ConnectionClosed):
                while True:
                    await it.recv()
        return it.close_code or 0, it.close_reason or ""


@asynccontextmanager
async def way_to(folder: Path, behind: Callable[[Wiring], AbstractAsyncContextManager[object]]) -> AsyncIterator[Way]:
    """Open the way to what serves at the wiring's port of Prefect."""
    stop, port = asyncio.Event(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wiring = wired(folder / "home", listener.getsockname()[1], port)
        server = PrefectServer(url=wiring.prefect_api_url, word=wiring.folder.prefect_auth)
        async with behind(wiring), api_in(folder) as api:
            sockets = PrefectSockets(doorkeeper=api.house.doorkeeper, clock=lambda: api.now, server=server)
            gate = Gate(routes(api.house), api.house.doorkeeper, lambda: api.now, sockets)
            serving = asyncio.create_task(until_ended(server_of(gate, "127.0.0.1"), listener, None, stop))
            with caddy_server(**prefect_door(wiring)) as running:
                caddy = Caddy(admin=running.admin, listen=running.listen)
                await reconcile_routes(api.registry, FakeEngine(), caddy, MemoryWakeups(), place(wiring).own_routes)
                yield Way(api, sockets, int(running.listen[1:]), wiring.folder.prefect_auth)
            stop.set()
            await serving


@asynccontextmanager
async def prefect_itself(wiring: Wiring) -> AsyncIterator[None]:
    """Run the server as `slipway up` does."""
    wiring.folder.prefect.mkdir(exist_ok=True)
    lay_prefect_database(wiring.folder.prefect / "prefect.db")
    service = prefect_service(wiring)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = await asyncio.create_subprocess_exec(*service.argv, env=service.environment, **quiet)
    try:
        while not await service.ready():
            assert process.returncode is None
            await asyncio.sleep(0.1)
        yield
    finally:
        process.terminate()
        await process.wait()


def echo(wiring: Wiring) -> AbstractAsyncContextManager[object]:
    """Stand for the server: let in who has its word, say what is said, and close when it is asked to."""

    async def answer(it: ServerConnection) -> None:
        if json.loads(await it.recv()) != {"type": "auth", "token": wiring.folder.prefect_auth}:
            await it.close(1008, "Invalid token")
            return
        await it.send(json.dumps({"type": "auth_success"}))
        async for said in it:
            if said == "end":
                await it.close(1002, "Invalid filter")
                return
            await it.send(said)

    return serve_sockets(answer, "127.0.0.1", wiring.prefect_port, subprotocols=SPOKEN, max_size=MESSAGE)


def near(ask: Any) -> Any:
    """Return a resolver that knows, as browsers do, that what ends in .localhost is here."""
    return lambda host, *more, **named: ask("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **named)


def greeting(token: object) -> str:
    return json.dumps({"type": "auth", "token": token})


async def test_programs_elsewhere_hear_and_tell_events_by_an_operators_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", near(socket.getaddrinfo))
    async with way_to(tmp_path, prefect_itself) as way:
        key, url = await way.operator(), f"http://prefect.localhost:{way.port}/api"
        with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: f"me:{key}"}):
            async with asyncio.timeout(60), PrefectEventSubscriber() as heard, PrefectEventsClient() as telling:
                await telling.emit(Event(event="door.opened", resource={"prefect.resource.id": "door"}))
                async for event in heard:
                    if event.event == "door.opened":
                        break


async def test_nobody_else_comes_in(tmp_path: Path) -> None:
    async with way_to(tmp_path, echo) as way:
        ann, reader = await way.api.key(ANN, READ, WRITE), await way.api.key("local:op", OPERATOR)
        unknown, low = "this key opens nothing", "this needs a key with the scopes `operator` and `write`"
        for token, said in (
            (f"slipway_{'0' * 12}_{'a' * 43}", unknown),
            (ann, low),
            (f"me:{reader}", low),
            (way.word, unknown),
        ):
            assert await way.closed(greeting(token)) == (REFUSED, said)
        no_key = (REFUSED, "the first message has to show a key")
        for first in (greeting(None), greeting(7), '{"type": "filter"}', "[]", "null", "{", "[" * 100_000):
            assert await way.closed(first) == no_key
        way.sockets.greeting = 0
        assert await way.closed(None) == no_key
        for path, spoken in (
            (OUT, ()),
            (OUT, (Subprotocol("other"),)),
            ("/", SPOKEN),
            ("/apis", SPOKEN),
            ("/api/a%0d/..;", SPOKEN),
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with way.speaking(path, spoken):
                    pass
            assert refused.value.response.status_code == 403
        assert way.sockets.number == 0


async def test_what_is_said_goes_both_ways_until_either_side_ends_it(tmp_path: Path) -> None:
    async with way_to(tmp_path, echo) as way:
        first = greeting(f"me:{await way.operator()}")
        async with way.speaking() as it:
            await it.send(first)
            assert json.loads(await it.recv()) == {"type": "auth_success"}
            for said in ("one", "\u2028 ü", "x" * 1_500_000):
                await it.send(said)
                assert await it.recv() == said
            assert way.sockets.number == 1
        assert await way.closed(first, "end") == (1002, "Invalid filter")
        async with way.speaking() as it:
            await it.send(first)
            await it.recv()
            await it.send(b"bytes")
            with pytest.raises(ConnectionClosed, match="messages are text"):
                await it.recv()
        way.sockets.most = 0
        with pytest.raises(InvalidStatus):
            async with way.speaking():
                pass


async def test_a_key_that_is_revoked_ends_its_websocket(tmp_path: Path) -> None:
    async with way_to(tmp_path, echo) as way:
        way.sockets.again, key = 0.05, await way.operator()
        async with way.speaking() as it:
            await it.send(greeting(key))
            await it.recv()
            await it.send("still here")
            assert await it.recv() == "still here"
            await revoke_key(key.split("_")[1], "local:op", way.api.registry, NOON)
            with pytest.raises(ConnectionClosed, match="this key opens nothing"):
                await it.recv()


@asynccontextmanager
async def nothing(wiring: Wiring) -> AsyncIterator[None]:
    yield


async def test_server_that_is_away_is_asked_again_later(tmp_path: Path) -> None:
    async with way_to(tmp_path, nothing) as way:
        assert await way.closed(greeting(await way.operator())) == (LATER, "ask again in a moment")


def test_pages_of_prefect_itself_open_no_websocket() -> None:
    """Its UI asks again and again: what docs/api.md says of it."""
    pages = [each for name in ("ui", "ui-v2") for each in (Path(prefect.__file__).parent / "server" / name).rglob("*.js")]
    assert len(pages) > 100
    assert not [each.name for each in pages if b"WebSocket(" in each.read_bytes()]
