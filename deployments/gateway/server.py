"""The gateway's door: which connections are taken at all, and for how long."""

import asyncio
import errno
import socket
from collections import Counter
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from blocks.quiet_server import QuietServer

HEAD_SECONDS = 10.0
"""A connection that has asked nothing by then is closed."""

CONNECTIONS = 64
"""Of one worker at once; of loopback, where all workers look alike, four times as many."""

HEAD_BYTES = 64 * 1024


class Doorkeeper:
    """Counts connections by address and knows whose are taken."""

    def __init__(self, subnet: IPv4Network) -> None:
        self._subnet = subnet
        self._limit = CONNECTIONS * 4 if subnet.is_loopback else CONNECTIONS
        self._open: Counter[str] = Counter()

    def takes(self, address: str) -> bool:
        """Count one more connection from the address; False when it is a stranger's or one too many."""
        if IPv4Address(address) not in self._subnet or self._open[address] >= self._limit:
            return False
        self._open[address] += 1
        return True

    def let_go(self, address: str) -> None:
        self._open[address] -= 1
        self._open += Counter()  # forgets addresses without connections


class Door(H11Protocol):
    """One connection."""

    def __init__(self, keeper: Doorkeeper, **settings: Any) -> None:
        super().__init__(**settings)
        self._keeper = keeper
        self._taken = ""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        address = str(transport.get_extra_info("peername")[0])
        if not self._keeper.takes(address):
            transport.abort()
            return
        self._taken = address
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._end_unasked)

    def data_received(self, data: bytes) -> None:
        if self._taken:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._taken:
            return
        self._keeper.let_go(self._taken)
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _end_unasked(self) -> None:
        if self.cycle is None:
            self.transport.abort()


def server_of(application: ASGIApp, subnet: IPv4Network) -> QuietServer:
    """Return the server for workers on `subnet`; it answers HTTP/1.1 without naming itself."""
    config = uvicorn.Config(
        application,
        http=partial(Door, Doorkeeper(subnet)),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_level="critical",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=2,
    )
    return QuietServer(config)


def bound(address: str, port: int) -> socket.socket | None:
    """Return a socket that listens there; None when the address is not of this machine."""
    try:
        return socket.create_server((address, port), backlog=128)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return None
