"""Doors on unix sockets, at which tools are served by the Model Context Protocol.

Who may come in is not asked here: only this machine's user reaches the sockets, and the model gateway passes on whom a token
names.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from blocks.door_sockets import DoorSockets
from blocks.quiet_server import QuietServer
from domain.roles import Tools

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

CLOSING_SECONDS = 1
"""What a call that is under way has left when its door is shut: who stops a turn waits for it."""


class McpDoors:
    """Fulfils `domain.tool_doors.ToolDoors` for one data folder."""

    def __init__(self, home: Path) -> None:
        self._sockets = DoorSockets(home)

    @asynccontextmanager
    async def opened(self, name: str, tools: Tools) -> AsyncIterator[None]:
        """Serve the tools at the door for as long as the context lasts; a call that is under way then is cut off, and over."""
        # A second of imports, which only installations with a CLI in a chat need; the bot goes on meanwhile.
        protocol = await asyncio.to_thread(import_module, "blocks.mcp_server")
        manager = protocol.manager_of(tools)
        server = _server(manager.handle_request)
        with self._sockets.listening(name) as listener:
            serving = asyncio.create_task(_serve(server, manager, listener))
            try:
                yield
            finally:
                server.should_exit = True
                await serving


async def _serve(server: QuietServer, manager: "StreamableHTTPSessionManager", listener: socket.socket) -> None:
    """Serve until told to exit; in a task of its own, since the manager's task group would wrap what is raised inside it."""
    async with manager.run():
        await server.serve([listener])
        # It cancels what takes too long and does not wait; whoever opened the door goes on with what the calls have written.
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


def _server(application: ASGIApp) -> QuietServer:
    config = uvicorn.Config(
        application,
        lifespan="off",
        interface="asgi3",
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    return QuietServer(config)
