"""Doors on unix sockets, at which tools are served by the Model Context Protocol.

Who may come in is not asked here: only this machine's user reaches the sockets, and the model gateway passes on whom a token
names.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from blocks.door_sockets import DoorSockets
from domain.roles import Tools


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
        server = protocol.server_of(manager)
        with self._sockets.listening(name) as listener:
            serving = asyncio.create_task(protocol.serve(server, manager, listener))
            try:
                yield
            finally:
                server.should_exit = True
                await serving
