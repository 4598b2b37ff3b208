"""Tools of ours by the Model Context Protocol: streamable HTTP, stateless, each answer one JSON document.

https://modelcontextprotocol.io/specification
"""

import asyncio
import logging
import socket
from typing import Any
from uuid import uuid4

import uvicorn
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from blocks.quiet_server import QuietServer
from domain.conversations import ToolResult, ToolUse
from domain.roles import Tools
from domain.tool_doors import CALL_LIMIT

CALL_OF = "claudecode/toolUseId"
"""Where Claude Code names the model's own call: one that comes again is the same."""

CLOSING_SECONDS = 1
"""What a call that is under way has left when its door is shut: who stops a turn waits for it."""
FAILED = "this could not be done now"

log = logging.getLogger("slipway.doors")


def manager_of(tools: Tools) -> StreamableHTTPSessionManager:
    """Return an ASGI application's two halves: `run()` around its life, `handle_request` for each request."""
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return StreamableHTTPSessionManager(_server(tools), json_response=True, stateless=True, max_request_body_size=CALL_LIMIT)


async def serve(server: QuietServer, manager: StreamableHTTPSessionManager, listener: socket.socket) -> None:
    """Serve until told to exit; in a task of its own, since the manager's task group would wrap what is raised inside it."""
    async with manager.run():
        await server.serve([listener])
        # It cancels what takes too long and does not wait; whoever opened the door goes on with what the calls have written.
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


def server_of(manager: StreamableHTTPSessionManager) -> QuietServer:
    """Return the server of a door."""
    config = uvicorn.Config(
        manager.handle_request,
        lifespan="off",
        interface="asgi3",
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    return QuietServer(config)


def _server(tools: Tools) -> Server[Any]:
    async def listed(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(name=spec.name, description=spec.description, input_schema=spec.input_schema or {"type": "object"})
                for spec in tools.specs
            ]
        )

    async def called(_: ServerRequestContext[Any], asked: types.CallToolRequestParams) -> types.CallToolResult:
        call = ToolUse(id=_identity(asked), name=asked.name, input=asked.arguments or {})
        try:
            result = await tools.run(call)
        except Exception as error:
            log.warning("a call of %s raised %s", asked.name[:60], type(error).__name__)
            result = ToolResult(tool_use_id=call.id, text=FAILED, is_error=True)
        return types.CallToolResult(content=[types.TextContent(type="text", text=result.text)], is_error=result.is_error)

    return Server("slipway", on_list_tools=listed, on_call_tool=called)


def _identity(asked: types.CallToolRequestParams) -> str:
    """Return the id of the model's own call where its agent names it, else a new one."""
    named = dict(asked.meta or {}).get(CALL_OF)
    return named if isinstance(named, str) and named else f"mcp_{uuid4().hex[:24]}"
