"""The API as a process: its desk, its server, and its end."""

import asyncio
import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from blocks.quiet_server import QuietServer
from blocks.redis_counters import RedisCounters
from deployments.api.access import House
from deployments.api.application import application
from deployments.api.broadcasts import Broadcasts
from deployments.api.hook import Hook, hook_secret
from deployments.api.pepper import pepper_of
from deployments.api.prefect_socket import MESSAGE, PrefectServer
from deployments.checks.preflight import api_port
from deployments.data_folder import DataFolder
from deployments.desk.allowances import Allowances
from deployments.github.listener import listening
from deployments.github.place import Place
from deployments.settings import Settings
from deployments.stopping import stop_event
from deployments.wiring import EVERYWHERE, LOOPBACK
from domain.doors import DoorRegistry
from domain.errors import BadInput

logger = logging.getLogger(__name__)

HEAD_BYTES = 32 * 1024
CONNECTIONS = 1000
"""At once, beside those of streams."""
STOPPING = 3
"""Seconds that requests in flight get when it is ended."""


class Websockets(WebSocketsSansIOProtocol):
    """uvicorn's, which leaves without an answer who asks for a websocket in a way that none is asked for, as by POST."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()


def server_of(app: ASGIApp, proxy: str | None, connections: int = CONNECTIONS) -> QuietServer:
    """Return the server; it believes the forwarded address of `proxy` alone, and does not name itself."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws=Websockets,
        ws_max_size=MESSAGE,
        ws_per_message_deflate=False,
        lifespan="off",
        interface="asgi3",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
        h11_max_incomplete_event_size=HEAD_BYTES,
        limit_concurrency=connections,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=STOPPING,
    )
    return QuietServer(config)


def proxy_before(settings: Settings) -> str | None:
    """Return whose X-Forwarded-For is believed: the proxy that the settings name, else our own Caddy's.

    Who asks an address of this machine from this machine comes from that address.
    """
    own = LOOPBACK if settings.api_bind == EVERYWHERE else settings.api_bind
    return settings.api_proxy or (None if settings.caddy_admin else own)


async def serve(settings: Settings, port: int = 0, mark: Path | None = None) -> None:
    """Answer until SIGTERM, without a port on that of the settings; raise BadInput when there is none to answer on."""
    port = port or api_port(settings, DataFolder(settings.home))
    if not port:
        raise BadInput("the HTTP API has no port: set SLIPWAY_API_PORT")
    from deployments.desk.opening import open_desk  # its blocks load every vendor

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    for name in ("httpx", "prefect"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _listening(settings.api_bind, port) as listener:
        logger.info("the HTTP API is at http://%s:%d", settings.api_bind, port)
        async with open_desk({}) as desk, desk.blocks.kept():
            registry, folder = cast(DoorRegistry, desk.blocks.registry), DataFolder(settings.home)
            house = House(
                desk=desk,
                registry=registry,
                counters=RedisCounters(desk.blocks.wakeups.url),
                rate=settings.api_rate,
                broadcasts=Broadcasts(settings.api_streams),
                pepper=pepper_of(folder),
                allowances=Allowances(registry, desk.wakeups, settings.people.usual),
                hook=Hook(secret=hook_secret(folder).encode(), label=settings.github_label),
                rules=settings.people,
                files=settings.attachment_limits,
                bot_token=settings.telegram_token.get_secret_value() if settings.telegram_token else "",
            )
            connections = CONNECTIONS + settings.api_streams
            allow_files(2 * connections)
            server = server_of(application(house, prefect=prefect_of(settings)), proxy_before(settings), connections)
            async with listening(place_of(house)):
                await until_ended(server, listener, mark)


def allow_files(number: int) -> None:
    """Let this process have so many files and connections open at once, or as many as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))


def prefect_of(settings: Settings) -> PrefectServer | None:
    """Return our Prefect server; None where another's is used, whose websockets are not ours to open."""
    from prefect.settings import PREFECT_API_URL

    if settings.prefect_api_url:
        return None
    return PrefectServer(url=PREFECT_API_URL.value(), word=DataFolder(settings.home).prefect_auth)


def place_of(house: House) -> Place | None:
    """Return what answers GitHub; None where this installation does not act there."""
    blocks = house.desk.blocks
    if blocks.github is None or blocks.remote is None:
        return None
    return Place(
        desk=house.desk,
        registry=house.registry,
        wakeups=house.desk.wakeups,
        github=blocks.github,
        remote=blocks.remote,
        allowances=house.allowances,
        label=house.hook.label,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port), backlog=256)
    except OSError as error:
        raise BadInput(f"the HTTP API cannot listen on {host}:{port}: {error.strerror}; set SLIPWAY_API_PORT") from error
    with listener:
        yield listener


async def until_ended(
    server: QuietServer, listener: socket.socket, mark: Path | None = None, until: asyncio.Event | None = None
) -> None:
    """Serve until SIGINT, SIGTERM or `until`, or until the server ends by itself."""
    with stop_event(until) as stop:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            if mark:
                mark.touch()  # noqa: ASYNC240  (one instant; the listener takes connections by now)
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        finally:
            server.should_exit = True
            await serving
