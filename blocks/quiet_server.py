"""An HTTP server inside a process that does other things as well."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class QuietServer(uvicorn.Server):
    """A server that leaves the signals of its process to its process, and sends what it has at once."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to exit.

        asyncio sends without delay only on sockets that name TCP, which those of `socket.create_server` do not: a body that
        follows its head would wait 40 ms for the client's acknowledgement. Connections inherit it from the listener.
        """
        for listener in sockets or ():
            if listener.family != socket.AF_UNIX:
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await super().serve(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield
